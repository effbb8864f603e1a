/* SPDX-License-Identifier: Apache-2.0 */
/* Running one suite of CUnit tests as a program: 0 when all of them pass. */
#ifndef SUITE_H
#define SUITE_H

#include <CUnit/Basic.h>

/* `tests` is ended by CU_TEST_INFO_NULL. */
static inline int suite_run(const char *name, CU_TestInfo *tests)
{
	CU_SuiteInfo suites[] = {{name, NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};

	if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS)
		return 2;
	CU_basic_run_tests();
	unsigned failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures != 0;
}

#endif
