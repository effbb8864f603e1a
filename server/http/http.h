/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP side of the server: sockets, connections, workers. libmicrohttpd parses
 * and writes HTTP on one thread of ours, the HTTP thread, which waits in an epoll
 * loop of our own; a waiting request and a watcher are suspended connections, and
 * cost no thread. No other thread ever calls libmicrohttpd: workers and the store
 * leave their answers in a list and wake the loop once.
 */
#ifndef NX_SERVER_HTTP_H
#define NX_SERVER_HTTP_H

#include "base/error.h"
#include "server/server.h"

struct nx_http_limits {
	unsigned connections;		  /* in all, but for watchers */
	unsigned connections_per_address; /* an IPv6 /64 counts as one address */
	unsigned watchers;		  /* streams, which count apart */
	unsigned request_seconds;	  /* a request and its answer take that long at most */
};

struct nx_http_options {
	const char *listen;
	const char *tls_certificate; /* "" or NULL: no TLS */
	const char *tls_key;
	unsigned workers;
	struct nx_http_limits limits;
};

/* Judge what can be judged without binding a port or starting a thread. */
enum nx_status nx_http_check(const struct nx_http_options *options, struct nx_error *error);
/* Bind the ports and load the certificate. Nobody is answered before nx_http_start(). */
enum nx_status nx_http_new(struct nx_server *server, const struct nx_http_options *options,
			   struct nx_http **out, struct nx_error *error);
enum nx_status nx_http_start(struct nx_http *http, struct nx_error *error);
/* Take over limits and certificate. On failure all stays as it was. Control thread. */
enum nx_status nx_http_reload(struct nx_http *http, const struct nx_http_options *options,
			      struct nx_error *error);
/* "127.0.0.1:8080 …" */
void nx_http_addresses(const struct nx_http *http, char *text, size_t room);
/*
 * Stop accepting, end streams, close idle connections, and wait until all requests
 * are answered, `seconds` at most. False when some were not.
 */
bool nx_http_drain(struct nx_http *http, unsigned seconds);
/* True from nx_http_drain() on: /ready says no. */
bool nx_http_draining(const struct nx_http *http);
/* Ends workers and connections. The store must have been stopped, so that nobody will answer
 * a request any more. NULL is fine. */
void nx_http_free(struct nx_http *http);

/* Has the HTTP thread come round since the last call? Has it come round again by the next. Control
 * thread. */
bool nx_http_alive(struct nx_http *http);

struct nx_http_figures {
	unsigned connections, watchers, requests, queued;
	uint64_t accepted, refused, evicted;
};
/* Any thread. */
void nx_http_figures(struct nx_http *http, struct nx_http_figures *out);

#endif
