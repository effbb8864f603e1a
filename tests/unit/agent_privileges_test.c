/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of root's capabilities, in nexd and in what it runs. Without root there is less to give up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/privileges.h"
#include "agent/program.h"
#include "base/memory.h"
#include "base/secret.h"
#include "tests/unit/unit.h"

#define NEEDED 0x3000ull /* CAP_NET_ADMIN, CAP_NET_RAW */
#define STATUS_LIMIT 16384u

/* A hexadecimal or decimal line of a process's status file. */
static unsigned long long figure(const char *status, const char *name, int base)
{
	const char *line = strstr(status, name);

	return line ? strtoull(line + strlen(name), NULL, base) : ~0ull;
}

static bool is_cut(const char *status, unsigned long long had)
{
	unsigned long long left = had & NEEDED;

	return figure(status, "CapPrm:", 16) == left && figure(status, "CapEff:", 16) == left &&
	       figure(status, "CapInh:", 16) == left && figure(status, "CapAmb:", 16) == left &&
	       (figure(status, "CapBnd:", 16) & had & ~NEEDED) == 0 && figure(status, "NoNewPrivs:", 10) == 1;
}

/* In a process of its own, since what is given up does not come back. */
static bool give_up(void)
{
	static const char *const child[] = {"cat", "/proc/self/status", NULL};
	NX_AUTO_FREE char *before = NULL;
	NX_AUTO_FREE char *after = NULL;
	char told[STATUS_LIMIT];
	struct nx_error error = {0};
	size_t length;

	if (nx_file_read("/proc/self/status", STATUS_LIMIT, &before, &length, &error) != NX_OK)
		return false;
	unsigned long long had = figure(before, "CapPrm:", 16);

	/* A second time there is nothing more to give up. */
	if (nx_privileges_drop(&error) != NX_OK || nx_privileges_drop(&error) != NX_OK ||
	    nx_file_read("/proc/self/status", STATUS_LIMIT, &after, &length, &error) != NX_OK ||
	    nx_program_run(child, NULL, told, sizeof(told), &error) != NX_OK) {
		fprintf(stderr, "%s\n", error.message);
		return false;
	}
	return is_cut(after, had) && is_cut(told, had);
}

static void test_give_up(void)
{
	int result = 0;
	pid_t child = fork();

	if (child == 0)
		_exit(give_up() ? EXIT_SUCCESS : EXIT_FAILURE);
	CU_ASSERT_EQUAL(waitpid(child, &result, 0), child);
	CU_ASSERT_TRUE(WIFEXITED(result) && WEXITSTATUS(result) == EXIT_SUCCESS);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"what is not needed is given up, for children too", test_give_up},
		CU_TEST_INFO_NULL,
	};

	return unit_run("privileges", tests);
}
