/* SPDX-License-Identifier: Apache-2.0 */
#include "server/stun/stun.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/log.h"
#include "base/memory.h"
#include "server/http/request.h"
#include "server/server.h"
#include "server/stun/loop.h"
#include "server/stun/names.h"
#include "server/stun/options.h"

struct nx_stun_server {
	struct nx_stun_loop loop;
	pthread_t thread;
	bool running;
	uint16_t port[2]; /* 0: not answered */
	pthread_mutex_t lock;
	char *list; /* what agents are told; under the lock */
};

enum nx_status nx_stun_server_check(const struct nx_config *config, struct nx_error *error)
{
	struct nx_stun_options options;

	return nx_stun_options_read(config, &options, error);
}

static void list_write(struct nx_stun_server *server, const struct nx_stun_options *options)
{
	struct nx_stun_names names = {
		.hosts = options->advertise,
		.port = {server->port[0], server->port[1]},
		.servers = options->servers,
	};
	struct nx_buffer text = {0};

	nx_stun_names_write(&names, &text);
	pthread_mutex_lock(&server->lock);
	free(server->list);
	server->list = nx_buffer_take(&text);
	pthread_mutex_unlock(&server->lock);
}

/* Nobody asked for the default ports by name: another program may have had them first. */
static enum nx_status ports_bind(struct nx_stun_server *server, const struct nx_stun_options *options,
				 struct nx_error *error)
{
	uint16_t wanted[] = {options->port, options->alternate_port};

	for (size_t i = 0; i < NX_COUNT(wanted); i++) {
		enum nx_status status = nx_stun_sockets_open(options->address, options->address_count,
							     &wanted[i], &server->loop.sockets, error);
		if (status == NX_OK)
			server->port[i] = wanted[i];
		else if (options->insistent)
			return status;
		else
			nx_log(NX_LOG_WARNING, "STUN goes on without a port", "error", error->message, NULL);
	}
	return NX_OK;
}

enum nx_status nx_stun_server_new(const struct nx_config *config, struct nx_stun_server **out,
				  struct nx_error *error)
{
	struct nx_stun_options options;
	enum nx_status status = nx_stun_options_read(config, &options, error);

	if (status != NX_OK)
		return status;
	struct nx_stun_server *server = nx_alloc(sizeof(*server));
	pthread_mutex_init(&server->lock, NULL);
	server->loop.poll = server->loop.stop = -1;
	if (options.enabled)
		status = ports_bind(server, &options, error);
	if (status == NX_OK && server->loop.sockets.count)
		status = nx_stun_loop_begin(&server->loop, error);
	if (status != NX_OK) {
		nx_stun_server_free(server);
		return status;
	}
	list_write(server, &options);
	*out = server;
	return NX_OK;
}

static void log_started(const struct nx_stun_server *server)
{
	char ports[sizeof("65535 65535")];

	if (server->port[0] && server->port[1])
		snprintf(ports, sizeof(ports), "%u %u", server->port[0], server->port[1]);
	else
		snprintf(ports, sizeof(ports), "%u", server->port[0] + server->port[1]);
	nx_log(NX_LOG_INFO, "answering STUN requests", "ports", ports, NULL);
}

enum nx_status nx_stun_server_start(struct nx_stun_server *server, struct nx_error *error)
{
	if (server->loop.sockets.count == 0)
		return NX_OK;
	int failure = pthread_create(&server->thread, NULL, nx_stun_loop_run, &server->loop);
	if (failure)
		return nx_fail(error, NX_UNAVAILABLE, NULL, "cannot start the STUN thread: %s",
			       strerror(failure));
	server->running = true;
	log_started(server);
	return NX_OK;
}

void nx_stun_server_reload(struct nx_stun_server *server, const struct nx_config *config)
{
	struct nx_stun_options options;

	if (nx_stun_options_read(config, &options, NULL) == NX_OK)
		list_write(server, &options);
}

void nx_stun_server_free(struct nx_stun_server *server)
{
	if (!server)
		return;
	if (server->running) {
		eventfd_write(server->loop.stop, 1);
		pthread_join(server->thread, NULL);
	}
	nx_stun_loop_end(&server->loop);
	pthread_mutex_destroy(&server->lock);
	free(server->list);
	free(server);
}

const char *nx_stun_result_name(enum nx_stun_result result)
{
	static const char *const names[] = {
		[NX_STUN_ANSWERED] = "answered", [NX_STUN_REFUSED] = "refused", [NX_STUN_LIMITED] = "limited",
		[NX_STUN_IGNORED] = "ignored",	 [NX_STUN_UNSENT] = "unsent",
	};

	return names[result];
}

uint64_t nx_stun_server_count(const struct nx_stun_server *server, enum nx_stun_result result)
{
	return atomic_load_explicit(&server->loop.count[result], memory_order_relaxed);
}

void nx_stun_servers_show(struct nx_request *request)
{
	struct nx_stun_server *server = nx_request_server(request)->stun;
	struct nx_buffer body = {0};

	pthread_mutex_lock(&server->lock);
	nx_buffer_text(&body, server->list);
	pthread_mutex_unlock(&server->lock);
	nx_reply_json(request, 200, &body);
}
