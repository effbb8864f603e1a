/* SPDX-License-Identifier: Apache-2.0 */
/* The size of the tunnel's packets. The overheads are WireGuard's over IPv4 and IPv6. */
#include "agent/network/mtu.h"
#include "base/memory.h"
#include "tests/unit/unit.h"

enum { OVER_V4 = 60, OVER_V6 = 80, MOST = 1420 };

static void chosen(const char *what, struct nx_mtu mtu, uint32_t value, uint32_t short_path)
{
	nx_mtu_settle(&mtu);
	if (mtu.value != value || mtu.short_path != short_path)
		fprintf(stderr, "%s: %u, too narrow %u\n", what, mtu.value, mtu.short_path);
	CU_ASSERT_EQUAL(mtu.value, value);
	CU_ASSERT_EQUAL(mtu.short_path, short_path);
}

static struct nx_mtu one_way(uint32_t path, uint32_t overhead)
{
	struct nx_mtu mtu = {.value = MOST};

	nx_mtu_require(&mtu, 576);
	nx_mtu_require(&mtu, 1280);
	nx_mtu_take(&mtu, path, overhead);
	return mtu;
}

static void test_one_way(void)
{
	chosen("nothing known", (struct nx_mtu){.value = MOST}, 1420, 0);
	chosen("Ethernet", one_way(1500, OVER_V4), 1420, 0);
	chosen("Ethernet, IPv6", one_way(1500, OVER_V6), 1420, 0);
	chosen("jumbo frames", one_way(9000, OVER_V6), 1420, 0);
	chosen("PPPoE", one_way(1492, OVER_V4), 1420, 0);
	chosen("PPPoE, IPv6", one_way(1492, OVER_V6), 1412, 0);
	chosen("narrow", one_way(1400, OVER_V4), 1340, 0);
	chosen("narrow, IPv6", one_way(1400, OVER_V6), 1320, 0);
}

static void test_minimum(void)
{
	struct nx_mtu v4_only = {.value = MOST, .minimum = 576};

	chosen("just enough", one_way(1340, OVER_V4), 1280, 0);
	chosen("too narrow", one_way(1339, OVER_V4), 1280, 1339);
	chosen("narrower than what is added", one_way(40, OVER_V4), 1280, 40);
	nx_mtu_take(&v4_only, 1300, OVER_V4);
	chosen("without IPv6 in the tunnel", v4_only, 1240, 0);
}

static void test_several_ways(void)
{
	struct nx_mtu mtu = one_way(1400, OVER_V4);

	nx_mtu_take(&mtu, 1500, OVER_V6);
	chosen("the narrowest decides", mtu, 1340, 0);
	nx_mtu_take(&mtu, 1410, OVER_V6);
	chosen("not the smallest path, but what is left of it", mtu, 1330, 0);
	nx_mtu_take(&mtu, 1300, OVER_V4);
	chosen("and says which is too narrow", mtu, 1280, 1300);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"one way out", test_one_way},
		{"what families need", test_minimum},
		{"several ways", test_several_ways},
		CU_TEST_INFO_NULL,
	};

	return unit_run("agent mtu", tests);
}
