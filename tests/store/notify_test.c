/* SPDX-License-Identifier: Apache-2.0 */
/* What one server tells the others (PostgreSQL; on SQLite there are none to tell). */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/store/fixture.h"

struct ear {
	pthread_mutex_t lock;
	char heard[512];
};

static void hear(void *context, const char *payload)
{
	struct ear *ear = context;
	size_t used;

	pthread_mutex_lock(&ear->lock);
	used = strlen(ear->heard);
	snprintf(ear->heard + used, sizeof(ear->heard) - used, "[%s]", payload);
	pthread_mutex_unlock(&ear->lock);
}

static bool has_heard(struct ear *ear, const char *text)
{
	bool same;

	pthread_mutex_lock(&ear->lock);
	same = strcmp(ear->heard, text) == 0;
	if (same)
		ear->heard[0] = '\0';
	pthread_mutex_unlock(&ear->lock);
	return same;
}

static struct nx_store *start_with_ear(struct ear *ear)
{
	struct nx_store_options options = store_options();

	pthread_mutex_init(&ear->lock, NULL);
	options.notified = hear;
	options.notified_context = ear;
	return store_start_with(&options);
}

static enum nx_status work_notify(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	enum nx_status status = nx_tx_notify(tx, job->text, error);

	return status == NX_OK && job->number ? nx_fail(error, NX_DENIED, NULL, "no") : status;
}

static void test_notify(void)
{
	struct ear here = {0}, there = {0};
	struct nx_store *sender = start_with_ear(&here), *receiver = start_with_ear(&there);
	struct job jobs[] = {
		{.work = work_notify, .text = "org1 5"},
		{.work = work_notify, .text = "org2 9"},
		{.work = work_notify, .text = "org1 6"},
		{.work = work_notify, .text = "org1 7", .number = 1},
		{.work = work_notify, .text = "org10 1"},
	};
	struct gate gate;

	gate_close(sender, &gate);
	for (size_t i = 0; i < NX_COUNT(jobs); i++)
		job_submit(sender, &jobs[i]);
	gate_open(&gate);
	for (size_t i = 0; i < NX_COUNT(jobs); i++)
		job_wait(&jobs[i]);
	CU_ASSERT_EQUAL(jobs[3].status, NX_DENIED);
	if (fixture.kind == NX_STORE_POSTGRESQL)
		CU_ASSERT_TRUE(WAIT_FOR(5, has_heard(&there, "[org2 9][org1 6][org10 1]")));
	CU_ASSERT_TRUE(has_heard(&there, ""));
	CU_ASSERT_TRUE(has_heard(&here, ""));
	nx_store_close(sender);
	nx_store_close(receiver);
}

static void test_limits(void)
{
	struct nx_store *store = store_start();
	NX_AUTO_FREE char *text = nx_alloc(8001);
	struct job empty = {.work = work_notify, .text = ""};
	struct job longest = {.work = work_notify, .text = text};

	CU_ASSERT_EQUAL(job_do(store, &empty), NX_INTERNAL);
	memset(text, 'x', 7999);
	CU_ASSERT_EQUAL(job_do(store, &longest), NX_OK);
	text[7999] = 'x';
	CU_ASSERT_EQUAL(job_do(store, &longest), NX_INTERNAL);
	nx_store_close(store);
}

/* A listener that was cut off says that it may have missed something, and hears again. */
static void test_listener_returns(void)
{
	struct ear here = {0}, there = {0};
	struct nx_store *sender = start_with_ear(&here), *receiver = start_with_ear(&there);
	struct session *session = session_open();
	struct job job = {.work = work_notify, .text = "org 1"};

	if (fixture.kind == NX_STORE_POSTGRESQL) {
		session_end_others(session);
		CU_ASSERT_TRUE(WAIT_FOR(10, has_heard(&there, "[]")));
		CU_ASSERT_EQUAL(job_do(sender, &job), NX_OK);
		CU_ASSERT_TRUE(WAIT_FOR(5, has_heard(&there, "[org 1]")));
		CU_ASSERT_TRUE(WAIT_FOR(10, has_heard(&here, "[]")));
	}
	session_close(session);
	nx_store_close(sender);
	nx_store_close(receiver);
}

CU_TestInfo notify_tests[] = {
	{"another server hears, once a subject", test_notify},
	{"limits", test_limits},
	{"cut off and back", test_listener_returns},
	CU_TEST_INFO_NULL,
};
