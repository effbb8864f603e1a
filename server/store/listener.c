/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/listener.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "server/store/backoff.h"
#include "server/store/thread.h"

struct nx_listener {
	const struct nx_backend *backend;
	const struct nx_writer *writer;
	char *database;
	void (*notified)(void *context, const char *payload);
	void *notified_context;
	pthread_t thread;
	int wake; /* an eventfd, readable when the thread is to end */

	/* The thread's own. */
	struct nx_connection *connection; /* NULL: lost */
	struct nx_backoff backoff;
};

static void hand_over(void *context, int from, const char *payload)
{
	const struct nx_listener *listener = context;

	if (from != nx_writer_identity(listener->writer))
		listener->notified(listener->notified_context, payload);
}

static void drop_connection(struct nx_listener *listener)
{
	listener->backend->close(listener->connection);
	listener->connection = NULL;
}

static enum nx_outcome connect_listener(struct nx_listener *listener, struct nx_error *error)
{
	const struct nx_backend *backend = listener->backend;
	enum nx_outcome outcome =
		backend->open(listener->database, NX_USE_LISTEN, &listener->connection, error);

	if (outcome != NX_SQL_OK)
		return outcome;
	outcome = backend->listen(listener->connection, error);
	if (outcome != NX_SQL_OK)
		drop_connection(listener);
	return outcome;
}

static bool told_to_stop(const struct nx_listener *listener, int patience)
{
	struct pollfd wake = {.fd = listener->wake, .events = POLLIN};

	return poll(&wake, 1, patience) > 0;
}

static void listen_on(struct nx_listener *listener)
{
	struct nx_error error = {0};

	if (listener->backend->await(listener->connection, listener->wake, hand_over, listener, &error) ==
	    NX_SQL_OK)
		return;
	nx_log(NX_LOG_WARNING, "database lost", "for", "notifications", "reason", error.message, NULL);
	drop_connection(listener);
}

/* Whatever was told meanwhile was not heard: the empty payload says so. */
static void come_back(struct nx_listener *listener)
{
	if (connect_listener(listener, NULL) != NX_SQL_OK) {
		nx_backoff_failed(&listener->backoff);
		return;
	}
	nx_backoff_worked(&listener->backoff);
	nx_log(NX_LOG_INFO, "database found again", "for", "notifications", NULL);
	listener->notified(listener->notified_context, "");
}

static void *listener_thread(void *context)
{
	struct nx_listener *listener = context;

	while (!told_to_stop(listener, listener->connection ? 0 : (int)listener->backoff.delay)) {
		if (listener->connection)
			listen_on(listener);
		else
			come_back(listener);
	}
	return NULL;
}

static void free_listener(struct nx_listener *listener)
{
	listener->backend->close(listener->connection);
	if (listener->wake >= 0)
		close(listener->wake);
	free(listener->database);
	free(listener);
}

static enum nx_status start_listener(struct nx_listener *listener, struct nx_error *error)
{
	enum nx_outcome outcome;

	if (listener->wake < 0)
		return nx_fail(error, NX_UNAVAILABLE, NULL, "cannot make an eventfd: %s",
			       strerrordesc_np(errno));
	outcome = connect_listener(listener, error);
	if (outcome != NX_SQL_OK)
		return nx_outcome_status(outcome);
	return nx_thread_start(&listener->thread, "store-listener", listener_thread, listener, error);
}

enum nx_status nx_listener_start(const struct nx_store_options *options, const struct nx_backend *backend,
				 const struct nx_writer *writer, struct nx_listener **out,
				 struct nx_error *error)
{
	struct nx_listener *listener = nx_alloc(sizeof(*listener));
	enum nx_status status;

	listener->backend = backend;
	listener->writer = writer;
	listener->database = nx_strdup(options->database);
	listener->notified = options->notified;
	listener->notified_context = options->notified_context;
	listener->wake = eventfd(0, EFD_CLOEXEC);
	status = start_listener(listener, error);
	if (status == NX_OK)
		*out = listener;
	else
		free_listener(listener);
	return status;
}

void nx_listener_stop(struct nx_listener *listener)
{
	if (!listener)
		return;
	eventfd_write(listener->wake, 1);
	pthread_join(listener->thread, NULL);
	free_listener(listener);
}
