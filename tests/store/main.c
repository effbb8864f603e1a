/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conformance suite of the store, on either engine:
 *
 *   store-conformance sqlite PATH
 *   store-conformance postgresql CONNECTION-STRING
 *
 * The database is emptied before each test: everything in it is lost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "tests/store/fixture.h"

struct fixture fixture;

static bool take_arguments(int count, char **arguments)
{
	if (count != 3)
		return false;
	fixture.database = arguments[2];
	if (strcmp(arguments[1], "sqlite") == 0)
		fixture.kind = NX_STORE_SQLITE;
	if (strcmp(arguments[1], "postgresql") == 0)
		fixture.kind = NX_STORE_POSTGRESQL;
	return fixture.kind != 0;
}

int main(int count, char **arguments)
{
	CU_SuiteInfo suites[] = {
		{.pName = "values", .pSetUpFunc = database_empty, .pTests = value_tests},
		{.pName = "commands", .pSetUpFunc = database_empty, .pTests = command_tests},
		{.pName = "trouble", .pSetUpFunc = database_empty, .pTests = trouble_tests},
		{.pName = "disk", .pSetUpFunc = database_empty, .pTests = disk_tests},
		{.pName = "migrations", .pSetUpFunc = database_empty, .pTests = migrate_tests},
		{.pName = "rehearsals", .pSetUpFunc = database_empty, .pTests = rehearsal_tests},
		{.pName = "claims", .pSetUpFunc = database_empty, .pTests = claim_tests},
		{.pName = "notifications", .pSetUpFunc = database_empty, .pTests = notify_tests},
		CU_SUITE_INFO_NULL,
	};
	unsigned failures;

	if (!take_arguments(count, arguments)) {
		fprintf(stderr, "usage: store-conformance sqlite PATH | postgresql CONNECTION-STRING\n");
		return 2;
	}
	nx_secret_setup();
	nx_log_setup("store-conformance", NX_LOG_ERROR, NX_LOG_KEYVALUE);
	if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS) {
		fprintf(stderr, "%s\n", CU_get_error_msg());
		return EXIT_FAILURE;
	}
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	database_empty();
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
