/* SPDX-License-Identifier: Apache-2.0 */
/* server_test PLUGIN: the server half as a server loads it. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/Basic.h>

#include <nexodus/driver.h>
#include <nexodus/plugin.h>

#include "base/error.h"

static const struct nx_services services = {.size = sizeof(services), .fail = nx_fail};
static const struct nx_plugin *plugin;
static const struct nx_driver_server_ops *ops;
static void *instance;

static void test_descriptor(void)
{
	const struct nx_provide *provide = plugin->provides.rows;

	CU_ASSERT_EQUAL(plugin->magic, NX_PLUGIN_MAGIC);
	CU_ASSERT_EQUAL(plugin->role, NX_ROLE_SERVER);
	CU_ASSERT_STRING_EQUAL(plugin->name, "driver-wireguard");
	CU_ASSERT_EQUAL(plugin->provides.count, 1);
	CU_ASSERT_STRING_EQUAL(provide->kind, "driver");
	CU_ASSERT_STRING_EQUAL(provide->key, "wireguard");
}

static void test_key_check(void)
{
	static const char good[] = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";
	char canonical[NX_PUBLIC_KEY_TEXT] = "untouched";
	struct nx_error error;

	CU_ASSERT_EQUAL(
		ops->key_check(instance, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", canonical, &error),
		NX_INVALID);
	CU_ASSERT_STRING_EQUAL(canonical, "untouched");
	CU_ASSERT_STRING_EQUAL(error.field, "public_key");
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "all-zero"));
	CU_ASSERT_EQUAL(ops->key_check(instance, "", canonical, NULL), NX_INVALID);
	CU_ASSERT_EQUAL(ops->key_check(instance, good, canonical, NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(canonical, good);
}

int main(int count, char **arguments)
{
	void *file = count == 2 ? dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL) : NULL;
	const struct nx_plugin *(*entry)(void);
	unsigned failures;
	CU_pSuite suite;

	if (!file || CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	*(void **)&entry = dlsym(file, NX_PLUGIN_ENTRY);
	plugin = entry();
	ops = ((const struct nx_provide *)plugin->provides.rows)->ops;
	if (plugin->load(NULL, &services, &instance, NULL))
		return 1;
	suite = CU_add_suite("server half", NULL, NULL);
	CU_add_test(suite, "descriptor", test_descriptor);
	CU_add_test(suite, "key_check", test_key_check);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	plugin->unload(instance);
	dlclose(file);
	return failures ? 1 : 0;
}
