/* SPDX-License-Identifier: Apache-2.0 */
/* Sleeps that are told from two clocks, and the watch over them on a loop. */
#include <uv.h>

#include "agent/loop.h"
#include "agent/sleep.h"
#include "agent/wake.h"
#include "base/memory.h"
#include "tests/unit/unit.h"

/* A host's two clocks. */
struct clocks {
	struct nx_sleep sleep;
	uint64_t boottime, monotonic, gap;
};

static struct clocks clocks_start(void)
{
	/* It has slept before: that is of no interest. */
	struct clocks clocks = {.boottime = 9000000, .monotonic = 5000000};

	nx_sleep_begin(&clocks.sleep, clocks.boottime, clocks.monotonic);
	return clocks;
}

/* A look after so many milliseconds awake, and as many asleep. */
static bool look_after(struct clocks *clocks, uint64_t awake, uint64_t asleep)
{
	clocks->boottime += awake + asleep;
	clocks->monotonic += awake;
	return nx_sleep_look(&clocks->sleep, clocks->boottime, clocks->monotonic, &clocks->gap);
}

static void test_awake(void)
{
	struct clocks clocks = clocks_start();

	for (unsigned i = 0; i < 100; i++)
		CU_ASSERT_FALSE(look_after(&clocks, 5000, 0));
	CU_ASSERT_FALSE(look_after(&clocks, 0, 0));
	/* The two clocks are read one after the other. */
	CU_ASSERT_FALSE(look_after(&clocks, 5000, 900));
	/* A busy host is not one that slept. */
	CU_ASSERT_FALSE(look_after(&clocks, 15000, 0));
}

static void test_asleep(void)
{
	struct clocks clocks = clocks_start();

	CU_ASSERT_TRUE(look_after(&clocks, 3000, 1001));
	CU_ASSERT_EQUAL(clocks.gap, 4001);
	CU_ASSERT_FALSE(look_after(&clocks, 5000, 0));
	CU_ASSERT_TRUE(look_after(&clocks, 0, UINT64_C(86400000) * 400));
	CU_ASSERT_EQUAL(clocks.gap, UINT64_C(86400000) * 400);
	CU_ASSERT_FALSE(look_after(&clocks, 1, 0));
}

static void test_stopped(void)
{
	struct clocks clocks = clocks_start();

	CU_ASSERT_TRUE(look_after(&clocks, 15001, 0));
	CU_ASSERT_EQUAL(clocks.gap, 15001);
	CU_ASSERT_FALSE(look_after(&clocks, 5000, 0));
}

static void woken_count(void *context, uint64_t seconds)
{
	(void)seconds;
	++*(unsigned *)context;
}

static void loop_stop(void *context)
{
	uv_stop(context);
}

static void test_on_a_loop(void)
{
	struct nx_wake *wake = NULL;
	unsigned woken = 0;
	uv_loop_t loop;

	CU_ASSERT_EQUAL_FATAL(uv_loop_init(&loop), 0);
	CU_ASSERT_EQUAL_FATAL(nx_wake_start(&loop, woken_count, &woken, &wake, NULL), NX_OK);
	struct nx_watch *enough = nx_watch_every(&loop, 100, loop_stop, &loop);
	uv_run(&loop, UV_RUN_DEFAULT);
	CU_ASSERT_EQUAL(woken, 0);
	nx_watch_end(enough);
	nx_wake_stop(wake);
	nx_wake_stop(NULL);
	nx_loop_finish(&loop);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"a host that is awake", test_awake},
		{"a host that slept", test_asleep},
		{"a program that was stopped", test_stopped},
		{"watched on a loop", test_on_a_loop},
		CU_TEST_INFO_NULL,
	};

	return unit_run("agent wake", tests);
}
