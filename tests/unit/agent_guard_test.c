/* SPDX-License-Identifier: Apache-2.0 */
/* What a service, hostile or mistaken, may not take from a host. */
#include "agent/plan/guard.h"
#include "base/address.h"
#include "base/memory.h"
#include "tests/unit/unit.h"

static struct nx_address address_of(const char *text)
{
	struct nx_address address;

	CU_ASSERT_TRUE_FATAL(nx_address_parse(text, &address));
	return address;
}

static struct nx_prefix prefix_of(const char *text)
{
	struct nx_prefix prefix;

	CU_ASSERT_TRUE_FATAL(nx_prefix_parse(text, &prefix));
	return prefix;
}

/* A host at home: its network, its gateway, two name servers, and the service far away. */
static void guard_fill(struct nx_guard *guard)
{
	static const char *const essential[] = {"192.168.1.1", "9.9.9.9", "2620:fe::fe"};
	static const char *const networks[] = {"192.168.1.0/24", "2001:db8:1::/64"};
	const struct nx_address own[] = {address_of("192.168.1.20"), address_of("2001:db8:1::20")};

	*guard = (struct nx_guard){.service = address_of("203.0.113.80")};
	for (size_t i = 0; i < NX_COUNT(own); i++)
		nx_guard_own(guard, &own[i]);
	for (size_t i = 0; i < NX_COUNT(essential); i++) {
		const struct nx_address address = address_of(essential[i]);
		nx_guard_essential(guard, &address);
	}
	for (size_t i = 0; i < NX_COUNT(networks); i++) {
		const struct nx_prefix network = prefix_of(networks[i]);
		nx_guard_network(guard, &network);
	}
}

static bool refused(const struct nx_trust *trust, const char *text)
{
	const struct nx_prefix prefix = prefix_of(text);
	struct nx_guard guard;

	guard_fill(&guard);
	const char *reason = nx_guard_refusal(&guard, trust, &prefix);
	nx_guard_release(&guard);
	return reason != NULL;
}

static void test_routes(void)
{
	static const struct {
		const char *prefix;
		bool refused;
	} rows[] = {
		{"10.20.0.0/16", false},      {"fd20::/48", false},	     {"172.17.20.0/24", false},
		{"192.168.0.0/16", true},     {"192.168.1.128/25", true},    {"192.168.1.20/32", true},
		{"192.168.1.1/32", true},     {"9.9.9.9/32", true},	     {"9.0.0.0/8", true},
		{"203.0.113.80/32", true},    {"203.0.113.0/24", true},	     {"203.0.112.0/24", false},
		{"2001:db8:1::20/128", true}, {"2001:db8:1:0:1::/80", true}, {"2001:db8:2::/48", false},
		{"2620:fe::/32", true},
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++)
		UNIT_ASSERT_ROW(refused(&(struct nx_trust){0}, rows[i].prefix) == rows[i].refused,
				rows[i].prefix);
}

/* The operator of the host may allow more, but neither the service's way nor the host's own addresses. */
static void test_accepted(void)
{
	const struct nx_prefix accepted[] = {prefix_of("192.168.0.0/16"), prefix_of("9.9.9.0/24"),
					     prefix_of("203.0.113.0/24")};
	const struct nx_trust trust = {.accepted = accepted, .accepted_count = NX_COUNT(accepted)};

	CU_ASSERT_FALSE(refused(&trust, "192.168.1.128/25"));
	CU_ASSERT_FALSE(refused(&trust, "9.9.9.9/32"));
	CU_ASSERT_TRUE(refused(&trust, "192.168.1.0/24"));
	CU_ASSERT_TRUE(refused(&trust, "203.0.113.80/32"));
	CU_ASSERT_TRUE(refused(&trust, "9.0.0.0/8"));
}

static void test_strict(void)
{
	const struct nx_prefix accepted[] = {prefix_of("10.20.0.0/16")};
	const struct nx_trust trust = {.accepted = accepted, .accepted_count = 1, .strict = true};

	CU_ASSERT_FALSE(refused(&trust, "10.20.30.0/24"));
	CU_ASSERT_TRUE(refused(&trust, "10.21.0.0/16"));
	CU_ASSERT_TRUE(refused(&trust, "fd20::/48"));
}

static bool self_refused(const char *text, const char *organization)
{
	const struct nx_address address = address_of(text);
	const struct nx_prefix prefix = prefix_of(organization);
	struct nx_guard guard;

	guard_fill(&guard);
	const char *reason = nx_guard_self_refusal(&guard, &(struct nx_trust){0}, &address, &prefix);
	nx_guard_release(&guard);
	return reason != NULL;
}

static void test_own_address(void)
{
	CU_ASSERT_FALSE(self_refused("100.100.0.5", "100.100.0.0/16"));
	CU_ASSERT_FALSE(self_refused("200::5", "200::/64"));
	CU_ASSERT_TRUE(self_refused("192.168.1.1", "192.168.0.0/16"));
	CU_ASSERT_TRUE(self_refused("192.168.1.77", "192.168.1.0/24"));
	CU_ASSERT_TRUE(self_refused("203.0.113.80", "203.0.113.0/24"));
	CU_ASSERT_TRUE(self_refused("9.9.9.10", "9.9.9.0/24"));
}

static void test_resolvers(void)
{
	static const char text[] =
		"# nameserver 1.1.1.1\nsearch example.org\nnameserver 9.9.9.9\n"
		"nameserver\t2620:fe::fe\r\nnameserver fe80::1%eth0\nnameservers 8.8.8.8\n"
		"nameserver\nnameserver  no-address\n"
		"nameserver 1111111111111111111111111111111111111111111111111111111111111\n"
		"nameserver 149.112.112.112";
	struct nx_address found[8];
	size_t count = nx_guard_resolvers(text, found, NX_COUNT(found));
	static const char *const wanted[] = {"9.9.9.9", "2620:fe::fe", "fe80::1", "149.112.112.112"};

	CU_ASSERT_EQUAL_FATAL(count, NX_COUNT(wanted));
	for (size_t i = 0; i < NX_COUNT(wanted); i++) {
		const struct nx_address address = address_of(wanted[i]);
		UNIT_ASSERT_ROW(nx_address_compare(&found[i], &address) == 0, wanted[i]);
	}
	CU_ASSERT_EQUAL(nx_guard_resolvers(text, found, 1), 1);
	CU_ASSERT_EQUAL(nx_guard_resolvers("", found, 8), 0);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"networks that may be routed, and not", test_routes},
		{"what the operator accepts", test_accepted},
		{"nothing but what the operator accepts", test_strict},
		{"an address for this host", test_own_address},
		{"name servers", test_resolvers},
		CU_TEST_INFO_NULL,
	};

	return unit_run("agent guard", tests);
}
