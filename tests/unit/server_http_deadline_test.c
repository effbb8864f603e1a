/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "server/http/deadline.h"
#include "tests/unit/unit.h"

#define MANY 1000

/* A deadline, what was promised of it, and whether it has passed. */
struct promise {
	struct nx_deadline deadline; /* first */
	uint64_t at;
	int passed;
};

static struct nx_deadlines wheel;
static struct promise promises[MANY];

static void passed(struct nx_deadline *deadline)
{
	((struct promise *)(void *)deadline)->passed++;
}

static void begin(uint64_t now)
{
	memset(&wheel, 0, sizeof(wheel));
	memset(promises, 0, sizeof(promises));
	nx_deadlines_run(&wheel, now, passed);
}

static void promise(size_t index, uint64_t at)
{
	promises[index].at = at;
	nx_deadline_set(&wheel, &promises[index].deadline, at);
}

static void test_in_time(void)
{
	uint64_t now = 123456789;

	begin(now);
	promise(0, now + 1000);
	nx_deadlines_run(&wheel, now + 999, passed);
	CU_ASSERT_EQUAL(promises[0].passed, 0);
	nx_deadlines_run(&wheel, now + 1000 + NX_DEADLINE_STEP, passed);
	CU_ASSERT_EQUAL(promises[0].passed, 1);
	nx_deadlines_run(&wheel, now + 1000000, passed);
	CU_ASSERT_EQUAL(promises[0].passed, 1);
}

static void test_moved_and_cleared(void)
{
	begin(5000);
	promise(0, 6000);
	promise(0, 9000);
	promise(1, 6000);
	nx_deadline_clear(&promises[1].deadline);
	nx_deadline_clear(&promises[1].deadline);
	nx_deadline_clear(&promises[2].deadline); /* never set */
	nx_deadlines_run(&wheel, 8900, passed);
	CU_ASSERT_EQUAL(promises[0].passed, 0);
	nx_deadlines_run(&wheel, 9300, passed);
	CU_ASSERT_EQUAL(promises[0].passed, 1);
	CU_ASSERT_EQUAL(promises[1].passed, 0);
	CU_ASSERT_EQUAL(nx_deadlines_wait(&wheel, 9300), -1);
}

static void test_past_and_far(void)
{
	uint64_t turn = (uint64_t)NX_DEADLINE_STEP * NX_DEADLINE_SLOTS;

	begin(1000000);
	promise(0, 10);			/* long over */
	promise(1, 1000000 + 3 * turn); /* several turns ahead */
	nx_deadlines_run(&wheel, 1000000 + 2 * NX_DEADLINE_STEP, passed);
	CU_ASSERT_EQUAL(promises[0].passed, 1);
	nx_deadlines_run(&wheel, 1000000 + 3 * turn - NX_DEADLINE_STEP, passed);
	CU_ASSERT_EQUAL(promises[1].passed, 0);
	nx_deadlines_run(&wheel, 1000000 + 3 * turn + NX_DEADLINE_STEP, passed);
	CU_ASSERT_EQUAL(promises[1].passed, 1);
}

/* After the machine slept for hours, one look is enough. */
static void test_long_sleep(void)
{
	begin(1000);
	for (size_t i = 0; i < MANY; i++)
		promise(i, 1000 + i * 100);
	nx_deadlines_run(&wheel, 1000u * 3600 * 24, passed);
	for (size_t i = 0; i < MANY; i++)
		CU_ASSERT_EQUAL_FATAL(promises[i].passed, 1);
}

/* Deadlines come and go at random; each passes once, not early, and not a step late. */
static void test_model(void)
{
	uint64_t now = 777777;

	begin(now);
	for (int round = 0; round < 20000; round++) {
		size_t index = unit_random() % MANY;
		promises[index].passed = 0;
		if (unit_random() % 4 == 0) {
			nx_deadline_clear(&promises[index].deadline);
			promises[index].at = 0;
		} else {
			promise(index, now + unit_random() % 200000);
		}
		now += unit_random() % 50;
		nx_deadlines_run(&wheel, now, passed);
		if (round % 100)
			continue;
		for (size_t i = 0; i < MANY; i++) {
			uint64_t at = promises[i].at;
			CU_ASSERT_FATAL(promises[i].passed <= 1);
			CU_ASSERT_FATAL(!promises[i].passed || (at && at <= now));
			CU_ASSERT_FATAL(promises[i].passed || !at || at + NX_DEADLINE_STEP >= now);
		}
	}
}

/* Whoever waits as long as it says misses none by more than a step. */
static void test_wait(void)
{
	uint64_t now = 50000;

	begin(now);
	CU_ASSERT_EQUAL(nx_deadlines_wait(&wheel, now), -1);
	promise(0, now + 30000);
	for (int turns = 0; !promises[0].passed; turns++) {
		int wait = nx_deadlines_wait(&wheel, now);
		CU_ASSERT_FATAL(wait >= 0 && turns < 4);
		now += (uint64_t)wait;
		nx_deadlines_run(&wheel, now, passed);
	}
	CU_ASSERT_TRUE(now >= 80000 && now <= 80000 + NX_DEADLINE_STEP);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"a deadline passes in time, once", test_in_time},
		{"moved and cleared", test_moved_and_cleared},
		{"in the past, and many turns ahead", test_past_and_far},
		{"a long sleep", test_long_sleep},
		{"beside a model", test_model},
		{"how long to wait", test_wait},
		CU_TEST_INFO_NULL,
	};

	return unit_run("server_http_deadline", tests);
}
