/* SPDX-License-Identifier: Apache-2.0 */
/* When something that has failed is called again. */
#include "server/ipam/breaker.h"
#include "tests/unit/unit.h"

#define PAUSE UINT64_C(1000)

/* So many failures in a row; does the last one open it? */
static bool fail_times(struct nx_breaker *breaker, unsigned times, uint64_t now)
{
	bool opened = false;

	for (unsigned i = 0; i < times; i++) {
		CU_ASSERT_TRUE(nx_breaker_admit(breaker, now));
		CU_ASSERT_FALSE(opened);
		opened = nx_breaker_failed(breaker, now, PAUSE);
	}
	return opened;
}

static void test_opens(void)
{
	struct nx_breaker breaker = {0};

	CU_ASSERT_FALSE(fail_times(&breaker, NX_BREAKER_FAILURES - 1, 10));
	CU_ASSERT_FALSE(nx_breaker_worked(&breaker)); /* not in a row */
	CU_ASSERT_FALSE(fail_times(&breaker, NX_BREAKER_FAILURES - 1, 20));
	CU_ASSERT_TRUE(nx_breaker_admit(&breaker, 30));
	CU_ASSERT_TRUE(nx_breaker_failed(&breaker, 30, PAUSE));
	CU_ASSERT_TRUE(breaker.open);
	CU_ASSERT_FALSE(nx_breaker_admit(&breaker, 30));
	CU_ASSERT_FALSE(nx_breaker_admit(&breaker, 30 + PAUSE - 1));
}

static void test_one_trial(void)
{
	struct nx_breaker breaker = {0};

	CU_ASSERT_TRUE(fail_times(&breaker, NX_BREAKER_FAILURES, 0));
	CU_ASSERT_TRUE(nx_breaker_admit(&breaker, PAUSE));
	CU_ASSERT_FALSE(nx_breaker_admit(&breaker, 10 * PAUSE)); /* while that one is under way */
	CU_ASSERT_FALSE(nx_breaker_failed(&breaker, 10 * PAUSE, PAUSE));
	CU_ASSERT_FALSE(nx_breaker_admit(&breaker, 11 * PAUSE - 1));
	CU_ASSERT_TRUE(nx_breaker_admit(&breaker, 11 * PAUSE));
	nx_breaker_spared(&breaker); /* which was not made: the next one is the trial */
	CU_ASSERT_TRUE(nx_breaker_admit(&breaker, 11 * PAUSE));
}

static void test_closes(void)
{
	struct nx_breaker breaker = {0};

	CU_ASSERT_TRUE(fail_times(&breaker, NX_BREAKER_FAILURES, 0));
	CU_ASSERT_TRUE(nx_breaker_admit(&breaker, PAUSE));
	CU_ASSERT_TRUE(nx_breaker_worked(&breaker));
	CU_ASSERT_FALSE(breaker.open);
	CU_ASSERT_TRUE(fail_times(&breaker, NX_BREAKER_FAILURES, PAUSE));
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"it opens after failures in a row", test_opens},
		{"one call at a time tries again", test_one_trial},
		{"it closes when a call works", test_closes},
		CU_TEST_INFO_NULL,
	};

	return unit_run("server_breaker", tests);
}
