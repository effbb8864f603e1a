/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections, how many there may be, and how long each may take.
 *
 * A connection is idle (between requests), busy (from the first line of a request
 * to the last byte of its answer) or watching (its answer is a stream). Idle and
 * busy ones have a deadline and count towards the limits. When a limit is reached,
 * the connection that has been idle longest makes room for a new one; only when
 * none is idle the new one is refused. So connections that say nothing starve nobody.
 *
 * HTTP thread only.
 */
#ifndef NX_SERVER_HTTP_CONNECTION_H
#define NX_SERVER_HTTP_CONNECTION_H

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "server/http/deadline.h"
#include "server/http/http.h"
#include "server/http/peer.h"

struct nx_request;

enum nx_connection_state {
	NX_CONNECTION_IDLE = 1,
	NX_CONNECTION_BUSY,
	NX_CONNECTION_WATCHING,
	NX_CONNECTION_LEAVING, /* evicted; libmicrohttpd has not noticed yet */
};

struct nx_connection {
	struct nx_connections *all;
	struct nx_peer *peer;
	struct nx_request *request; /* the one under way until it is answered */
	struct nx_deadline deadline;
	TAILQ_ENTRY(nx_connection) idle;       /* in all->idle */
	TAILQ_ENTRY(nx_connection) peers_idle; /* in peer->idle */
	int socket;			       /* libmicrohttpd's */
	enum nx_connection_state state;
};

struct nx_connections {
	struct nx_peers *peers;
	struct nx_deadlines deadlines;
	struct nx_idle_list idle;
	uint64_t now; /* milliseconds, as of this turn of the loop */
	bool closing; /* no connection outlives its answer */
	/* Written on the HTTP thread, read on any. */
	atomic_uint count, watching, busy;
	atomic_uint_fast64_t accepted, refused, evicted;
	/* Written by reload. */
	atomic_uint limit, limit_per_address, limit_watching, request_ms;
};

void nx_connections_setup(struct nx_connections *all, const struct nx_http_limits *limits);
void nx_connections_limit(struct nx_connections *all, const struct nx_http_limits *limits); /* any thread */
void nx_connections_free(struct nx_connections *all);
/* Take the time, and cut off what is over its deadline. */
void nx_connections_tick(struct nx_connections *all);
/* Close those that are idle, and from now on each that becomes idle. */
void nx_connections_close(struct nx_connections *all);

/* May another one come from there? Makes room if it can. */
bool nx_connections_admit(struct nx_connections *all, const struct sockaddr *address);
/* MHD_NotifyConnectionCallback; `context` is the struct nx_connections. */
void nx_connection_notify(void *context, struct MHD_Connection *mhd, void **socket_context,
			  enum MHD_ConnectionNotificationCode code);
struct nx_connection *nx_connection_of(struct MHD_Connection *mhd);

void nx_connection_busy(struct nx_connection *connection);
/* False when there are as many watchers as there may be: nothing has changed. */
bool nx_connection_watching(struct nx_connection *connection);
void nx_connection_idle(struct nx_connection *connection);
/* Give the connection as long as a request may take from now. */
void nx_connection_extend(struct nx_connection *connection);
/* Close the socket under libmicrohttpd, which notices it in its own time. */
void nx_connection_cut(struct nx_connection *connection);

#endif
