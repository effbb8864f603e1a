/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP thread: one epoll set of our own over the listening sockets, an eventfd,
 * libmicrohttpd's epoll descriptor and the sockets of suspended streams. In each turn
 * connections are resumed first and libmicrohttpd runs last, so that no resume waits
 * for the next event. (Its own thread would stall when a wait returns exactly as many
 * events as it asks for, and could miss the wake-up of a resume.)
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "server/http/http_private.h"

#define EVENTS 256
#define ACCEPT_AT_ONCE 64

void nx_http_wake(struct nx_http *http)
{
	uint64_t one = 1;

	if (!atomic_exchange(&http->signalled, true) && write(http->event, &one, sizeof(one)) < 0)
		abort(); /* an eventfd that holds 0 or 1 takes another 1 */
}

void nx_request_answered(struct nx_request *request)
{
	struct nx_http *http = request->http;

	request->replied = true;
	if (request->inside)
		return;
	struct nx_request *first = atomic_load(&http->answered);
	do
		request->next_answered = first;
	while (!atomic_compare_exchange_weak(&http->answered, &first, request));
	nx_http_wake(http);
}

static void answered_resume(struct nx_http *http)
{
	struct nx_request *request = atomic_exchange(&http->answered, NULL);

	while (request) {
		struct nx_request *next = request->next_answered;
		MHD_resume_connection(request->mhd);
		request = next;
	}
}

/* --- accepting ----------------------------------------------------------------------- */

/* Out of descriptors: the longest idle connection gives one back, a moment later. */
static void accept_failed(struct nx_http *http)
{
	struct nx_connection *longest = TAILQ_FIRST(&http->connections.idle);

	if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
		return;
	if (longest)
		nx_connection_cut(longest);
	else
		poll(NULL, 0, 10);
}

static void accept_from(struct nx_http *http, int listener)
{
	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		struct sockaddr_storage address;
		socklen_t length = sizeof(address);
		int fd = accept4(listener, (void *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			accept_failed(http);
			return;
		}
		if (nx_connections_admit(&http->connections, (const void *)&address))
			MHD_add_connection(http->daemon, fd, (const void *)&address, length);
		else
			close(fd);
	}
}

/* --- a turn ---------------------------------------------------------------------------- */

static int wait_ms(struct nx_http *http)
{
	MHD_UNSIGNED_LONG_LONG pending;

	if (MHD_get_timeout(http->daemon, &pending) == MHD_YES && pending == 0)
		return 0;
	return nx_deadlines_wait(&http->connections.deadlines, http->connections.now);
}

/* What an event is about is told by the address it carries. */
static void event_handle(struct nx_http *http, const struct epoll_event *event)
{
	const void *what = event->data.ptr;
	uint64_t ignored;

	if (what == &http->event) {
		if (read(http->event, &ignored, sizeof(ignored)) < 0 && errno != EAGAIN)
			abort();
		return;
	}
	if (what == &http->daemon_epoll)
		return; /* MHD_run() sees for itself */
	for (size_t i = 0; i < http->listeners.count; i++) {
		if (what == &http->listeners.socket[i]) {
			accept_from(http, http->listeners.socket[i]);
			return;
		}
	}
	nx_stream_hangup(event->data.ptr);
}

static void drain_begin(struct nx_http *http)
{
	if (http->connections.closing)
		return;
	nx_listeners_close(&http->listeners);
	nx_connections_close(&http->connections);
	nx_streams_end(http);
}

static void drain_tell(struct nx_http *http)
{
	if (atomic_load(&http->connections.busy) || atomic_load(&http->connections.watching))
		return;
	pthread_mutex_lock(&http->drain_lock);
	pthread_cond_signal(&http->drained);
	pthread_mutex_unlock(&http->drain_lock);
}

static void turn(struct nx_http *http)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(http->epoll, events, EVENTS, wait_ms(http));

	atomic_store(&http->turned, true);
	nx_connections_tick(&http->connections);
	for (int i = 0; i < count; i++)
		event_handle(http, &events[i]);
	/* After the eventfd is read and before the lists are: who comes later signals again. */
	atomic_store(&http->signalled, false);
	if (atomic_load(&http->phase) != NX_HTTP_SERVING)
		drain_begin(http);
	answered_resume(http);
	nx_streams_resume(http);
	MHD_run(http->daemon);
	if (http->connections.closing)
		drain_tell(http);
}

/* Nobody will answer any more. libmicrohttpd wants no connection suspended when it stops. */
static void abandon(struct nx_http *http)
{
	struct nx_request *request;

	drain_begin(http);
	LIST_FOREACH (request, &http->requests, under_way) {
		if (request->phase == NX_REQUEST_HANDLED && !request->replied)
			MHD_resume_connection(request->mhd);
	}
	answered_resume(http);
	nx_streams_resume(http);
	MHD_stop_daemon(http->daemon);
	http->daemon = NULL;
	nx_streams_resume(http); /* frees those that were woken and are closed */
}

void *nx_http_loop(void *context)
{
	struct nx_http *http = context;

	pthread_setname_np(pthread_self(), "http");
	while (atomic_load(&http->phase) != NX_HTTP_STOPPING)
		turn(http);
	abandon(http);
	return NULL;
}
