/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/store/fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

static const struct nx_migration items_migrations[] = {
	{
		.number = 1,
		.name = "items",
		.up = "CREATE TABLE items (id TEXT PRIMARY KEY, number BIGINT UNIQUE, word TEXT);",
		.down = "DROP TABLE items",
	},
};
const struct nx_component items_component = {.name = "items", .migrations = NX_TABLE(items_migrations)};

static atomic_uint done_count;

struct nx_store_options store_options(void)
{
	return (struct nx_store_options){.kind = fixture.kind,
					 .database = fixture.database,
					 .readers = 4,
					 .group_limit = 64,
					 .queue_limit = 4096};
}

struct nx_store *store_start_with(const struct nx_store_options *options)
{
	struct nx_error error = {0};
	struct nx_store *store = NULL;
	unsigned applied;

	if (nx_store_open(options, &store, &error) != NX_OK ||
	    nx_store_migrate(store, &items_component, 1, &applied, &error) != NX_OK ||
	    nx_store_start(store, &error) != NX_OK) {
		fprintf(stderr, "no store: %s\n", error.message);
		exit(EXIT_FAILURE);
	}
	return store;
}

struct nx_store *store_start(void)
{
	struct nx_store_options options = store_options();

	return store_start_with(&options);
}

/* --- commands --- */

static enum nx_status run_job(struct nx_command *command, struct nx_tx *tx, struct nx_error *error)
{
	struct job *job = (struct job *)command;

	job->runs++;
	return job->work(job, tx, error);
}

static void job_done(struct nx_command *command, enum nx_status status, const struct nx_error *error)
{
	struct job *job = (struct job *)command;

	job->status = status;
	if (status != NX_OK)
		job->error = *error;
	job->order = ++done_count;
	sem_post(&job->done);
}

void job_submit(struct nx_store *store, struct job *job)
{
	job->command = (struct nx_command){.run = run_job, .done = job_done};
	sem_init(&job->done, 0, 0);
	nx_store_submit(store, &job->command);
}

enum nx_status job_wait(struct job *job)
{
	while (sem_wait(&job->done) != 0)
		;
	sem_destroy(&job->done);
	return job->status;
}

enum nx_status job_do(struct nx_store *store, struct job *job)
{
	job_submit(store, job);
	return job_wait(job);
}

enum nx_status work_insert(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	return nx_sql(tx, error, "INSERT INTO items (id, number) VALUES ($1, $2)",
		      NX_PARAMS(NX_TEXT(job->text), NX_INT(job->number)));
}

static enum nx_status work_gate(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	struct gate *gate = (struct gate *)job;

	(void)tx;
	(void)error;
	sem_post(&gate->entered);
	while (sem_wait(&gate->open) != 0)
		;
	return NX_OK;
}

void gate_close(struct nx_store *store, struct gate *gate)
{
	*gate = (struct gate){.job.work = work_gate};
	sem_init(&gate->entered, 0, 0);
	sem_init(&gate->open, 0, 0);
	job_submit(store, &gate->job);
	while (sem_wait(&gate->entered) != 0)
		;
}

void gate_open(struct gate *gate)
{
	sem_post(&gate->open);
	job_wait(&gate->job);
	sem_destroy(&gate->entered);
	sem_destroy(&gate->open);
}

/* --- single statements --- */

static enum nx_status work_text(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	return nx_sql(tx, error, job->text, NX_NO_PARAMS);
}

enum nx_status do_sql(struct nx_store *store, const char *sql, struct nx_error *error)
{
	struct job job = {.work = work_text, .text = sql};

	job_do(store, &job);
	if (error)
		*error = job.error;
	return job.status;
}

struct single {
	const char *sql;
	int64_t value;
};

static enum nx_status read_single(struct nx_tx *tx, void *context, struct nx_error *error)
{
	struct single *single = context;

	return nx_sql_integer(tx, error, single->sql, NX_NO_PARAMS, &single->value);
}

int64_t read_integer(struct nx_store *store, const char *sql)
{
	struct single single = {.sql = sql, .value = -1};
	struct nx_error error = {0};

	if (nx_store_read(store, read_single, &single, &error) != NX_OK) {
		fprintf(stderr, "%s: %s\n", sql, error.message);
		return -1;
	}
	return single.value;
}

/* --- time --- */

void sleep_milliseconds(unsigned milliseconds)
{
	struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = (milliseconds % 1000) * 1000000L};

	nanosleep(&time, NULL);
}

uint64_t now_milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
