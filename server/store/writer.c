/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/writer.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "server/store/backoff.h"
#include "server/store/claim.h"
#include "server/store/group.h"
#include "server/store/thread.h"

struct nx_writer {
	const struct nx_backend *backend;
	char *database;
	size_t group_limit, queue_limit;
	struct nx_claim_list claims;
	pthread_t thread;
	atomic_int identity;

	/* The thread's own. */
	struct nx_connection *connection; /* NULL: lost */
	struct nx_backoff backoff;
	bool robbed; /* what it claims is gone, which has been told */
	struct nx_group_member *members;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct nx_command *first, **last;
	bool running, stopping;
	bool healthy, probing;
	struct nx_command probe;
	struct nx_error trouble; /* why it is not healthy */
	struct nx_store_figures figures;
};

/* --- the queue: any thread --- */

static enum nx_status enqueue(struct nx_writer *writer, struct nx_command *command, struct nx_error *error)
{
	if (!writer->running || writer->stopping)
		return nx_fail(error, NX_UNAVAILABLE, NULL, "the server is stopping");
	if (writer->figures.queued >= writer->queue_limit)
		return nx_fail(error, NX_UNAVAILABLE, NULL,
			       "too many changes are waiting for the database: try again later");
	command->next = NULL;
	*writer->last = command;
	writer->last = &command->next;
	writer->figures.queued++;
	pthread_cond_signal(&writer->changed);
	return NX_OK;
}

void nx_writer_submit(struct nx_writer *writer, struct nx_command *command)
{
	struct nx_error error = {0};
	enum nx_status status;

	pthread_mutex_lock(&writer->lock);
	status = enqueue(writer, command, &error);
	pthread_mutex_unlock(&writer->lock);
	if (status != NX_OK)
		command->done(command, status, &error);
}

static struct nx_command *dequeue(struct nx_writer *writer)
{
	struct nx_command *command = writer->first;

	if (!command)
		return NULL;
	writer->first = command->next;
	if (!writer->first)
		writer->last = &writer->first;
	writer->figures.queued--;
	return command;
}

/* --- health --- */

/* True when that is news. */
static bool note_health(struct nx_writer *writer, const struct nx_error *trouble)
{
	bool news;

	pthread_mutex_lock(&writer->lock);
	news = writer->healthy != !trouble;
	writer->healthy = !trouble;
	if (trouble)
		writer->trouble = *trouble;
	pthread_mutex_unlock(&writer->lock);
	return news;
}

/* A disk that is full for a day is one line, not one for each request. */
static void tell_health(const struct nx_error *trouble)
{
	if (trouble)
		nx_log(NX_LOG_ERROR,
		       "the database takes no changes, which are refused; what only reads goes on", "reason",
		       trouble->message, NULL);
	else
		nx_log(NX_LOG_INFO, "the database takes changes again", NULL);
}

static struct nx_writer *writer_of_probe(struct nx_command *command)
{
	return (struct nx_writer *)((char *)command - offsetof(struct nx_writer, probe));
}

static enum nx_status run_probe(struct nx_command *command, struct nx_tx *tx, struct nx_error *error)
{
	return nx_sql(tx, error, writer_of_probe(command)->backend->probe, NX_NO_PARAMS);
}

static void probe_done(struct nx_command *command, enum nx_status status, const struct nx_error *error)
{
	struct nx_writer *writer = writer_of_probe(command);

	(void)status;
	(void)error;
	pthread_mutex_lock(&writer->lock);
	writer->probing = false;
	pthread_mutex_unlock(&writer->lock);
}

bool nx_writer_healthy(struct nx_writer *writer, struct nx_error *error)
{
	bool healthy, probe = false;

	pthread_mutex_lock(&writer->lock);
	healthy = writer->healthy;
	if (!healthy) {
		if (error)
			*error = writer->trouble;
		probe = !writer->probing;
		writer->probing = true;
	}
	pthread_mutex_unlock(&writer->lock);
	if (probe)
		nx_writer_submit(writer, &writer->probe);
	return healthy;
}

/* --- the connection: the thread --- */

static void log_lost(const struct nx_error *error)
{
	nx_log(NX_LOG_WARNING, "database lost", "for", "writing", "reason", error->message, NULL);
}

static void drop_connection(struct nx_writer *writer)
{
	writer->backend->close(writer->connection);
	writer->connection = NULL;
}

static enum nx_outcome open_again(struct nx_writer *writer, struct nx_error *error)
{
	enum nx_outcome outcome =
		writer->backend->open(writer->database, NX_USE_WRITE, &writer->connection, error);

	if (outcome != NX_SQL_OK)
		return outcome;
	outcome = nx_claim_list_renew(&writer->claims, writer->connection, writer->database, error);
	if (outcome != NX_SQL_OK)
		drop_connection(writer);
	if (outcome == NX_SQL_WRONG && !writer->robbed)
		nx_log(NX_LOG_ERROR, "changes are refused", "reason", error->message, NULL);
	writer->robbed = outcome == NX_SQL_WRONG;
	return outcome;
}

static bool connect_writer(struct nx_writer *writer, struct nx_error *error)
{
	if (open_again(writer, error) != NX_SQL_OK) {
		nx_backoff_failed(&writer->backoff);
		note_health(writer, error);
		return false;
	}
	nx_backoff_worked(&writer->backoff);
	atomic_store(&writer->identity, writer->backend->identity(writer->connection));
	nx_log(NX_LOG_INFO, "database found again", "for", "writing", NULL);
	pthread_mutex_lock(&writer->lock);
	writer->figures.reconnects++;
	writer->healthy = true;
	pthread_mutex_unlock(&writer->lock);
	return true;
}

/* Is there a connection, as far as can be known without asking the database? */
static bool connected(struct nx_writer *writer, struct nx_error *error)
{
	if (writer->connection && writer->backend->alive(writer->connection))
		return true;
	if (writer->connection) {
		nx_fail(error, NX_UNAVAILABLE, NULL, "the database has hung up");
		log_lost(error);
		drop_connection(writer);
	}
	if (!nx_backoff_due(&writer->backoff)) {
		*error = writer->trouble;
		return false;
	}
	return connect_writer(writer, error);
}

/* --- groups: the thread --- */

static void refuse(struct nx_command *command, const struct nx_error *error)
{
	command->done(command, NX_UNAVAILABLE, error);
}

/* What waits now would wait in vain. */
static void refuse_queue(struct nx_writer *writer, const struct nx_error *error)
{
	struct nx_command *command, *next;

	pthread_mutex_lock(&writer->lock);
	command = writer->first;
	writer->first = NULL;
	writer->last = &writer->first;
	writer->figures.failures += writer->figures.queued;
	writer->figures.queued = 0;
	pthread_mutex_unlock(&writer->lock);
	for (; command; command = next) {
		next = command->next;
		refuse(command, error);
	}
}

static void fail_members(struct nx_group *group, enum nx_outcome outcome, const struct nx_error *error)
{
	for (size_t i = 0; i < group->count; i++) {
		group->members[i].error = *error;
		group->members[i].status = nx_outcome_status(outcome);
		if (group->unknown)
			group->members[i].status =
				nx_fail(&group->members[i].error, NX_UNAVAILABLE, NULL,
					"the database was lost while it committed: look whether the "
					"change was made, or ask again (%s)",
					error->message);
	}
}

/* Hastily, and when that does not do, carefully; on a new connection when the old one is lost. */
static enum nx_outcome run_group(struct nx_writer *writer, struct nx_group *group, struct nx_error *error)
{
	enum nx_outcome outcome = nx_group_run_hastily(group, error);
	bool hurry = outcome == NX_SQL_BUSY;

	if (outcome == NX_SQL_OK || group->unknown)
		return outcome;
	if (!group->begun && outcome != NX_SQL_LOST) {
		group->locked_out = outcome == NX_SQL_BUSY;
		return outcome;
	}
	if (outcome == NX_SQL_LOST) {
		log_lost(error);
		drop_connection(writer);
		if (!connect_writer(writer, error))
			return NX_SQL_LOST;
		group->connection = writer->connection;
	}
	group->retries += group->count;
	return nx_group_run_carefully(group, hurry, error);
}

/* Only the COMMIT itself failed, for what one of them did: let each answer for itself. */
static void run_alone(struct nx_writer *writer, struct nx_group *group)
{
	for (size_t i = 0; i < group->count && writer->connection; i++) {
		struct nx_group alone = {
			.connection = writer->connection, .members = &group->members[i], .count = 1};
		struct nx_error error = {0};
		enum nx_outcome outcome = nx_group_run_carefully(&alone, false, &error);

		if (outcome != NX_SQL_OK)
			fail_members(&alone, outcome, &error);
		if (outcome == NX_SQL_LOST)
			drop_connection(writer);
	}
	group->retries += group->count;
}

static void note_figures(struct nx_writer *writer, const struct nx_group *group, bool committed)
{
	struct nx_store_figures *figures = &writer->figures;

	pthread_mutex_lock(&writer->lock);
	figures->commits += committed;
	figures->retries += group->retries;
	for (size_t i = 0; i < group->count; i++) {
		figures->commands += group->members[i].status == NX_OK;
		figures->failures += group->members[i].status != NX_OK;
	}
	pthread_mutex_unlock(&writer->lock);
}

/* Why a group that was committed was all the same of no use to anybody. */
static void tell_bar(const struct nx_group *group, struct nx_error *error)
{
	for (size_t i = 0; i < group->count; i++) {
		if (group->members[i].status == NX_UNAVAILABLE)
			*error = group->members[i].error;
	}
}

static void settle_group(struct nx_writer *writer, struct nx_group *group)
{
	struct nx_error error = {0};
	enum nx_outcome outcome = run_group(writer, group, &error);
	bool by_itself = outcome == NX_SQL_WRONG || outcome == NX_SQL_UNIQUE || outcome == NX_SQL_RACE;

	if (outcome != NX_SQL_OK)
		fail_members(group, outcome, &error);
	if (by_itself && group->count > 1)
		run_alone(writer, group);
	if (outcome == NX_SQL_OK && group->barred)
		tell_bar(group, &error);
	const struct nx_error *trouble =
		(outcome == NX_SQL_OK && !group->barred) || by_itself ? NULL : &error;
	/* Of a connection that is lost its own line tells. */
	if (note_health(writer, trouble) && outcome != NX_SQL_LOST)
		tell_health(trouble);
	note_figures(writer, group, outcome == NX_SQL_OK);
	for (size_t i = 0; i < group->count; i++)
		group->members[i].command->done(group->members[i].command, group->members[i].status,
						&group->members[i].error);
	if (outcome == NX_SQL_LOST && writer->connection) {
		log_lost(&error);
		drop_connection(writer);
	}
	if (group->locked_out)
		refuse_queue(writer, &error);
}

static void serve_group(struct nx_writer *writer, size_t count)
{
	struct nx_group group = {.members = writer->members, .count = count};
	struct nx_error error = {0};

	if (connected(writer, &error)) {
		group.connection = writer->connection;
		settle_group(writer, &group);
		return;
	}
	fail_members(&group, NX_SQL_LOST, &error);
	note_figures(writer, &group, false);
	for (size_t i = 0; i < count; i++)
		refuse(writer->members[i].command, &error);
	refuse_queue(writer, &error);
}

/* --- the thread --- */

/* Wait for commands, or, while the connection is lost, for the time to look for a new one. */
static size_t take_group(struct nx_writer *writer, bool *stopping)
{
	struct timespec due = nx_timespec(writer->backoff.due);
	size_t count = 0;
	int timeout = 0;

	pthread_mutex_lock(&writer->lock);
	while (!writer->first && !writer->stopping && timeout == 0) {
		if (writer->connection)
			pthread_cond_wait(&writer->changed, &writer->lock);
		else
			timeout = pthread_cond_clockwait(&writer->changed, &writer->lock, CLOCK_MONOTONIC,
							 &due);
	}
	while (count < writer->group_limit && writer->first)
		writer->members[count++].command = dequeue(writer);
	*stopping = writer->stopping;
	pthread_mutex_unlock(&writer->lock);
	return count;
}

static void *writer_thread(void *context)
{
	struct nx_writer *writer = context;
	struct nx_error error = {0};
	bool stopping;

	for (;;) {
		size_t count = take_group(writer, &stopping);

		if (count > 0)
			serve_group(writer, count);
		else if (stopping)
			return NULL;
		else
			connected(writer, &error);
	}
}

/* --- life --- */

struct nx_writer *nx_writer_new(const struct nx_store_options *options, const struct nx_backend *backend,
				struct nx_connection *connection)
{
	struct nx_writer *writer = nx_alloc(sizeof(*writer));

	writer->backend = backend;
	writer->database = nx_strdup(options->database);
	writer->connection = connection;
	atomic_init(&writer->identity, backend->identity(connection));
	writer->group_limit = options->group_limit ? options->group_limit : 1;
	writer->queue_limit = options->queue_limit ? options->queue_limit : 1;
	writer->members = nx_alloc_array(writer->group_limit, sizeof(*writer->members));
	writer->last = &writer->first;
	writer->healthy = true;
	writer->probe = (struct nx_command){.run = run_probe, .done = probe_done};
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->changed, NULL);
	return writer;
}

enum nx_status nx_writer_start(struct nx_writer *writer, struct nx_error *error)
{
	enum nx_status status =
		nx_thread_start(&writer->thread, "store-writer", writer_thread, writer, error);

	if (status != NX_OK)
		return status;
	pthread_mutex_lock(&writer->lock);
	writer->running = true;
	pthread_mutex_unlock(&writer->lock);
	return NX_OK;
}

void nx_writer_stop(struct nx_writer *writer)
{
	bool running;

	pthread_mutex_lock(&writer->lock);
	running = writer->running && !writer->stopping;
	writer->stopping = true;
	pthread_cond_signal(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
	if (running)
		pthread_join(writer->thread, NULL);
}

void nx_writer_free(struct nx_writer *writer)
{
	if (!writer)
		return;
	nx_writer_stop(writer);
	writer->backend->close(writer->connection);
	pthread_cond_destroy(&writer->changed);
	pthread_mutex_destroy(&writer->lock);
	nx_claim_list_free(&writer->claims);
	free(writer->members);
	free(writer->database);
	free(writer);
}

void nx_writer_claim(struct nx_writer *writer, const char *component)
{
	nx_claim_list_add(&writer->claims, component);
}

struct nx_connection *nx_writer_connection(struct nx_writer *writer)
{
	return writer->connection;
}

int nx_writer_identity(const struct nx_writer *writer)
{
	return atomic_load(&writer->identity);
}

void nx_writer_figures(struct nx_writer *writer, struct nx_store_figures *out)
{
	pthread_mutex_lock(&writer->lock);
	*out = writer->figures;
	pthread_mutex_unlock(&writer->lock);
}
