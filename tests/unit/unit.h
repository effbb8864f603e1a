/* SPDX-License-Identifier: Apache-2.0 */
/* What the unit tests share. */
#ifndef NX_TESTS_UNIT_H
#define NX_TESTS_UNIT_H

#include <CUnit/Basic.h>
#include <stdint.h>

/* Run the tests (ended by CU_TEST_INFO_NULL) and answer what main() returns. */
int unit_run(const char *name, CU_TestInfo *tests);

/* The same numbers in every run, so that a failure can be repeated. */
uint64_t unit_random(void);

/* A fresh directory (0700), removed with all in it by unit_directory_remove(). */
char *unit_directory_make(void);
void unit_directory_remove(char *path);

/* Assert that `text` holds `part`; says both when it does not. */
#define UNIT_ASSERT_HOLDS(text, part) unit_assert_holds(text, part, __FILE__, __LINE__)
void unit_assert_holds(const char *text, const char *part, const char *file, unsigned int line);

/* Assert something about one row of a table; says which row it was. */
#define UNIT_ASSERT_ROW(truth, row) unit_assert_row(truth, #truth, row, __FILE__, __LINE__)
void unit_assert_row(int truth, const char *expression, const char *row, const char *file, unsigned int line);

#endif
