/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's server half, through its descriptor. */
#include <nexodus/relay.h>
#include <string.h>

#include "plugins/ipam/tests/fake_host.h"
#include "plugins/ipam/tests/suite.h"

static enum nx_status check(const char *json, struct nx_error *error)
{
	const struct nx_plugin *plugin = nexodus_plugin();
	const struct nx_relay_server_ops *ops = ((const struct nx_provide *)plugin->provides.rows)->ops;
	static struct nx_host host;
	const struct nx_json *device = fake_json(json);
	void *instance = NULL;

	CU_ASSERT_EQUAL_FATAL(plugin->load(&host, &fake_services, &instance, NULL), NX_OK);
	enum nx_status status = ops->device_check(instance, device, error);
	plugin->unload(instance);
	fake_json_free(device);
	return status;
}

static void test_check(void)
{
	struct nx_error error = {0};

	CU_ASSERT_EQUAL(check("{}", &error), NX_OK);
	CU_ASSERT_EQUAL(check("{\"relay\":true,\"symmetric_nat\":false}", &error), NX_OK);
	CU_ASSERT_EQUAL(check("{\"relay\":false,\"symmetric_nat\":true}", &error), NX_OK);
	CU_ASSERT_EQUAL(check("{\"relay\":true}", &error), NX_OK);
	CU_ASSERT_STRING_EQUAL(error.message, "");
	CU_ASSERT_EQUAL(check("{\"relay\":true,\"symmetric_nat\":true}", &error), NX_INVALID);
	CU_ASSERT_STRING_EQUAL(error.field, "symmetric_nat");
	CU_ASSERT_EQUAL(check("{\"relay\":true,\"symmetric_nat\":true}", NULL), NX_INVALID);
	CU_ASSERT_EQUAL(check("{\"relay_id\":\"\"}", NULL), NX_OK);
	CU_ASSERT_EQUAL(check("{\"relay_id\":\"01890a5d-ac96-774b-bcce-b302099a8057\"}", NULL), NX_OK);
	CU_ASSERT_EQUAL(check("{\"relay_id\":\"01890a5d-ac96-774b-bcce-b302099a805\"}", NULL), NX_INVALID);
	CU_ASSERT_EQUAL(check("{\"relay_id\":\"01890A5D-ac96-774b-bcce-b302099a8057\"}", NULL), NX_INVALID);
	CU_ASSERT_EQUAL(check("{\"relay_id\":\"01890a5d_ac96_774b_bcce_b302099a8057\"}", &error), NX_INVALID);
	CU_ASSERT_STRING_EQUAL(error.field, "relay_id");
}

/* Each column that a field names is made by one migration, and dropped by its undoing. */
static bool column_made(const struct nx_plugin *plugin, const char *column)
{
	const struct nx_migration *migrations = plugin->migrations.rows;

	for (size_t i = 0; i < plugin->migrations.count; i++) {
		if (strstr(migrations[i].up, column))
			return strstr(migrations[i].down, column) != NULL;
	}
	return false;
}

static void test_columns(void)
{
	const struct nx_plugin *plugin = nexodus_plugin();
	const struct nx_field *fields = plugin->fields.rows;

	CU_ASSERT_EQUAL(plugin->fields.count, 6);
	for (size_t i = 0; i < plugin->fields.count; i++)
		CU_ASSERT_TRUE(column_made(plugin, fields[i].column));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"devices are judged", test_check},
		{"fields have their columns", test_columns},
		CU_TEST_INFO_NULL,
	};

	return suite_run("relay server", tests);
}
