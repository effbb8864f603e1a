/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

int unit_run(const char *name, CU_TestInfo *tests)
{
	CU_SuiteInfo suites[] = {{.pName = name, .pTests = tests}, CU_SUITE_INFO_NULL};
	unsigned int failures;

	if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS) {
		fprintf(stderr, "%s: %s\n", name, CU_get_error_msg());
		return EXIT_FAILURE;
	}
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* xorshift64* */
uint64_t unit_random(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15u;

	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1du;
}

char *unit_directory_make(void)
{
	const char *parent = getenv("TMPDIR");
	char *path = nx_printf("%s/nexodus-unit.XXXXXX", parent ? parent : "/tmp");

	if (!mkdtemp(path)) {
		perror(path);
		abort();
	}
	return path;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

void unit_directory_remove(char *path)
{
	if (path && nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS) != 0)
		perror(path);
	free(path);
}

void unit_assert_holds(const char *text, const char *part, const char *file, unsigned int line)
{
	char message[1024];

	snprintf(message, sizeof(message), "\"%.600s\" holds \"%.300s\"", text, part);
	CU_assertImplementation(strstr(text, part) != NULL, line, message, file, "", CU_FALSE);
}

void unit_assert_row(int truth, const char *expression, const char *row, const char *file, unsigned int line)
{
	char message[512];

	snprintf(message, sizeof(message), "%.200s in row \"%.200s\"", expression, row);
	CU_assertImplementation(truth, line, message, file, "", CU_FALSE);
}
