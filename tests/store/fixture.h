/* SPDX-License-Identifier: Apache-2.0 */
/* What the conformance tests share: an empty database before each, and ways to disturb it. */
#ifndef NX_TESTS_STORE_FIXTURE_H
#define NX_TESTS_STORE_FIXTURE_H

#include <CUnit/Basic.h>
#include <semaphore.h>
#include <sys/types.h>

#include "server/store/migrate.h"

struct fixture {
	enum nx_store_kind kind;
	const char *database;
};
extern struct fixture fixture;

/* One text for SQLite, another for PostgreSQL. */
#define BY_KIND(sqlite, postgresql) (fixture.kind == NX_STORE_SQLITE ? (sqlite) : (postgresql))

/* --- the database, from aside --- */
void database_empty(void);
/* A session of its own, beside the store's. */
struct session;
struct session *session_open(void);
void session_close(struct session *session);
/* Run a text of several statements; false when it failed. */
bool session_run(struct session *session, const char *sql);
/* A single integer; -1 when there is none. */
int64_t session_integer(struct session *session, const char *sql);
/* The same in a session for the purpose. */
int64_t database_integer(const char *sql);
/* PostgreSQL: end all other sessions. */
void session_end_others(struct session *session);

/* --- the store --- */
struct nx_store_options store_options(void);
/* Open, make the table items (id TEXT key, number BIGINT unique, word TEXT), start. */
struct nx_store *store_start(void);
struct nx_store *store_start_with(const struct nx_store_options *options);
/* With a table of its own each: items of step 1. */
extern const struct nx_component items_component;

/* --- commands --- */
struct job {
	struct nx_command command;
	enum nx_status (*work)(struct job *job, struct nx_tx *tx, struct nx_error *error);
	const char *text;
	int64_t number;
	unsigned runs; /* how often it was run */
	/* Once done: */
	sem_t done;
	enum nx_status status;
	struct nx_error error;
	unsigned order; /* of all jobs, from 1 */
};
void job_submit(struct nx_store *store, struct job *job);
enum nx_status job_wait(struct job *job);
enum nx_status job_do(struct nx_store *store, struct job *job);
/* Work for jobs: an item of (text, number), or one that takes `number` from an earlier one. */
enum nx_status work_insert(struct job *job, struct nx_tx *tx, struct nx_error *error);

/* Holds the writer thread, so that what is submitted meanwhile becomes one group. */
struct gate {
	struct job job;
	sem_t entered, open;
};
void gate_close(struct nx_store *store, struct gate *gate);
void gate_open(struct gate *gate);

/* --- single statements --- */
enum nx_status do_sql(struct nx_store *store, const char *sql, struct nx_error *error);
int64_t read_integer(struct nx_store *store, const char *sql);

void sleep_milliseconds(unsigned milliseconds);
uint64_t now_milliseconds(void);
/* Wait up to `seconds` until the condition holds; answers whether it does. */
#define WAIT_FOR(seconds, condition)                                                                         \
	({                                                                                                   \
		uint64_t until_ = now_milliseconds() + (uint64_t)(seconds)*1000;                             \
		bool held_;                                                                                  \
		while (!(held_ = (condition)) && now_milliseconds() < until_)                                \
			sleep_milliseconds(5);                                                               \
		held_;                                                                                       \
	})

extern CU_TestInfo value_tests[], command_tests[], trouble_tests[], migrate_tests[], notify_tests[],
	disk_tests[], rehearsal_tests[], claim_tests[];

#endif
