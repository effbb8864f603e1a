/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/connection.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/memory.h"

/* How long a connection may stay idle between requests. Ordinary clients and load balancers
 * give up after 60 s or later; the side that closes first avoids the race. */
#define IDLE_MS 75000

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void nx_connections_limit(struct nx_connections *all, const struct nx_http_limits *limits)
{
	atomic_store(&all->limit, limits->connections);
	atomic_store(&all->limit_per_address, limits->connections_per_address);
	atomic_store(&all->limit_watching, limits->watchers);
	atomic_store(&all->request_ms, limits->request_seconds * 1000);
}

void nx_connections_setup(struct nx_connections *all, const struct nx_http_limits *limits)
{
	all->peers = nx_peers_new();
	TAILQ_INIT(&all->idle);
	all->now = now_ms();
	nx_connections_limit(all, limits);
}

void nx_connections_free(struct nx_connections *all)
{
	nx_peers_free(all->peers);
}

static void deadline_passed(struct nx_deadline *deadline)
{
	nx_connection_cut((void *)((char *)deadline - offsetof(struct nx_connection, deadline)));
}

void nx_connections_tick(struct nx_connections *all)
{
	all->now = now_ms();
	nx_deadlines_run(&all->deadlines, all->now, deadline_passed);
}

/* --- states ------------------------------------------------------------------------ */

/* What idle and busy connections have in common: they count. */
static void count_add(struct nx_connection *connection)
{
	atomic_fetch_add(&connection->all->count, 1);
	connection->peer->connections++;
}

static void count_remove(struct nx_connection *connection)
{
	atomic_fetch_sub(&connection->all->count, 1);
	connection->peer->connections--;
}

static void state_enter(struct nx_connection *connection, enum nx_connection_state state)
{
	struct nx_connections *all = connection->all;

	connection->state = state;
	switch (state) {
	case NX_CONNECTION_IDLE:
		TAILQ_INSERT_TAIL(&all->idle, connection, idle);
		TAILQ_INSERT_TAIL(&connection->peer->idle, connection, peers_idle);
		count_add(connection);
		break;
	case NX_CONNECTION_BUSY:
		atomic_fetch_add(&all->busy, 1);
		count_add(connection);
		break;
	case NX_CONNECTION_WATCHING:
		atomic_fetch_add(&all->watching, 1);
		break;
	case NX_CONNECTION_LEAVING:
		break;
	}
}

static void state_leave(struct nx_connection *connection)
{
	struct nx_connections *all = connection->all;

	switch (connection->state) {
	case NX_CONNECTION_IDLE:
		TAILQ_REMOVE(&all->idle, connection, idle);
		TAILQ_REMOVE(&connection->peer->idle, connection, peers_idle);
		count_remove(connection);
		break;
	case NX_CONNECTION_BUSY:
		atomic_fetch_sub(&all->busy, 1);
		count_remove(connection);
		break;
	case NX_CONNECTION_WATCHING:
		atomic_fetch_sub(&all->watching, 1);
		break;
	case NX_CONNECTION_LEAVING:
		break;
	}
}

static void state_change(struct nx_connection *connection, enum nx_connection_state state)
{
	state_leave(connection);
	state_enter(connection, state);
}

void nx_connection_busy(struct nx_connection *connection)
{
	state_change(connection, NX_CONNECTION_BUSY);
	nx_connection_extend(connection);
}

bool nx_connection_watching(struct nx_connection *connection)
{
	struct nx_connections *all = connection->all;

	if (atomic_load(&all->watching) >= atomic_load(&all->limit_watching))
		return false;
	state_change(connection, NX_CONNECTION_WATCHING);
	return true;
}

void nx_connection_idle(struct nx_connection *connection)
{
	struct nx_connections *all = connection->all;

	state_change(connection, NX_CONNECTION_IDLE);
	nx_deadline_set(&all->deadlines, &connection->deadline, all->now + IDLE_MS);
	if (all->closing)
		nx_connection_cut(connection);
}

void nx_connection_extend(struct nx_connection *connection)
{
	struct nx_connections *all = connection->all;

	nx_deadline_set(&all->deadlines, &connection->deadline, all->now + atomic_load(&all->request_ms));
}

void nx_connection_cut(struct nx_connection *connection)
{
	shutdown(connection->socket, SHUT_RDWR);
	nx_deadline_clear(&connection->deadline);
}

void nx_connections_close(struct nx_connections *all)
{
	struct nx_connection *connection;

	all->closing = true;
	TAILQ_FOREACH (connection, &all->idle, idle)
		nx_connection_cut(connection);
}

/* --- coming and going -------------------------------------------------------------- */

/* Its place is free at once: the next one in need must not find it in the way again. */
static bool evict(struct nx_connections *all, struct nx_idle_list *list)
{
	struct nx_connection *longest = TAILQ_FIRST(list);

	if (!longest)
		return false;
	nx_connection_cut(longest);
	state_change(longest, NX_CONNECTION_LEAVING);
	atomic_fetch_add(&all->evicted, 1);
	return true;
}

bool nx_connections_admit(struct nx_connections *all, const struct sockaddr *address)
{
	struct nx_peer *peer = nx_peer_hold(all->peers, address);
	bool admitted = true;

	if (peer->connections >= atomic_load(&all->limit_per_address))
		admitted = evict(all, &peer->idle);
	if (admitted && atomic_load(&all->count) >= atomic_load(&all->limit))
		admitted = evict(all, &all->idle);
	nx_peer_release(peer);
	atomic_fetch_add(admitted ? &all->accepted : &all->refused, 1);
	return admitted;
}

static void connection_new(struct nx_connections *all, struct MHD_Connection *mhd, void **socket_context)
{
	struct nx_connection *connection = nx_alloc(sizeof(*connection));

	connection->all = all;
	connection->socket = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	connection->peer = nx_peer_hold(
		all->peers, MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
	state_enter(connection, NX_CONNECTION_IDLE);
	nx_connection_extend(connection); /* the first request is due at once */
	*socket_context = connection;
}

static void connection_free(struct nx_connection *connection)
{
	state_leave(connection);
	nx_deadline_clear(&connection->deadline);
	nx_peer_release(connection->peer);
	free(connection);
}

void nx_connection_notify(void *context, struct MHD_Connection *mhd, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		connection_new(context, mhd, socket_context);
	else
		connection_free(*socket_context);
}

struct nx_connection *nx_connection_of(struct MHD_Connection *mhd)
{
	return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}
