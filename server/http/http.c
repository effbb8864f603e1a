/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/http.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/secret.h"
#include "server/http/http_private.h"
#include "server/http/route.h"

/* What libmicrohttpd has per connection: a request's line and headers, its list of them, and
 * the buffer for the answer. 10,000 watchers hold one each. */
#define CONNECTION_MEMORY (NX_HEAD_LIMIT + 1024)
/* Requests that wait for a worker at most. */
#define QUEUE_LIMIT 8192
/* Workers that hash passwords, tens of megabytes and milliseconds each, and who waits for them. */
#define SLOW_WORKERS 2
#define SLOW_QUEUE_LIMIT 64

/* Not const for the sake of libmicrohttpd's option table alone. */
static char tls_priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

enum nx_status nx_http_check(const struct nx_http_options *options, struct nx_error *error)
{
	struct nx_tls *tls;
	enum nx_status status = nx_listeners_check(options->listen, error);

	if (status != NX_OK)
		return status;
	status = nx_tls_new(options->tls_certificate, options->tls_key, &tls, error);
	if (status == NX_OK)
		nx_tls_free(tls);
	return status;
}

__attribute__((format(printf, 2, 0))) static void daemon_log(void *context, const char *format,
							     va_list arguments)
{
	char text[320];

	(void)context;
	if (!nx_log_enabled(NX_LOG_DEBUG))
		return;
	int length = vsnprintf(text, sizeof(text), format, arguments);
	if (length > 0 && (size_t)length < sizeof(text) && text[length - 1] == '\n')
		text[length - 1] = '\0';
	nx_log(NX_LOG_DEBUG, "http", "message", text, NULL);
}

static enum nx_status daemon_start(struct nx_http *http, struct nx_error *error)
{
	unsigned flags = MHD_USE_EPOLL | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET |
			 MHD_USE_ERROR_LOG | (http->tls ? MHD_USE_TLS : 0u);
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_CERT_CALLBACK, 0, http->tls ? nx_tls_callback(http->tls) : NULL},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, tls_priorities},
		{MHD_OPTION_END, 0, NULL},
	};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};

	http->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, nx_exchange_serve, http, MHD_OPTION_EXTERNAL_LOGGER, daemon_log, NULL,
		MHD_OPTION_URI_LOG_CALLBACK, nx_exchange_target, http, MHD_OPTION_NOTIFY_COMPLETED,
		nx_exchange_completed, http, MHD_OPTION_NOTIFY_CONNECTION, nx_connection_notify,
		&http->connections, MHD_OPTION_CONNECTION_LIMIT, (unsigned)INT_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT,
		1, MHD_OPTION_ARRAY, http->tls ? tls : none, MHD_OPTION_END);
	if (!http->daemon)
		return nx_fail(error, NX_INTERNAL, NULL, "cannot start the HTTP library%s",
			       http->tls ? " with TLS" : "");
	http->daemon_epoll = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	return NX_OK;
}

/* Events carry the place where their descriptor stands. */
static bool epoll_add(const struct nx_http *http, void *place, int descriptor)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = place};

	return epoll_ctl(http->epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

static enum nx_status epoll_setup(struct nx_http *http, struct nx_error *error)
{
	http->epoll = epoll_create1(EPOLL_CLOEXEC);
	http->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	bool ready = http->epoll >= 0 && http->event >= 0 && epoll_add(http, &http->event, http->event) &&
		     epoll_add(http, &http->daemon_epoll, http->daemon_epoll);
	for (size_t i = 0; ready && i < http->listeners.count; i++)
		ready = epoll_add(http, &http->listeners.socket[i], http->listeners.socket[i]);
	if (!ready)
		return nx_fail(error, NX_INTERNAL, NULL, "cannot wait for connections: %s", strerror(errno));
	return NX_OK;
}

/* Each connection is a descriptor: take as many as the system allows, and say when these are
 * too few for the limits. */
static void descriptors_raise(const struct nx_http_limits *limits)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t)limits->connections + limits->watchers + 256;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < wanted)
		nx_log_text(NX_LOG_WARNING, NULL,
			    "the system allows %llu open files, fewer than max-connections and max-watchers "
			    "may need (%llu): raise LimitNOFILE of the service, or lower the limits",
			    (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
}

enum nx_status nx_http_new(struct nx_server *server, const struct nx_http_options *options,
			   struct nx_http **out, struct nx_error *error)
{
	struct nx_http *http = nx_alloc(sizeof(*http));

	http->server = server;
	atomic_init(&http->turned, true);
	http->epoll = http->event = -1;
	LIST_INIT(&http->streams);
	pthread_mutex_init(&http->drain_lock, NULL);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&http->drained, &monotonic);
	pthread_condattr_destroy(&monotonic);
	nx_random_bytes(&http->id_seed, sizeof(http->id_seed));
	http->router = nx_router_new(nx_routes, nx_route_count);
	nx_connections_setup(&http->connections, &options->limits);
	descriptors_raise(&options->limits);

	enum nx_status status = nx_tls_new(options->tls_certificate, options->tls_key, &http->tls, error);
	if (status == NX_OK)
		status = nx_listeners_open(options->listen, &http->listeners, error);
	if (status == NX_OK)
		status = nx_workers_new("worker", options->workers, QUEUE_LIMIT, &http->workers, error);
	if (status == NX_OK)
		status = nx_workers_new("password", SLOW_WORKERS, SLOW_QUEUE_LIMIT, &http->slow, error);
	if (status != NX_OK) {
		nx_http_free(http);
		return status;
	}
	*out = http;
	return NX_OK;
}

enum nx_status nx_http_start(struct nx_http *http, struct nx_error *error)
{
	enum nx_status status = daemon_start(http, error);

	if (status == NX_OK)
		status = epoll_setup(http, error);
	if (status != NX_OK)
		return status;
	int failure = pthread_create(&http->thread, NULL, nx_http_loop, http);
	if (failure)
		return nx_fail(error, NX_INTERNAL, NULL, "cannot start the HTTP thread: %s",
			       strerror(failure));
	http->running = true;
	return NX_OK;
}

enum nx_status nx_http_reload(struct nx_http *http, const struct nx_http_options *options,
			      struct nx_error *error)
{
	if (!http->tls && options->tls_certificate && options->tls_certificate[0])
		return nx_fail(error, NX_INVALID, "tls-certificate",
			       "TLS cannot be switched on while the server runs: restart it");
	if (http->tls) {
		enum nx_status status =
			nx_tls_reload(http->tls, options->tls_certificate, options->tls_key, error);
		if (status != NX_OK)
			return status;
	}
	nx_connections_limit(&http->connections, &options->limits);
	return NX_OK;
}

void nx_http_addresses(const struct nx_http *http, char *text, size_t room)
{
	nx_listeners_format(&http->listeners, text, room);
}

static bool is_drained(struct nx_http *http)
{
	return !atomic_load(&http->connections.busy) && !atomic_load(&http->connections.watching);
}

bool nx_http_drain(struct nx_http *http, unsigned seconds)
{
	struct timespec until;
	bool drained;

	if (!http->running)
		return true;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += seconds;
	atomic_store(&http->phase, NX_HTTP_DRAINING);
	nx_http_wake(http);
	pthread_mutex_lock(&http->drain_lock);
	while (!(drained = is_drained(http))) {
		if (pthread_cond_timedwait(&http->drained, &http->drain_lock, &until) == ETIMEDOUT)
			break;
	}
	pthread_mutex_unlock(&http->drain_lock);
	return drained;
}

bool nx_http_draining(const struct nx_http *http)
{
	return atomic_load(&http->phase) != NX_HTTP_SERVING;
}

bool nx_http_alive(struct nx_http *http)
{
	bool turned = atomic_exchange(&http->turned, false);

	nx_http_wake(http);
	return turned;
}

static void loop_stop(struct nx_http *http)
{
	atomic_store(&http->phase, NX_HTTP_STOPPING);
	if (http->running) {
		nx_http_wake(http);
		pthread_join(http->thread, NULL);
	} else if (http->daemon) {
		MHD_stop_daemon(http->daemon);
	}
}

void nx_http_free(struct nx_http *http)
{
	if (!http)
		return;
	nx_workers_free(http->workers);
	nx_workers_free(http->slow);
	loop_stop(http);
	nx_listeners_close(&http->listeners);
	if (http->epoll >= 0)
		close(http->epoll);
	if (http->event >= 0)
		close(http->event);
	nx_connections_free(&http->connections);
	nx_tls_free(http->tls);
	nx_router_free(http->router);
	pthread_cond_destroy(&http->drained);
	pthread_mutex_destroy(&http->drain_lock);
	free(http);
}

void nx_http_figures(struct nx_http *http, struct nx_http_figures *out)
{
	*out = (struct nx_http_figures){
		.connections = atomic_load(&http->connections.count),
		.watchers = atomic_load(&http->connections.watching),
		.requests = atomic_load(&http->connections.busy),
		.queued = nx_workers_queued(http->workers) + nx_workers_queued(http->slow),
		.accepted = atomic_load(&http->connections.accepted),
		.refused = atomic_load(&http->connections.refused),
		.evicted = atomic_load(&http->connections.evicted),
	};
}
