/* SPDX-License-Identifier: Apache-2.0 */
/* The IPv4 server half, through its descriptor. */
#include <stdio.h>
#include <string.h>

#include "plugins/ipam/tests/fake_host.h"
#include "plugins/ipam/tests/pool_model.h"
#include "plugins/ipam/tests/suite.h"

static bool reserved(size_t number, size_t size)
{
	return number == 0 || number == size - 1;
}

static void test_default(void)
{
	const struct nx_plugin *plugin = nexodus_plugin();
	const struct nx_config_key *key = plugin->config_keys.rows;
	struct loaded loaded = loaded_begin(key->fallback);
	struct nx_prefix prefix;
	char text[NX_ADDRESS_TEXT];

	CU_ASSERT_EQUAL(loaded.ops->prefix_default(loaded.instance, &prefix, NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(fake_services.address->prefix_format(&prefix, text), "100.100.0.0/16");
	loaded_end(&loaded);
}

static void test_strategy(void)
{
	struct fake_setting settings[] = {
		{"prefix", ""}, {"strategy", "sequential"}, {"quarantine", "0"}, {NULL, NULL}};
	struct nx_host host = {.settings = settings};
	const struct nx_plugin *plugin = nexodus_plugin();
	const struct nx_config_key *keys = plugin->config_keys.rows;
	struct loaded loaded = loaded_begin(keys[0].fallback);
	void *instance = NULL;

	CU_ASSERT_STRING_EQUAL(loaded.ops->strategy, "sequential");
	CU_ASSERT_STRING_EQUAL(keys[1].fallback, loaded.ops->strategy);
	CU_ASSERT_STRING_EQUAL(loaded.ops->strategy_default(loaded.instance), "");
	settings[0].value = keys[0].fallback;
	settings[1].value = "stable";
	CU_ASSERT_EQUAL_FATAL(plugin->load(&host, &fake_services, &instance, NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(loaded.ops->strategy_default(instance), "stable");
	plugin->unload(instance);
	loaded_end(&loaded);
}

static void test_configured(void)
{
	struct fake_setting settings[] = {
		{"prefix", "10.0.0.0/33"}, {"strategy", "sequential"}, {"quarantine", "0"}, {NULL, NULL}};
	struct nx_host host = {.settings = settings};
	struct loaded loaded = loaded_begin("10.20.0.0/20");
	struct nx_error error = {0};
	struct nx_prefix prefix;
	void *instance = NULL;

	CU_ASSERT_EQUAL(loaded.ops->prefix_default(loaded.instance, &prefix, NULL), NX_OK);
	CU_ASSERT_EQUAL(prefix.bits, 20);
	loaded_end(&loaded);
	CU_ASSERT_EQUAL(nexodus_plugin()->load(&host, &fake_services, &instance, &error), NX_INVALID);
	CU_ASSERT_PTR_NULL(instance);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "10.0.0.0/33"));
}

static void test_bounds(void)
{
	struct loaded loaded = loaded_begin("100.100.0.0/16");
	char text[NX_ADDRESS_TEXT];

	for (unsigned bits = 0; bits <= 32; bits++) {
		snprintf(text, sizeof(text), "%s/%u", bits ? "64.0.0.0" : "0.0.0.0", bits);
		bool right = bits < 8	 ? prefix_refused(&loaded, text, "too large")
			     : bits > 30 ? prefix_refused(&loaded, text, "too small")
					 : prefix_taken(&loaded, text, text);
		CU_ASSERT_TRUE(right);
	}
	loaded_end(&loaded);
}

static void test_special(void)
{
	struct loaded loaded = loaded_begin("100.100.0.0/16");

	CU_ASSERT(prefix_refused(&loaded, "0.0.0.0/8", "this network"));
	CU_ASSERT(prefix_refused(&loaded, "0.1.0.0/16", "this network"));
	CU_ASSERT(prefix_refused(&loaded, "127.0.0.0/8", "loopback"));
	CU_ASSERT(prefix_refused(&loaded, "127.8.0.0/24", "loopback"));
	CU_ASSERT(prefix_refused(&loaded, "169.254.0.0/16", "link-local"));
	CU_ASSERT(prefix_refused(&loaded, "169.0.0.0/8", "link-local"));
	CU_ASSERT(prefix_refused(&loaded, "224.0.0.0/8", "multicast"));
	CU_ASSERT(prefix_refused(&loaded, "239.255.0.0/16", "multicast"));
	CU_ASSERT(prefix_refused(&loaded, "240.0.0.0/8", "reserved"));
	CU_ASSERT(prefix_refused(&loaded, "255.255.255.0/24", "reserved"));
	loaded_end(&loaded);
}

static void test_wrong(void)
{
	struct loaded loaded = loaded_begin("100.100.0.0/16");

	CU_ASSERT(prefix_refused(&loaded, "10.1.2.3/16", "10.1.0.0/16"));
	CU_ASSERT(prefix_refused(&loaded, "10.1/16", "did you mean 10.1.0.0/16?"));
	CU_ASSERT(prefix_refused(&loaded, "10/8", "did you mean 10.0.0.0/8?"));
	CU_ASSERT(prefix_refused(&loaded, "10.1.0.0", "no prefix length"));
	CU_ASSERT(prefix_refused(&loaded, "fd00::/64", "is not an IPv4 prefix"));
	CU_ASSERT(prefix_refused(&loaded, "", "is not an IPv4 prefix"));
	CU_ASSERT(prefix_refused(&loaded, "/", "is not an IPv4 prefix"));
	CU_ASSERT(prefix_refused(&loaded, "/16", "is not an IPv4 prefix"));
	CU_ASSERT(prefix_refused(&loaded, "....................../16", "is not an IPv4 prefix"));
	CU_ASSERT(prefix_refused(&loaded, "10.0.0.0/99999999999999999999", "is not an IPv4 prefix"));
	/* What could steer a terminal or a log is not repeated. */
	CU_ASSERT(prefix_refused(&loaded, "\x1b[31m/8", "this text is not"));
	CU_ASSERT(prefix_refused(&loaded, "10.0.0.0/8\n", "this text is not"));
	loaded_end(&loaded);
}

static void test_model(void)
{
	struct loaded loaded = loaded_begin("100.100.0.0/16");

	pool_model_run(&loaded, "10.0.0.0/30", 20000, reserved);
	pool_model_run(&loaded, "10.0.0.0/27", 50000, reserved);
	pool_model_run(&loaded, "10.7.7.0/24", 400000, reserved);
	pool_model_run(&loaded, "10.64.0.0/21", 600000, reserved);
	loaded_end(&loaded);
}

static void test_exhaust(void)
{
	struct loaded loaded = loaded_begin("100.100.0.0/16");

	pool_exhaust(&loaded, "10.0.0.0/30", 2);
	pool_exhaust(&loaded, "10.0.0.0/24", 254);
	pool_exhaust(&loaded, "100.100.0.0/16", 65534);
	pool_exhaust(&loaded, "10.64.0.0/12", (1u << 20) - 2);
	loaded_end(&loaded);
}

static void test_take_message(void)
{
	struct loaded loaded = loaded_begin("100.100.0.0/16");
	struct nx_prefix prefix = fake_prefix("100.100.0.0/16");
	struct nx_address address = fake_address("100.100.0.7"), network = prefix.address;
	struct nx_error error = {0};
	struct nx_pool *pool;

	CU_ASSERT_EQUAL_FATAL(loaded.ops->pool_open(loaded.instance, &prefix, &pool, NULL), NX_OK);
	CU_ASSERT_EQUAL(loaded.ops->pool_take(pool, &address, &error), NX_OK);
	CU_ASSERT_EQUAL(loaded.ops->pool_take(pool, &address, &error), NX_CONFLICT);
	CU_ASSERT_STRING_EQUAL(error.field, "tunnel_ip");
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "100.100.0.7"));
	CU_ASSERT_EQUAL(loaded.ops->pool_take(pool, &network, &error), NX_INVALID);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "reserved"));
	loaded.ops->pool_close(pool);
	loaded.ops->pool_close(NULL);
	loaded_end(&loaded);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"the default prefix", test_default},
		{"another default prefix", test_configured},
		{"the strategy", test_strategy},
		{"every prefix length", test_bounds},
		{"special prefixes are refused", test_special},
		{"wrong texts are refused with advice", test_wrong},
		{"pools agree with the model", test_model},
		{"pools give all they have", test_exhaust},
		{"refusals name the field and the reason", test_take_message},
		CU_TEST_INFO_NULL,
	};

	return suite_run("ipam-v4 server", tests);
}
