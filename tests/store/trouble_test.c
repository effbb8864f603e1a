/* SPDX-License-Identifier: Apache-2.0 */
/* Others hold locks, connections are lost, readers run beside the writer. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/store/fixture.h"

/* That a wait has a bound is shown, not how fast a machine is that others use. */
enum { BOUND_MILLISECONDS = 60000 };

/* --- readers --- */

struct reading {
	struct nx_store *store;
	pthread_t thread;
	atomic_bool stop;
	unsigned reads, torn;
};

/* Pairs are written together: a view that holds half of one is torn. */
static enum nx_status read_pairs(struct nx_tx *tx, void *context, struct nx_error *error)
{
	struct reading *reading = context;
	int64_t before = 0, after = 0;
	enum nx_status status;

	status = nx_sql_integer(tx, error, "SELECT count(*) FROM items", NX_NO_PARAMS, &before);
	if (status == NX_OK)
		status = nx_sql_integer(tx, error, "SELECT count(number) FROM items", NX_NO_PARAMS, &after);
	reading->torn += before % 2 != 0 || before != after;
	return status;
}

static void *read_on(void *context)
{
	struct reading *reading = context;

	while (!reading->stop) {
		if (nx_store_read(reading->store, read_pairs, reading, NULL) != NX_OK)
			reading->torn++;
		reading->reads++;
	}
	return NULL;
}

static enum nx_status work_pair(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	char name[24];

	for (int64_t half = 0; half < 2; half++) {
		enum nx_status status;

		snprintf(name, sizeof(name), "p%d", (int)(job->number * 2 + half));
		status = nx_sql(tx, error, "INSERT INTO items (id, number) VALUES ($1, $2)",
				NX_PARAMS(NX_TEXT(name), NX_INT(job->number * 2 + half)));
		if (status != NX_OK)
			return status;
	}
	return NX_OK;
}

static void test_readers(void)
{
	struct nx_store *store = store_start();
	struct reading readings[6] = {0};

	for (size_t i = 0; i < NX_COUNT(readings); i++) {
		readings[i].store = store;
		pthread_create(&readings[i].thread, NULL, read_on, &readings[i]);
	}
	for (int64_t i = 0; i < 300; i++) {
		struct job job = {.work = work_pair, .number = i};

		CU_ASSERT_EQUAL(job_do(store, &job), NX_OK);
	}
	for (size_t i = 0; i < NX_COUNT(readings); i++) {
		readings[i].stop = true;
		pthread_join(readings[i].thread, NULL);
		CU_ASSERT_EQUAL(readings[i].torn, 0);
		CU_ASSERT_TRUE(readings[i].reads > 0);
	}
	nx_store_close(store);
}

static enum nx_status read_slowly(struct nx_tx *tx, void *context, struct nx_error *error)
{
	sem_t *gates = context;

	(void)tx;
	(void)error;
	sem_post(&gates[0]);
	while (sem_wait(&gates[1]) != 0)
		;
	return NX_OK;
}

struct slow_read {
	struct nx_store *store;
	sem_t gates[2];
};

static void *hold_reader(void *context)
{
	struct slow_read *slow = context;

	CU_ASSERT_EQUAL(nx_store_read(slow->store, read_slowly, slow->gates, NULL), NX_OK);
	return NULL;
}

/* When all readers are held for too long, the next is refused and not kept for ever. */
static void test_no_free_reader(void)
{
	struct nx_store_options options = store_options();
	struct slow_read slow;
	struct nx_error error = {0};
	pthread_t thread;
	uint64_t start;

	options.readers = 1;
	slow.store = store_start_with(&options);
	sem_init(&slow.gates[0], 0, 0);
	sem_init(&slow.gates[1], 0, 0);
	pthread_create(&thread, NULL, hold_reader, &slow);
	while (sem_wait(&slow.gates[0]) != 0)
		;
	start = now_milliseconds();
	CU_ASSERT_EQUAL(nx_store_read(slow.store, read_pairs, &(struct reading){0}, &error), NX_UNAVAILABLE);
	CU_ASSERT_TRUE(now_milliseconds() - start < BOUND_MILLISECONDS);
	sem_post(&slow.gates[1]);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(read_integer(slow.store, "SELECT 1"), 1);
	nx_store_close(slow.store);
}

/* --- locks --- */

static const char *lock_all(void)
{
	return BY_KIND("BEGIN IMMEDIATE", "BEGIN; LOCK TABLE items IN ACCESS EXCLUSIVE MODE");
}

static void test_lock_held(void)
{
	struct nx_store *store = store_start();
	struct session *session = session_open();
	static struct job jobs[300];
	char names[300][16];
	uint64_t start = now_milliseconds();
	struct job after = {.work = work_insert, .text = "after", .number = 1000};

	CU_ASSERT_TRUE(session_run(session, lock_all()));
	for (int i = 0; i < 300; i++) {
		snprintf(names[i], sizeof(names[i]), "l%d", i);
		jobs[i] = (struct job){.work = work_insert, .text = names[i], .number = i};
		job_submit(store, &jobs[i]);
	}
	for (int i = 0; i < 300; i++) {
		CU_ASSERT_EQUAL(job_wait(&jobs[i]), NX_UNAVAILABLE);
		CU_ASSERT_PTR_NOT_NULL(strstr(jobs[i].error.message, "lock"));
	}
	CU_ASSERT_TRUE(now_milliseconds() - start >= 4000);
	CU_ASSERT_TRUE(now_milliseconds() - start < BOUND_MILLISECONDS);
	CU_ASSERT_TRUE(session_run(session, "ROLLBACK"));
	CU_ASSERT_EQUAL(job_do(store, &after), NX_OK);
	CU_ASSERT_EQUAL(read_integer(store, "SELECT count(*) FROM items"), 1);
	session_close(session);
	nx_store_close(store);
}

static enum nx_status work_touch(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	int64_t changed;

	return nx_sql_changed(tx, error, "UPDATE items SET word = 'touched' WHERE id = $1",
			      NX_PARAMS(NX_TEXT(job->text)), &changed);
}

/* A single row that is locked (PostgreSQL) costs those who want it, and no others. */
static void test_row_locked(void)
{
	struct nx_store *store = store_start();
	struct session *session = session_open();
	struct job jobs[] = {
		{.work = work_insert, .text = "a", .number = 1},
		{.work = work_insert, .text = "b", .number = 2},
		{.work = work_touch, .text = "a"},
		{.work = work_touch, .text = "b"},
		{.work = work_insert, .text = "c", .number = 3},
	};
	struct gate gate;

	if (fixture.kind == NX_STORE_POSTGRESQL) {
		job_do(store, &jobs[0]);
		job_do(store, &jobs[1]);
		session_run(session, "BEGIN; UPDATE items SET word = 'mine' WHERE id = 'a'");
		gate_close(store, &gate);
		for (int i = 2; i < 5; i++)
			job_submit(store, &jobs[i]);
		gate_open(&gate);
		CU_ASSERT_EQUAL(job_wait(&jobs[2]), NX_UNAVAILABLE);
		CU_ASSERT_EQUAL(job_wait(&jobs[3]), NX_OK);
		CU_ASSERT_EQUAL(job_wait(&jobs[4]), NX_OK);
		session_run(session, "ROLLBACK");
		CU_ASSERT_EQUAL(job_do(store, &jobs[2]), NX_OK);
	}
	session_close(session);
	nx_store_close(store);
}

/* --- the connection (PostgreSQL) --- */

static void hook_end(void *context, enum nx_tx_end end)
{
	struct job *job = context;

	job->number = job->number * 10 + (int64_t)end;
}

/* Waits in the middle until the test has ended the sessions. */
static sem_t reached, ended;

static enum nx_status work_wait(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	int64_t count;
	enum nx_status status;

	nx_tx_at_end(tx, hook_end, job);
	status = nx_sql(tx, error, "INSERT INTO items (id) VALUES ($1)", NX_PARAMS(NX_TEXT(job->text)));
	if (status == NX_OK)
		status = nx_sql_integer(tx, error, "SELECT count(*) FROM items", NX_NO_PARAMS, &count);
	if (job->runs == 1) {
		sem_post(&reached);
		while (sem_wait(&ended) != 0)
			;
	}
	if (status == NX_OK)
		status = nx_sql_integer(tx, error, "SELECT count(*) FROM items", NX_NO_PARAMS, &count);
	return status;
}

/* Lost half-way: nothing was committed, so it is simply done again on a new connection. */
static void test_lost_in_command(void)
{
	struct nx_store *store = store_start();
	struct session *session = session_open();
	struct nx_store_figures figures;
	struct job job = {.work = work_wait, .text = "a"};

	if (fixture.kind == NX_STORE_POSTGRESQL) {
		sem_init(&reached, 0, 0);
		sem_init(&ended, 0, 0);
		job_submit(store, &job);
		while (sem_wait(&reached) != 0)
			;
		session_end_others(session);
		sem_post(&ended);
		CU_ASSERT_EQUAL(job_wait(&job), NX_OK);
		CU_ASSERT_EQUAL(job.runs, 2);
		CU_ASSERT_EQUAL(job.number, NX_TX_ROLLED_BACK * 10 + NX_TX_COMMITTED);
		CU_ASSERT_EQUAL(read_integer(store, "SELECT count(*) FROM items"), 1);
		nx_store_figures(store, &figures);
		CU_ASSERT_EQUAL(figures.reconnects, 1);
	}
	session_close(session);
	nx_store_close(store);
}

/* Ended while it rests, and let back in: nobody notices. */
static void test_lost_at_rest(void)
{
	struct nx_store *store = store_start();
	struct session *session = session_open();
	struct job job = {.work = work_insert, .text = "a", .number = 1};

	if (fixture.kind == NX_STORE_POSTGRESQL) {
		CU_ASSERT_EQUAL(read_integer(store, "SELECT count(*) FROM items"), 0);
		session_end_others(session);
		CU_ASSERT_TRUE(
			WAIT_FOR(5, session_integer(session, "SELECT count(*) FROM pg_stat_activity WHERE"
							     " application_name = 'nexodus-server'") == 0));
		CU_ASSERT_EQUAL(job_do(store, &job), NX_OK);
		CU_ASSERT_EQUAL(read_integer(store, "SELECT count(*) FROM items"), 1);
	}
	session_close(session);
	nx_store_close(store);
}

/* Who ends the sessions of one database and lets none in stands in another. */
static struct session *session_elsewhere(void)
{
	struct fixture here = fixture;
	NX_AUTO_FREE char *elsewhere = nx_printf("%s dbname=template1", fixture.database);
	struct session *session;

	fixture.database = elsewhere;
	session = session_open();
	fixture = here;
	return session;
}

static void let_in(struct session *elsewhere, const char *database, bool allowed)
{
	NX_AUTO_FREE char *alter = nx_printf("ALTER DATABASE \"%s\" WITH ALLOW_CONNECTIONS %s", database,
					     allowed ? "true" : "false");
	NX_AUTO_FREE char *end = nx_printf("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
					   " WHERE datname = '%s'",
					   database);

	CU_ASSERT_TRUE(session_run(elsewhere, alter));
	if (!allowed)
		CU_ASSERT_TRUE(session_run(elsewhere, end));
}

static bool is_usable(struct nx_store *store)
{
	struct nx_error error = {0};

	return nx_store_usable(store, &error);
}

/* Away for a while: refused at once, and back by itself. */
static void test_away(void)
{
	struct nx_store *store = store_start();
	struct job before = {.work = work_insert, .text = "before", .number = 1};
	struct job during = {.work = work_insert, .text = "during", .number = 2};
	struct job after = {.work = work_insert, .text = "after", .number = 3};
	struct reading reading = {0};
	struct session *elsewhere;
	uint64_t start;

	CU_ASSERT_TRUE(is_usable(store));
	if (fixture.kind == NX_STORE_POSTGRESQL) {
		CU_ASSERT_EQUAL(job_do(store, &before), NX_OK);
		elsewhere = session_elsewhere();
		let_in(elsewhere, "postgres", false);
		start = now_milliseconds();
		CU_ASSERT_EQUAL(job_do(store, &during), NX_UNAVAILABLE);
		CU_ASSERT_EQUAL(job_do(store, &during), NX_UNAVAILABLE);
		CU_ASSERT_EQUAL(nx_store_read(store, read_pairs, &reading, NULL), NX_UNAVAILABLE);
		CU_ASSERT_TRUE(now_milliseconds() - start < BOUND_MILLISECONDS);
		CU_ASSERT_TRUE(WAIT_FOR(5, !is_usable(store)));
		let_in(elsewhere, "postgres", true);
		CU_ASSERT_TRUE(WAIT_FOR(10, is_usable(store)));
		CU_ASSERT_EQUAL(job_do(store, &after), NX_OK);
		CU_ASSERT_EQUAL(read_integer(store, "SELECT count(*) FROM items"), 2);
		session_close(elsewhere);
	}
	nx_store_close(store);
}

static enum nx_status work_slow_commit(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	nx_tx_at_end(tx, hook_end, job);
	return nx_sql(tx, error, "INSERT INTO items (id, word) VALUES ($1, 'slow')",
		      NX_PARAMS(NX_TEXT(job->text)));
}

/* A COMMIT that takes its time, by a trigger that waits until the end. */
static const char slow_commit_sql[] =
	"CREATE FUNCTION wait_a_little() RETURNS trigger LANGUAGE plpgsql AS"
	" 'BEGIN PERFORM pg_sleep(5); RETURN NULL; END';"
	"CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON items DEFERRABLE INITIALLY DEFERRED"
	" FOR EACH ROW WHEN (NEW.word = 'slow') EXECUTE FUNCTION wait_a_little()";

/* Lost during the COMMIT: nobody knows, and nobody says that all is well. */
static void test_lost_in_commit(void)
{
	struct nx_store *store = store_start();
	struct session *session = session_open();
	struct job job = {.work = work_slow_commit, .text = "a"};
	struct job after = {.work = work_insert, .text = "b", .number = 1};

	if (fixture.kind == NX_STORE_POSTGRESQL) {
		CU_ASSERT_TRUE(session_run(session, slow_commit_sql));
		job_submit(store, &job);
		CU_ASSERT_TRUE(WAIT_FOR(5, session_integer(session, "SELECT count(*) FROM pg_stat_activity"
								    " WHERE wait_event = 'PgSleep'") == 1));
		session_end_others(session);
		CU_ASSERT_EQUAL(job_wait(&job), NX_UNAVAILABLE);
		CU_ASSERT_PTR_NOT_NULL(strstr(job.error.message, "whether"));
		CU_ASSERT_EQUAL(job.number, NX_TX_UNKNOWN);
		CU_ASSERT_EQUAL(job.runs, 1);
		CU_ASSERT_EQUAL(job_do(store, &after), NX_OK);
	}
	session_close(session);
	nx_store_close(store);
}

/* A server process that is frozen, as a host without memory left would: it counts as lost. */
static void test_frozen(void)
{
	struct nx_store *store = store_start();
	struct job job = {.work = work_insert, .text = "a", .number = 1};
	uint64_t start = now_milliseconds();
	pid_t backend;

	if (fixture.kind == NX_STORE_POSTGRESQL) {
		backend = (pid_t)database_integer("SELECT pid FROM pg_stat_activity"
						  " WHERE application_name = 'nexodus-server'");
		CU_ASSERT_EQUAL(kill(backend, SIGSTOP), 0);
		CU_ASSERT_EQUAL(job_do(store, &job), NX_OK);
		CU_ASSERT_TRUE(now_milliseconds() - start < BOUND_MILLISECONDS);
		kill(backend, SIGCONT);
		CU_ASSERT_EQUAL(read_integer(store, "SELECT count(*) FROM items"), 1);
	}
	nx_store_close(store);
}

/* Two servers on one database: they take turns, and the table settles what both want. */
static atomic_int turns;

struct server {
	struct nx_store *store;
	pthread_t thread;
	unsigned won, lost;
};

static void *compete(void *context)
{
	struct server *server = context;

	for (int64_t i = 0; i < 300; i++) {
		char name[24];
		struct job job = {.work = work_insert, .text = name, .number = i};

		snprintf(name, sizeof(name), "s%d", turns++);
		if (job_do(server->store, &job) == NX_OK)
			server->won++;
		else if (job.status == NX_CONFLICT)
			server->lost++;
	}
	return NULL;
}

static void test_two_stores(void)
{
	struct server servers[2] = {{.store = store_start()}, {.store = store_start()}};

	for (int i = 0; i < 2; i++)
		pthread_create(&servers[i].thread, NULL, compete, &servers[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(servers[i].thread, NULL);
	CU_ASSERT_EQUAL(servers[0].won + servers[1].won, 300);
	CU_ASSERT_EQUAL(servers[0].lost + servers[1].lost, 300);
	CU_ASSERT_EQUAL(read_integer(servers[0].store, "SELECT count(*) FROM items"), 300);
	for (int i = 0; i < 2; i++)
		nx_store_close(servers[i].store);
}

CU_TestInfo trouble_tests[] = {
	{"readers beside the writer", test_readers},
	{"no reader is free", test_no_free_reader},
	{"a lock on everything", test_lock_held},
	{"a lock on one row", test_row_locked},
	{"lost during a command", test_lost_in_command},
	{"lost at rest", test_lost_at_rest},
	{"away and back", test_away},
	{"lost during COMMIT", test_lost_in_commit},
	{"a frozen server", test_frozen},
	{"two servers", test_two_stores},
	CU_TEST_INFO_NULL,
};
