/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor's words: how far the clocks may be apart, and that a finding is passed on whole. */
#include "agent/doctor/doctor.h"

#include <stdio.h>

#include "tests/unit/unit.h"

struct heard {
	char check[32];
	enum nx_verdict verdict;
	char what[512];
	char remedy[256];
	unsigned count;
};

static void hear(void *context, const struct nx_finding *finding)
{
	struct heard *heard = context;

	snprintf(heard->check, sizeof(heard->check), "%s", finding->check);
	snprintf(heard->what, sizeof(heard->what), "%s", finding->what);
	snprintf(heard->remedy, sizeof(heard->remedy), "%s", finding->remedy);
	heard->verdict = finding->verdict;
	heard->count++;
}

static void test_clock(void)
{
	static const struct {
		int64_t ours;
		enum nx_verdict verdict;
		const char *words;
	} rows[] = {
		{1000000, NX_VERDICT_OK, "agrees"},
		{1000029, NX_VERDICT_OK, "agrees"},
		{1000030, NX_VERDICT_WARNING, "30 seconds ahead of"},
		{999970, NX_VERDICT_WARNING, "30 seconds behind"},
		{1000299, NX_VERDICT_WARNING, "299 seconds ahead of"},
		{1000300, NX_VERDICT_PROBLEM, "300 seconds ahead of"},
		{0, NX_VERDICT_PROBLEM, "1000000 seconds behind"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct heard heard = {0};
		const struct nx_diagnosis diagnosis = {
			.size = sizeof(diagnosis), .report = hear, .context = &heard};

		nx_doctor_clock(rows[i].ours, 1000000, &diagnosis);
		CU_ASSERT_EQUAL(heard.count, 1);
		CU_ASSERT_STRING_EQUAL(heard.check, "clock");
		UNIT_ASSERT_ROW(heard.verdict == rows[i].verdict, rows[i].words);
		UNIT_ASSERT_HOLDS(heard.what, rows[i].words);
		UNIT_ASSERT_ROW((*heard.remedy != '\0') == (rows[i].verdict != NX_VERDICT_OK), rows[i].words);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"how far the clocks are apart", test_clock},
		CU_TEST_INFO_NULL,
	};

	return unit_run("doctor", tests);
}
