/* SPDX-License-Identifier: Apache-2.0 */
/* The strategy "random", through its descriptor. */
#include <stdio.h>
#include <string.h>

#include "plugins/ipam/tests/fake_host.h"
#include "plugins/ipam/tests/suite.h"
#include "plugins/strategy/tests/fixture.h"

#define DRAWS 8

static void test_exhaust(void)
{
	asked_exhaust("10.0.0.0/30", 2, DRAWS);
	asked_exhaust("10.0.0.0/29", 6, DRAWS);
	asked_exhaust("10.0.0.0/16", 65534, DRAWS);
	asked_exhaust("fd05::ff00/120", 127, DRAWS);
	asked_exhaust("fd05::/112", 65536 - 129, DRAWS);
}

/* 4096 addresses of a /16, by sixteenths: 256 are expected in each, with a standard deviation of 15.5. */
static void test_spread(void)
{
	struct asked asked = asked_begin("10.7.0.0/16");
	unsigned share[16] = {0}, next = 0;
	struct nx_address address, before = {0};

	for (unsigned i = 0; i < 4096; i++) {
		CU_ASSERT_EQUAL_FATAL(asked_choose(&asked, "o", "k", &address, NULL), NX_OK);
		share[address.bytes[2] >> 4]++;
		next += address.bytes[2] == before.bytes[2] && address.bytes[3] == before.bytes[3] + 1;
		before = address;
	}
	for (unsigned i = 0; i < 16; i++)
		CU_ASSERT_TRUE(share[i] > 140 && share[i] < 372);
	CU_ASSERT_TRUE(next < 20); /* one is expected to follow its neighbour by chance every 65536 */
	asked_end(&asked);
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
		{"pools give all they have", test_exhaust},
		{"the spread of many", test_spread},
		{"every bit of the host part", test_bits},
		CU_TEST_INFO_NULL,
	};

	return suite_run("strategy random", tests);
}
