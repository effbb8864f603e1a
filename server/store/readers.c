/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/readers.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "server/store/backoff.h"

struct nx_readers {
	const struct nx_backend *backend;
	char *database;
	pthread_mutex_t lock;
	pthread_cond_t freed;
	unsigned permits; /* how many more may be taken */
	struct nx_connection **idle;
	size_t idle_count;
	struct nx_backoff backoff;
	struct nx_error trouble; /* why the last attempt to connect failed */
};

struct nx_readers *nx_readers_new(const struct nx_store_options *options, const struct nx_backend *backend)
{
	struct nx_readers *readers = nx_alloc(sizeof(*readers));

	readers->backend = backend;
	readers->database = nx_strdup(options->database);
	readers->permits = options->readers ? options->readers : 1;
	readers->idle = nx_alloc_array(readers->permits, sizeof(struct nx_connection *));
	pthread_mutex_init(&readers->lock, NULL);
	pthread_cond_init(&readers->freed, NULL);
	return readers;
}

void nx_readers_free(struct nx_readers *readers)
{
	if (!readers)
		return;
	while (readers->idle_count > 0)
		readers->backend->close(readers->idle[--readers->idle_count]);
	pthread_cond_destroy(&readers->freed);
	pthread_mutex_destroy(&readers->lock);
	free(readers->idle);
	free(readers->database);
	free(readers);
}

/* A permit, and a connection if one is idle. */
static bool take_permit(struct nx_readers *readers, uint64_t patience, struct nx_connection **out)
{
	struct timespec deadline = nx_timespec(nx_milliseconds() + patience);
	bool permitted;
	int timeout = 0;

	*out = NULL;
	pthread_mutex_lock(&readers->lock);
	while (readers->permits == 0 && timeout == 0)
		timeout = pthread_cond_clockwait(&readers->freed, &readers->lock, CLOCK_MONOTONIC, &deadline);
	permitted = readers->permits > 0;
	if (permitted) {
		readers->permits--;
		if (readers->idle_count > 0)
			*out = readers->idle[--readers->idle_count];
	}
	pthread_mutex_unlock(&readers->lock);
	return permitted;
}

static void give_permit(struct nx_readers *readers, struct nx_connection *connection)
{
	pthread_mutex_lock(&readers->lock);
	if (connection)
		readers->idle[readers->idle_count++] = connection;
	readers->permits++;
	pthread_cond_signal(&readers->freed);
	pthread_mutex_unlock(&readers->lock);
}

static bool may_connect(struct nx_readers *readers, struct nx_error *error)
{
	bool due;

	pthread_mutex_lock(&readers->lock);
	due = nx_backoff_due(&readers->backoff);
	if (!due)
		*error = readers->trouble;
	pthread_mutex_unlock(&readers->lock);
	return due;
}

static bool connect_reader(struct nx_readers *readers, struct nx_connection **out, struct nx_error *error)
{
	bool opened = may_connect(readers, error);

	if (!opened)
		return false;
	opened = readers->backend->open(readers->database, NX_USE_READ, out, error) == NX_SQL_OK;
	pthread_mutex_lock(&readers->lock);
	if (opened) {
		nx_backoff_worked(&readers->backoff);
	} else {
		nx_backoff_failed(&readers->backoff);
		readers->trouble = *error;
	}
	pthread_mutex_unlock(&readers->lock);
	return opened;
}

enum nx_status nx_readers_take(struct nx_readers *readers, uint64_t patience, struct nx_connection **out,
			       struct nx_error *error)
{
	struct nx_connection *connection;
	struct nx_error trouble = {0};

	if (!take_permit(readers, patience, &connection))
		return nx_fail(error, NX_UNAVAILABLE, NULL,
			       "all connections for reading the database are busy: try again later");
	if (connection && !readers->backend->alive(connection)) {
		readers->backend->close(connection);
		connection = NULL;
	}
	if (!connection && !connect_reader(readers, &connection, &trouble)) {
		give_permit(readers, NULL);
		return nx_fail(error, NX_UNAVAILABLE, NULL, "%s", trouble.message);
	}
	*out = connection;
	return NX_OK;
}

void nx_readers_give(struct nx_readers *readers, struct nx_connection *connection, bool lost)
{
	if (lost) {
		readers->backend->close(connection);
		connection = NULL;
	}
	give_permit(readers, connection);
}
