/* SPDX-License-Identifier: Apache-2.0 */
/* Commands: groups, their neighbours, hooks, retries, the queue. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/store/fixture.h"

#define GROUP 64

static void test_conflict(void)
{
	struct nx_store *store = store_start();
	struct job first = {.work = work_insert, .text = "a", .number = 1};
	struct job same_key = {.work = work_insert, .text = "a", .number = 2};
	struct job same_number = {.work = work_insert, .text = "b", .number = 1};

	CU_ASSERT_EQUAL(job_do(store, &first), NX_OK);
	CU_ASSERT_EQUAL(job_do(store, &same_key), NX_CONFLICT);
	CU_ASSERT_EQUAL(same_key.error.status, NX_CONFLICT);
	CU_ASSERT_EQUAL(job_do(store, &same_number), NX_CONFLICT);
	CU_ASSERT_EQUAL(read_integer(store, "SELECT count(*) FROM items"), 1);
	nx_store_close(store);
}

/* --- a conflict that the command can do something about --- */

static enum nx_status work_next_number(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	/* As a cache would that has fallen behind: it proposes one further each time. */
	return nx_sql(tx, error, "INSERT INTO items (id, number) VALUES ($1, $2)",
		      NX_PARAMS(NX_TEXT(job->text), NX_INT(++job->number)));
}

static void test_retry(void)
{
	struct nx_store *store = store_start();
	struct nx_store_figures figures;
	struct job jobs[] = {
		{.work = work_insert, .text = "a", .number = 1},
		{.work = work_insert, .text = "b", .number = 2},
		{.work = work_next_number, .text = "c", .number = 0},
		{.work = work_next_number, .text = "d", .number = -10},
	};

	for (size_t i = 0; i < NX_COUNT(jobs); i++)
		CU_ASSERT_EQUAL(job_do(store, &jobs[i]), NX_OK);
	CU_ASSERT_EQUAL(jobs[2].runs, 3);
	CU_ASSERT_EQUAL(jobs[3].runs, 1);
	nx_store_figures(store, &figures);
	CU_ASSERT_EQUAL(figures.retries, 2);
	CU_ASSERT_EQUAL(figures.commands, 4);
	CU_ASSERT_EQUAL(figures.failures, 0);
	nx_store_close(store);
}

/* --- a command that says what is taken --- */

static enum nx_status work_explain(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	enum nx_status status = work_insert(job, tx, error);

	if (status == NX_CONFLICT) {
		nx_fail(error, NX_CONFLICT, "id", "the item %s exists", job->text);
		snprintf(error->id, sizeof(error->id), "%s", job->text);
	}
	return status;
}

static void test_own_words(void)
{
	struct nx_store *store = store_start();
	struct job first = {.work = work_explain, .text = "a", .number = 1};
	struct job second = {.work = work_explain, .text = "a", .number = 2};

	job_do(store, &first);
	CU_ASSERT_EQUAL(job_do(store, &second), NX_CONFLICT);
	CU_ASSERT_STRING_EQUAL(second.error.message, "the item a exists");
	CU_ASSERT_STRING_EQUAL(second.error.field, "id");
	CU_ASSERT_STRING_EQUAL(second.error.id, "a");
	nx_store_close(store);
}

/* --- whose conflict is it? --- */

static enum nx_status work_look_after_insert(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	enum nx_status status = work_insert(job, tx, error);
	int64_t count;

	if (status == NX_OK)
		status = nx_sql_integer(tx, error, "SELECT count(*) FROM items", NX_NO_PARAMS, &count);
	return status;
}

/* Would remember a conflict, as a pool of addresses does. */
static enum nx_status work_remember(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	enum nx_status status = work_look_after_insert(job, tx, error);

	job->number += status == NX_CONFLICT ? 1000 : 0;
	return status;
}

static void test_whose_conflict(void)
{
	struct nx_store *store = store_start();
	struct job first = {.work = work_insert, .text = "a", .number = 1};
	struct job again = {.work = work_insert, .text = "a", .number = 2};
	struct job innocent = {.work = work_remember, .text = "b", .number = 3};
	struct gate gate;

	CU_ASSERT_EQUAL(job_do(store, &first), NX_OK);
	gate_close(store, &gate);
	job_submit(store, &again);
	job_submit(store, &innocent);
	gate_open(&gate);
	CU_ASSERT_EQUAL(job_wait(&again), NX_CONFLICT);
	CU_ASSERT_EQUAL(job_wait(&innocent), NX_OK);
	CU_ASSERT_EQUAL(innocent.number, 3);
	nx_store_close(store);
}

/* --- one among many fails --- */

static enum nx_status work_insert_then_fail(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	enum nx_status status = work_insert(job, tx, error);

	return status == NX_OK ? nx_fail(error, NX_EXHAUSTED, "tunnel_ip", "no more") : status;
}

static enum nx_status work_fail_at_once(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	(void)job;
	(void)tx;
	return nx_fail(error, NX_INVALID, "hostname", "bad name");
}

static enum nx_status work_hide_failure(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	work_insert(job, tx, error);
	nx_sql(tx, NULL, "UPDATE nowhere SET x = 1", NX_NO_PARAMS);
	return NX_OK;
}

static void group_with(enum nx_status (*work)(struct job *job, struct nx_tx *tx, struct nx_error *error),
		       int64_t number, enum nx_status expected)
{
	static struct job jobs[GROUP];
	char names[GROUP][16];
	struct nx_store *store = store_start();
	struct nx_store_figures figures;
	struct gate gate;

	gate_close(store, &gate);
	for (int i = 0; i < GROUP; i++) {
		snprintf(names[i], sizeof(names[i]), "n%d", i);
		jobs[i] = (struct job){.work = i == 40 ? work : work_insert,
				       .text = names[i],
				       .number = i == 40 ? number : i};
		job_submit(store, &jobs[i]);
	}
	gate_open(&gate);
	for (int i = 0; i < GROUP; i++) {
		CU_ASSERT_EQUAL(job_wait(&jobs[i]), i == 40 ? expected : NX_OK);
		CU_ASSERT_TRUE(i == 0 || jobs[i].order == jobs[i - 1].order + 1);
	}
	CU_ASSERT_EQUAL(read_integer(store, "SELECT count(*) FROM items"), GROUP - 1);
	CU_ASSERT_EQUAL(read_integer(store, "SELECT count(*) FROM items WHERE id = 'n40'"), 0);
	nx_store_figures(store, &figures);
	CU_ASSERT_EQUAL(figures.commits, 2); /* the gate's and theirs */
	CU_ASSERT_EQUAL(figures.failures, 1);
	nx_store_close(store);
}

static void test_group_conflict(void)
{
	group_with(work_insert, 7, NX_CONFLICT);
}

static void test_group_own_failure(void)
{
	group_with(work_insert_then_fail, 40, NX_EXHAUSTED);
}

static void test_group_early_failure(void)
{
	group_with(work_fail_at_once, 40, NX_INVALID);
}

static void test_group_hidden_failure(void)
{
	group_with(work_hide_failure, 40, NX_INTERNAL);
}

/* --- hooks --- */

static char story[512];

static void tell(const char *what, enum nx_tx_end end)
{
	static const char *const ends[] = {"?", "+", "-", "?!"};
	size_t used = strlen(story);

	snprintf(story + used, sizeof(story) - used, "%s%s ", what, ends[end]);
}

static void hook(void *context, enum nx_tx_end end)
{
	tell(context, end);
}

static enum nx_status work_with_hooks(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	static char names[8][4];
	char *first = names[job->number % 4 * 2], *second = names[job->number % 4 * 2 + 1];

	snprintf(first, 4, "%s1", job->text);
	snprintf(second, 4, "%s2", job->text);
	nx_tx_at_end(tx, hook, first);
	nx_tx_at_end(tx, hook, second);
	return work_insert(job, tx, error);
}

static enum nx_status work_hooks_then_fail(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	enum nx_status status = work_with_hooks(job, tx, error);

	return status == NX_OK ? nx_fail(error, NX_DENIED, NULL, "no") : status;
}

static void test_hooks(void)
{
	struct nx_store *store = store_start();
	struct job jobs[] = {
		{.work = work_with_hooks, .text = "a", .number = 0},
		{.work = work_with_hooks, .text = "b", .number = 1},
		{.work = work_hooks_then_fail, .text = "c", .number = 2},
		{.work = work_with_hooks, .text = "d", .number = 3},
	};
	struct gate gate;

	for (int failing = 0; failing < 2; failing++) {
		story[0] = '\0';
		if (!failing)
			jobs[2].work = work_with_hooks;
		else
			jobs[2].work = work_hooks_then_fail;
		CU_ASSERT_EQUAL(do_sql(store, "DELETE FROM items", NULL), NX_OK);
		gate_close(store, &gate);
		for (size_t i = 0; i < NX_COUNT(jobs); i++)
			job_submit(store, &jobs[i]);
		gate_open(&gate);
		for (size_t i = 0; i < NX_COUNT(jobs); i++)
			job_wait(&jobs[i]);
		if (!failing)
			CU_ASSERT_STRING_EQUAL(story, "a1+ a2+ b1+ b2+ c1+ c2+ d1+ d2+ ");
		/* First all together, until c fails; then one by one. */
		if (failing)
			CU_ASSERT_STRING_EQUAL(story, "c2- c1- b2- b1- a2- a1- "
						      "c2- c1- a1+ a2+ b1+ b2+ d1+ d2+ ");
	}
	CU_ASSERT_EQUAL(jobs[2].status, NX_DENIED);
	nx_store_close(store);
}

/* Hooks come before any `done` of the group. */
static atomic_uint hooks_called;

static void count_hook(void *context, enum nx_tx_end end)
{
	struct job *job = context;

	CU_ASSERT_EQUAL(end, NX_TX_COMMITTED);
	CU_ASSERT_EQUAL(job->order, 0);
	hooks_called++;
}

static enum nx_status work_counted(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	nx_tx_at_end(tx, count_hook, job);
	return work_insert(job, tx, error);
}

static void test_hooks_before_done(void)
{
	struct nx_store *store = store_start();
	struct job jobs[3] = {{.work = work_counted, .text = "a", .number = 1},
			      {.work = work_counted, .text = "b", .number = 2},
			      {.work = work_counted, .text = "c", .number = 3}};
	struct gate gate;

	hooks_called = 0;
	gate_close(store, &gate);
	for (size_t i = 0; i < NX_COUNT(jobs); i++)
		job_submit(store, &jobs[i]);
	gate_open(&gate);
	for (size_t i = 0; i < NX_COUNT(jobs); i++)
		CU_ASSERT_EQUAL(job_wait(&jobs[i]), NX_OK);
	CU_ASSERT_EQUAL(hooks_called, 3);
	nx_store_close(store);
}

/* --- a command reads what the one before it in the group wrote --- */

static enum nx_status work_count(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	return nx_sql_integer(tx, error, "SELECT count(*) FROM items", NX_NO_PARAMS, &job->number);
}

static enum nx_status work_must_exist(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	int64_t count = 0;
	enum nx_status status = nx_sql_integer(tx, error, "SELECT count(*) FROM items WHERE id = $1",
					       NX_PARAMS(NX_TEXT(job->text)), &count);

	if (status != NX_OK)
		return status;
	return count == 1 ? NX_OK : nx_fail(error, NX_NOT_FOUND, NULL, "no such item");
}

static enum nx_status work_delete_then_fail(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	nx_sql(tx, error, "DELETE FROM items WHERE id = $1", NX_PARAMS(NX_TEXT(job->text)));
	return nx_fail(error, NX_DENIED, NULL, "changed my mind");
}

/* What a command found must not rest on a neighbour's work that was taken back. */
static void test_judged_on_what_stands(void)
{
	struct nx_store *store = store_start();
	struct job make = {.work = work_insert, .text = "a", .number = 1};
	struct job spoil = {.work = work_delete_then_fail, .text = "a"};
	struct job look = {.work = work_must_exist, .text = "a"};
	struct job count = {.work = work_count};
	struct gate gate;

	job_do(store, &make);
	gate_close(store, &gate);
	job_submit(store, &spoil);
	job_submit(store, &look);
	job_submit(store, &count);
	gate_open(&gate);
	CU_ASSERT_EQUAL(job_wait(&spoil), NX_DENIED);
	CU_ASSERT_EQUAL(job_wait(&look), NX_OK);
	CU_ASSERT_EQUAL(job_wait(&count), NX_OK);
	CU_ASSERT_EQUAL(count.number, 1);
	nx_store_close(store);
}

/* --- the COMMIT itself fails for what one of them did --- */

static enum nx_status work_orphan(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	return nx_sql(tx, error, "INSERT INTO late (item) VALUES ($1)", NX_PARAMS(NX_TEXT(job->text)));
}

static void test_failing_commit(void)
{
	struct nx_store *store = store_start();
	struct job good = {.work = work_insert, .text = "a", .number = 1};
	struct job bad = {.work = work_orphan, .text = "nobody"};
	struct job fine = {.work = work_orphan, .text = "a"};
	struct gate gate;

	CU_ASSERT_EQUAL(do_sql(store,
			       "CREATE TABLE late (item TEXT REFERENCES items (id)"
			       " DEFERRABLE INITIALLY DEFERRED)",
			       NULL),
			NX_OK);
	gate_close(store, &gate);
	job_submit(store, &good);
	job_submit(store, &bad);
	job_submit(store, &fine);
	gate_open(&gate);
	CU_ASSERT_EQUAL(job_wait(&good), NX_OK);
	CU_ASSERT_EQUAL(job_wait(&bad), NX_INTERNAL);
	CU_ASSERT_EQUAL(job_wait(&fine), NX_OK);
	CU_ASSERT_EQUAL(read_integer(store, "SELECT count(*) FROM late"), 1);
	nx_store_close(store);
}

/* --- the queue --- */

static void test_queue_limit(void)
{
	struct nx_store_options options = store_options();
	struct nx_store *store;
	struct nx_store_figures figures;
	struct job jobs[12];
	char names[12][16];
	struct gate gate;
	unsigned refused = 0;

	options.queue_limit = 8;
	store = store_start_with(&options);
	gate_close(store, &gate);
	for (int i = 0; i < 12; i++) {
		snprintf(names[i], sizeof(names[i]), "q%d", i);
		jobs[i] = (struct job){.work = work_insert, .text = names[i], .number = i};
		job_submit(store, &jobs[i]);
	}
	nx_store_figures(store, &figures);
	CU_ASSERT_EQUAL(figures.queued, 8);
	/* Those beyond the limit are done already, while the writer is held. */
	for (int i = 8; i < 12; i++)
		refused += job_wait(&jobs[i]) == NX_UNAVAILABLE;
	CU_ASSERT_EQUAL(refused, 4);
	gate_open(&gate);
	for (int i = 0; i < 8; i++)
		CU_ASSERT_EQUAL(job_wait(&jobs[i]), NX_OK);
	nx_store_close(store);
}

static void test_stop(void)
{
	struct nx_store *store = store_start();
	struct job jobs[200];
	char names[200][16];
	struct job late = {.work = work_insert, .text = "late", .number = 999};

	for (int i = 0; i < 200; i++) {
		snprintf(names[i], sizeof(names[i]), "s%d", i);
		jobs[i] = (struct job){.work = work_insert, .text = names[i], .number = i};
		job_submit(store, &jobs[i]);
	}
	nx_store_stop(store);
	for (int i = 0; i < 200; i++)
		CU_ASSERT_EQUAL(job_wait(&jobs[i]), NX_OK);
	CU_ASSERT_EQUAL(job_do(store, &late), NX_UNAVAILABLE);
	CU_ASSERT_EQUAL(read_integer(store, "SELECT count(*) FROM items"), 200);
	nx_store_stop(store);
	nx_store_close(store);
	nx_store_close(NULL);
}

static void test_before_start(void)
{
	struct nx_store_options options = store_options();
	struct nx_store *store = NULL;
	struct job early = {.work = work_insert, .text = "early", .number = 1};

	CU_ASSERT_EQUAL(nx_store_open(&options, &store, NULL), NX_OK);
	CU_ASSERT_EQUAL(job_do(store, &early), NX_UNAVAILABLE);
	nx_store_close(store);
}

/* --- many threads --- */

#define THREADS 64
#define COMMANDS 10000

static atomic_int next_number;
static atomic_uint succeeded, conflicted;

static enum nx_status run_plain(struct nx_command *command, struct nx_tx *tx, struct nx_error *error)
{
	return work_insert((struct job *)command, tx, error);
}

/* Every tenth number is asked for twice: exactly one of the two gets it. */
static void *write_many(void *context)
{
	struct nx_store *store = context;
	char name[16];
	int number;

	while ((number = next_number++) < COMMANDS) {
		int same = number % 10 == 9 ? number - 5 : number;
		struct job job = {.command.run = run_plain, .text = name, .number = same};

		snprintf(name, sizeof(name), "t%d", number);
		if (nx_store_write(store, &job.command, NULL) == NX_OK)
			succeeded++;
		else
			conflicted++;
	}
	return NULL;
}

static void test_threads(void)
{
	struct nx_store *store = store_start();
	struct nx_store_figures figures;
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, write_many, store);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(succeeded, COMMANDS - COMMANDS / 10);
	CU_ASSERT_EQUAL(conflicted, COMMANDS / 10);
	CU_ASSERT_EQUAL(read_integer(store, "SELECT count(*) FROM items"), COMMANDS - COMMANDS / 10);
	CU_ASSERT_EQUAL(read_integer(store, "SELECT count(DISTINCT number) FROM items"),
			COMMANDS - COMMANDS / 10);
	nx_store_figures(store, &figures);
	CU_ASSERT_EQUAL(figures.commands, COMMANDS - COMMANDS / 10);
	CU_ASSERT_EQUAL(figures.failures, COMMANDS / 10);
	CU_ASSERT_TRUE(figures.commits < COMMANDS);
	CU_ASSERT_EQUAL(figures.queued, 0);
	nx_store_close(store);
}

CU_TestInfo command_tests[] = {
	{"a violated UNIQUE is a conflict", test_conflict},
	{"a lost race is run again", test_retry},
	{"a command tells a conflict in its own words", test_own_words},
	{"a conflict is told to whom it belongs", test_whose_conflict},
	{"one of 64 meets a conflict", test_group_conflict},
	{"one of 64 fails after it wrote", test_group_own_failure},
	{"one of 64 fails at once", test_group_early_failure},
	{"one of 64 hides a failure", test_group_hidden_failure},
	{"hooks in their order", test_hooks},
	{"hooks before done", test_hooks_before_done},
	{"nothing rests on what was taken back", test_judged_on_what_stands},
	{"a COMMIT that fails", test_failing_commit},
	{"the queue's limit", test_queue_limit},
	{"stop commits what waits", test_stop},
	{"nothing before the start", test_before_start},
	{"64 threads, 10,000 commands", test_threads},
	CU_TEST_INFO_NULL,
};
