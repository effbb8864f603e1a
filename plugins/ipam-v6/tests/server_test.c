/* SPDX-License-Identifier: Apache-2.0 */
/* The IPv6 server half, through its descriptor. */
#include <stdio.h>
#include <string.h>

#include "plugins/ipam/tests/fake_host.h"
#include "plugins/ipam/tests/pool_model.h"
#include "plugins/ipam/tests/suite.h"

static bool reserved(size_t number, size_t size)
{
	return number == 0 || number >= size - 128;
}

/* The default prefix itself stands in the plugin alone, and is taken from there. */
static struct loaded loaded_default(void)
{
	const struct nx_config_key *key = nexodus_plugin()->config_keys.rows;

	return loaded_begin(key->fallback);
}

static void test_default(void)
{
	struct loaded loaded = loaded_default();
	const struct nx_address expected = {.length = 16, .bytes = {0x02}};
	struct nx_prefix prefix;

	CU_ASSERT_EQUAL(loaded.ops->prefix_default(loaded.instance, &prefix, NULL), NX_OK);
	CU_ASSERT_EQUAL(prefix.bits, 64);
	CU_ASSERT_EQUAL(fake_services.address->address_compare(&prefix.address, &expected), 0);
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

static void test_bounds(void)
{
	struct loaded loaded = loaded_default();
	char text[NX_ADDRESS_TEXT];

	for (unsigned bits = 0; bits <= 128; bits++) {
		snprintf(text, sizeof(text), "%s/%u", bits ? "8000::" : "::", bits);
		bool right = bits < 32	  ? prefix_refused(&loaded, text, "too large")
			     : bits > 120 ? prefix_refused(&loaded, text, "too small")
					  : prefix_taken(&loaded, text, text);
		CU_ASSERT_TRUE(right);
	}
	loaded_end(&loaded);
}

static void test_special(void)
{
	struct loaded loaded = loaded_default();

	CU_ASSERT(prefix_refused(&loaded, "::/64", "loopback"));
	CU_ASSERT(prefix_refused(&loaded, "::ffff:0:0/96", "IPv4-mapped"));
	CU_ASSERT(prefix_refused(&loaded, "64:ff9b::/96", "reserved"));
	CU_ASSERT(prefix_refused(&loaded, "fe80::/64", "link-local"));
	CU_ASSERT(prefix_refused(&loaded, "fec0::/64", "site-local"));
	CU_ASSERT(prefix_refused(&loaded, "ff05::/64", "multicast"));
	loaded_end(&loaded);
}

static void test_wrong(void)
{
	struct loaded loaded = loaded_default();

	CU_ASSERT(prefix_taken(&loaded, "0200::/64", "200::/64"));
	CU_ASSERT(prefix_taken(&loaded, "FD00:0:0::/48", "fd00::/48"));
	CU_ASSERT(prefix_refused(&loaded, "200:/64", "did you mean 200::/64?"));
	CU_ASSERT(prefix_refused(&loaded, "200/64", "did you mean 200::/64?"));
	CU_ASSERT(prefix_refused(&loaded, "2001:db8:7/48", "did you mean 2001:db8:7::/48?"));
	CU_ASSERT(prefix_refused(&loaded, "200::1/64", "200::/64"));
	CU_ASSERT(prefix_refused(&loaded, "200::", "no prefix length"));
	CU_ASSERT(prefix_refused(&loaded, "100.100.0.0/16", "is not an IPv6 prefix"));
	CU_ASSERT(prefix_refused(&loaded, "200::%eth0/64", "is not an IPv6 prefix"));
	CU_ASSERT(prefix_refused(&loaded, ":/64", "is not an IPv6 prefix"));
	CU_ASSERT(prefix_refused(&loaded, "", "is not an IPv6 prefix"));
	loaded_end(&loaded);
}

static void test_model(void)
{
	struct loaded loaded = loaded_default();

	pool_model_run(&loaded, "fd00::/120", 200000, reserved);
	pool_model_run(&loaded, "fd00::/117", 600000, reserved);
	pool_exhaust(&loaded, "fd00::/120", 127);
	pool_exhaust(&loaded, "fd00::/112", 65536 - 129);
	loaded_end(&loaded);
}

static struct nx_pool *pool_open(const struct loaded *loaded, const char *text)
{
	struct nx_prefix prefix = fake_prefix(text);
	struct nx_pool *pool = NULL;

	CU_ASSERT_EQUAL_FATAL(loaded->ops->pool_open(loaded->instance, &prefix, &pool, NULL), NX_OK);
	return pool;
}

static bool gives(const struct loaded *loaded, struct nx_pool *pool, const char *expected)
{
	const struct nx_lease_request request = {.size = sizeof(request)};
	struct nx_address address;
	char text[NX_ADDRESS_TEXT];

	return loaded->ops->pool_allocate(pool, &request, &address, NULL) == NX_OK &&
	       strcmp(fake_services.address->address_format(&address, text), expected) == 0;
}

static enum nx_status takes(const struct loaded *loaded, struct nx_pool *pool, const char *text)
{
	struct nx_address address = fake_address(text);

	return loaded->ops->pool_take(pool, &address, NULL);
}

/* RFC 4291 §2.6.1 and RFC 2526, in each /64 of whatever the organization has. */
static void test_reserved(void)
{
	struct loaded loaded = loaded_default();
	struct nx_pool *pool = pool_open(&loaded, "fd00:1::/48");

	CU_ASSERT_EQUAL(takes(&loaded, pool, "fd00:1::"), NX_INVALID);
	CU_ASSERT_EQUAL(takes(&loaded, pool, "fd00:1:0:5::"), NX_INVALID);
	CU_ASSERT_EQUAL(takes(&loaded, pool, "fd00:1:0:5:fdff:ffff:ffff:ff7f"), NX_OK);
	CU_ASSERT_EQUAL(takes(&loaded, pool, "fd00:1:0:5:fdff:ffff:ffff:ff80"), NX_INVALID);
	CU_ASSERT_EQUAL(takes(&loaded, pool, "fd00:1:0:5:fdff:ffff:ffff:ffff"), NX_INVALID);
	CU_ASSERT_EQUAL(takes(&loaded, pool, "fd00:1:0:5:fe00::"), NX_OK);
	CU_ASSERT_EQUAL(takes(&loaded, pool, "fd00:1:0:5:ffff:ffff:ffff:ff7f"), NX_OK);
	CU_ASSERT_EQUAL(takes(&loaded, pool, "fd00:1:0:5:ffff:ffff:ffff:ff80"), NX_INVALID);
	CU_ASSERT_EQUAL(takes(&loaded, pool, "fd00:1:0:ffff:ffff:ffff:ffff:ffff"), NX_INVALID);
	CU_ASSERT_EQUAL(takes(&loaded, pool, "fd00:1:1::1"), NX_INVALID);
	CU_ASSERT_EQUAL(takes(&loaded, pool, "fd00:1:0:ffff::1"), NX_OK);
	CU_ASSERT_EQUAL(takes(&loaded, pool, "fd00:1:0:ffff::1"), NX_CONFLICT);
	loaded.ops->pool_close(pool);
	loaded_end(&loaded);
}

static void test_sequence(void)
{
	struct loaded loaded = loaded_default();
	struct nx_pool *pool = pool_open(&loaded, "fd00:2::/64");
	struct nx_pool_usage usage = {.size = sizeof(usage)};
	struct nx_address second = fake_address("fd00:2::2");

	CU_ASSERT(gives(&loaded, pool, "fd00:2::1"));
	CU_ASSERT(gives(&loaded, pool, "fd00:2::2"));
	CU_ASSERT_EQUAL(takes(&loaded, pool, "fd00:2::4"), NX_OK);
	CU_ASSERT_EQUAL(loaded.ops->pool_give(pool, &second), NX_OK);
	CU_ASSERT_EQUAL(loaded.ops->pool_give(pool, &second), NX_NOT_FOUND);
	CU_ASSERT(gives(&loaded, pool, "fd00:2::3"));
	CU_ASSERT(gives(&loaded, pool, "fd00:2::5"));
	loaded.ops->pool_usage(pool, &usage);
	CU_ASSERT_EQUAL(usage.taken, 4);
	CU_ASSERT_EQUAL(usage.capacity, UINT64_MAX - 256);
	loaded.ops->pool_close(pool);
	loaded_end(&loaded);
}

/* A pool of a larger prefix counts as far as a number can. */
static void test_large(void)
{
	struct loaded loaded = loaded_default();
	struct nx_pool *pool = pool_open(&loaded, "2001:db8::/32");
	struct nx_pool_usage usage = {.size = sizeof(usage)};

	CU_ASSERT(gives(&loaded, pool, "2001:db8::1"));
	CU_ASSERT_EQUAL(takes(&loaded, pool, "2001:db8:ffff:ffff:ffff:ffff:ffff:ff00"), NX_OK);
	loaded.ops->pool_usage(pool, &usage);
	CU_ASSERT_EQUAL(usage.capacity, UINT64_MAX);
	loaded.ops->pool_close(pool);
	loaded_end(&loaded);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"the default prefix", test_default},
		{"the strategy", test_strategy},
		{"every prefix length", test_bounds},
		{"special prefixes are refused", test_special},
		{"wrong texts are refused with advice", test_wrong},
		{"pools agree with the model", test_model},
		{"anycast addresses are reserved", test_reserved},
		{"addresses come in sequence", test_sequence},
		{"large prefixes", test_large},
		CU_TEST_INFO_NULL,
	};

	return suite_run("ipam-v6 server", tests);
}
