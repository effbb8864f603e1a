/* SPDX-License-Identifier: Apache-2.0 */
/* The strategy "stable", through its descriptor. */
#include <stdio.h>
#include <string.h>

#include "plugins/ipam/tests/fake_host.h"
#include "plugins/ipam/tests/suite.h"
#include "plugins/strategy-stable/tests/blake2s_test.h"
#include "plugins/strategy/tests/fixture.h"

#define ATTEMPTS 8
#define ORGANIZATION "00000000-0000-7000-8000-000000000001"

static struct nx_address first(struct asked *asked, const char *organization, const char *key)
{
	struct nx_address address = {0};

	CU_ASSERT_EQUAL_FATAL(asked_choose(asked, organization, key, &address, NULL), NX_OK);
	return address;
}

static bool same(const struct nx_address *a, const struct nx_address *b)
{
	return fake_services.address->address_compare(a, b) == 0;
}

/* What was given once must be given by every later version. */
static void test_known(void)
{
	static const struct {
		const char *prefix, *address;
	} rows[] = {
		{"100.100.0.0/16", "100.100.195.3"},
		{"10.64.0.0/13", "10.71.215.113"},
		{"200::/64", "200::819b:d51c:c249:424"},
		{"fd05:6000::/35", "fd05:6000:57a:7f48:c735:18b:f902:6387"},
	};
	char text[NX_ADDRESS_TEXT];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct asked asked = asked_begin(rows[i].prefix);
		struct nx_address address = first(&asked, ORGANIZATION, "a key");

		CU_ASSERT_STRING_EQUAL(fake_services.address->address_format(&address, text),
				       rows[i].address);
		asked_end(&asked);
	}
}

static void test_who(void)
{
	struct asked asked = asked_begin("200::/64"), other = asked_begin("200:0:0:1::/64");
	struct nx_address mine = first(&asked, "o", "k"), again;

	again = first(&asked, "o", "k2");
	CU_ASSERT_FALSE(same(&mine, &again));
	again = first(&asked, "o2", "k");
	CU_ASSERT_FALSE(same(&mine, &again));
	again = first(&asked, "ok", "");
	CU_ASSERT_FALSE(same(&mine, &again));
	again = first(&other, "o", "k");
	CU_ASSERT_NOT_EQUAL(memcmp(mine.bytes + 8, again.bytes + 8, 8), 0);
	asked_give(&asked, &mine);
	again = first(&asked, "o", "k");
	CU_ASSERT_TRUE(same(&mine, &again));
	asked_end(&other);
	asked_end(&asked);
}

/* Somebody has it already: another one, always the same; and the first when it is free again. */
static void test_collision(void)
{
	struct asked asked = asked_begin("100.64.0.0/10");
	struct nx_address one = first(&asked, "o", "k"), two = first(&asked, "o", "k"), again;

	CU_ASSERT_FALSE(same(&one, &two));
	asked_give(&asked, &two);
	again = first(&asked, "o", "k");
	CU_ASSERT_TRUE(same(&two, &again));
	asked_give(&asked, &two);
	asked_give(&asked, &one);
	again = first(&asked, "o", "k");
	CU_ASSERT_TRUE(same(&one, &again));
	asked_end(&asked);
}

static void test_exhaust(void)
{
	asked_exhaust("10.0.0.0/30", 2, ATTEMPTS + 1);
	asked_exhaust("10.0.0.0/29", 6, ATTEMPTS + 1);
	asked_exhaust("10.0.0.0/16", 65534, ATTEMPTS + 1);
	asked_exhaust("fd05::ff00/120", 127, ATTEMPTS + 1);
}

static void test_bits(void)
{
	asked_covers("200::/64", 400);
	asked_covers("fd05:6000::/35", 400);
	asked_covers("fd05::/32", 400);
	asked_covers("100.64.0.0/10", 400);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"BLAKE2s", test_blake2s},
		{"known addresses", test_known},
		{"another organization, key or prefix", test_who},
		{"a taken address", test_collision},
		{"pools give all they have", test_exhaust},
		{"every bit of the host part", test_bits},
		CU_TEST_INFO_NULL,
	};

	return suite_run("strategy stable", tests);
}
