/* SPDX-License-Identifier: Apache-2.0 */
/* Which rulesets drop what a host forwards. */
#include <stdio.h>

#include "plugins/ipam/tests/suite.h"
#include "plugins/relay/diagnose.h"

#define DROPS "\t\ttype filter hook forward priority filter; policy drop;\n"
#define ACCEPTS "\t\ttype filter hook forward priority filter; policy accept;\n"

static const struct {
	const char *ruleset, *table; /* NULL: it lets it through */
} rows[] = {
	{"", NULL},
	{"table ip filter {\n\tchain FORWARD {\n" ACCEPTS "\t}\n}\n", NULL},
	{"table ip filter {\n\tchain FORWARD {\n" DROPS "\t}\n}\n", "ip filter"},
	{"table ip nat {\n}\ntable ip6 filter {\n\tchain FORWARD {\n" DROPS "\t}\n}\n", "ip6 filter"},
	{"table ip filter {\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n"
	 "\tchain FORWARD {\n" ACCEPTS "\t}\n}\n",
	 NULL},
	{"table ip filter {\n\tchain FORWARD {\n" DROPS
	 "\t\tiifname \"wg0\" accept comment \"nexodus wg0\"\n\t}\n}\n",
	 NULL},
	{"table ip filter {\n\tchain FORWARD {\n" DROPS "\t\taccept comment \"nexodus wg1\"\n\t}\n}\n",
	 "ip filter"},
	{"table ip filter {\n\tchain FORWARD {\n" DROPS "\t\taccept comment \"nexodus wg0\"\n\t}\n}\n"
	 "table ip6 filter {\n\tchain FORWARD {\n" DROPS "\t}\n}\n",
	 "ip6 filter"},
};

static void test_rulesets(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char table[64] = "";
		bool drops = relay_ruleset_drops(rows[i].ruleset, "wg0", table, sizeof(table));

		CU_ASSERT_EQUAL(drops, rows[i].table != NULL);
		CU_ASSERT_STRING_EQUAL(table, rows[i].table ? rows[i].table : "");
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"which rulesets drop", test_rulesets},
		CU_TEST_INFO_NULL,
	};

	return suite_run("relay diagnose", tests);
}
