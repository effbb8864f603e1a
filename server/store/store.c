/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/store.h"

#include <semaphore.h>
#include <stdlib.h>

#include "base/memory.h"
#include "server/store/backoff.h"
#include "server/store/store_internal.h"
#include "server/store/tx.h"

/* How long a reader is waited for, in milliseconds. */
#define READ_PATIENCE 5000
#define CHECK_PATIENCE 1000

enum nx_status nx_store_open(const struct nx_store_options *options, struct nx_store **out,
			     struct nx_error *error)
{
	const struct nx_backend *backend =
		options->kind == NX_STORE_SQLITE ? &nx_sqlite_backend : &nx_postgres_backend;
	struct nx_connection *connection;
	struct nx_store *store;
	enum nx_outcome outcome = backend->open(options->database, NX_USE_WRITE, &connection, error);

	if (outcome != NX_SQL_OK)
		return nx_outcome_status(outcome);
	store = nx_alloc(sizeof(*store));
	store->backend = backend;
	store->options = *options;
	store->options.database = store->database = nx_strdup(options->database);
	store->writer = nx_writer_new(options, backend, connection);
	store->readers = nx_readers_new(options, backend);
	pthread_mutex_init(&store->lock, NULL);
	*out = store;
	return NX_OK;
}

enum nx_status nx_store_start(struct nx_store *store, struct nx_error *error)
{
	enum nx_status status = NX_OK;

	if (store->backend->listen && store->options.notified)
		status = nx_listener_start(&store->options, store->backend, store->writer, &store->listener,
					   error);
	return status == NX_OK ? nx_writer_start(store->writer, error) : status;
}

void nx_store_stop(struct nx_store *store)
{
	nx_writer_stop(store->writer);
	nx_listener_stop(NX_TAKE(store->listener));
}

void nx_store_close(struct nx_store *store)
{
	if (!store)
		return;
	nx_store_stop(store);
	nx_readers_free(store->readers);
	nx_writer_free(store->writer);
	pthread_mutex_destroy(&store->lock);
	free(store->database);
	free(store);
}

void nx_store_figures(struct nx_store *store, struct nx_store_figures *out)
{
	nx_writer_figures(store->writer, out);
}

/* --- reading --- */

static enum nx_status read_within(struct nx_store *store, uint64_t patience,
				  enum nx_status (*work)(struct nx_tx *tx, void *context,
							 struct nx_error *error),
				  void *context, struct nx_error *error)
{
	struct nx_tx tx = {.mode = NX_TX_READING};
	enum nx_status status = nx_readers_take(store->readers, patience, &tx.connection, error);
	struct nx_error why = {0};

	if (status != NX_OK)
		return status;
	tx.outcome = store->backend->begin(tx.connection, NX_BEGIN_READ, &tx.failure);
	if (tx.outcome == NX_SQL_OK)
		status = work(&tx, context, error);
	if (tx.outcome != NX_SQL_LOST)
		store->backend->release(tx.connection);
	nx_readers_give(store->readers, tx.connection, tx.outcome == NX_SQL_LOST);
	status = nx_tx_verdict(&tx, status, &why);
	if (why.status != NX_OK && error)
		*error = why;
	nx_tx_free(&tx);
	return status;
}

enum nx_status nx_store_read(struct nx_store *store,
			     enum nx_status (*work)(struct nx_tx *tx, void *context, struct nx_error *error),
			     void *context, struct nx_error *error)
{
	return read_within(store, READ_PATIENCE, work, context, error);
}

/* --- is it usable? --- */

static enum nx_status glance(struct nx_tx *tx, void *context, struct nx_error *error)
{
	const struct nx_store *store = context;
	int64_t something;

	return nx_sql_integer(tx, error, store->backend->glance, NX_NO_PARAMS, &something);
}

/* Is it this caller's turn to look? One at a time does; the others take the last answer. */
static bool take_check(struct nx_store *store)
{
	bool mine;

	pthread_mutex_lock(&store->lock);
	mine = !store->checking && (store->checked == 0 || nx_milliseconds() >= store->checked + 1000);
	if (mine)
		store->checking = true;
	pthread_mutex_unlock(&store->lock);
	return mine;
}

static void check(struct nx_store *store)
{
	struct nx_error trouble = {0};
	bool usable = read_within(store, CHECK_PATIENCE, glance, store, &trouble) == NX_OK &&
		      nx_writer_healthy(store->writer, &trouble);

	pthread_mutex_lock(&store->lock);
	store->usable = usable;
	store->trouble = trouble;
	store->checked = nx_milliseconds();
	store->checking = false;
	pthread_mutex_unlock(&store->lock);
}

bool nx_store_usable(struct nx_store *store, struct nx_error *error)
{
	bool usable;

	if (take_check(store))
		check(store);
	pthread_mutex_lock(&store->lock);
	usable = store->usable;
	if (!usable && error)
		*error = store->trouble;
	pthread_mutex_unlock(&store->lock);
	return usable;
}

/* --- writing --- */

void nx_store_submit(struct nx_store *store, struct nx_command *command)
{
	nx_writer_submit(store->writer, command);
}

/* A command around the caller's, so that `done` finds who waits. */
struct waiting {
	struct nx_command command;
	struct nx_command *inner;
	sem_t done;
	enum nx_status status;
	struct nx_error *error;
};

static enum nx_status run_inner(struct nx_command *command, struct nx_tx *tx, struct nx_error *error)
{
	struct nx_command *inner = ((struct waiting *)command)->inner;

	return inner->run(inner, tx, error);
}

static void wake_waiting(struct nx_command *command, enum nx_status status, const struct nx_error *error)
{
	struct waiting *waiting = (struct waiting *)command;

	waiting->status = status;
	if (status != NX_OK && waiting->error)
		*waiting->error = *error;
	sem_post(&waiting->done);
}

enum nx_status nx_store_write(struct nx_store *store, struct nx_command *command, struct nx_error *error)
{
	struct waiting waiting = {
		.command = {.run = run_inner, .done = wake_waiting},
		.inner = command,
		.error = error,
	};

	sem_init(&waiting.done, 0, 0);
	nx_store_submit(store, &waiting.command);
	while (sem_wait(&waiting.done) != 0)
		;
	sem_destroy(&waiting.done);
	return waiting.status;
}
