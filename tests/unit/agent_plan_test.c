/* SPDX-License-Identifier: Apache-2.0 */
/* Plans: pure, and on guard against what a server might have this host route. */
#include <stdlib.h>
#include <string.h>

#include "agent/plan/plan.h"
#include "agent/plan/relay_choice.h"
#include "base/address.h"
#include "base/memory.h"
#include "tests/unit/agent_fake.h"
#include "tests/unit/unit.h"

static struct fake_host host;

struct bench {
	struct nx_members members;
	struct nx_planner planner;
	struct nx_wanted wanted;
};

static struct nx_record *record_of(unsigned number, const char *more)
{
	NX_AUTO_JSON struct nx_json *device = fake_device(number, more);
	struct nx_record *record = NULL;

	CU_ASSERT_EQUAL(nx_record_read(&host.capabilities, device, &record, NULL), NX_OK);
	return record;
}

static void bench_begin(struct bench *bench, const char *self)
{
	*bench = (struct bench){0};
	fake_host_make(&host);
	nx_members_init(&bench->members, &host.capabilities);
	nx_planner_init(&bench->planner, &host.capabilities, &bench->members);
	CU_ASSERT_TRUE(nx_planner_set_self(&bench->planner, record_of(0, self)));
}

static void bench_end(struct bench *bench)
{
	nx_wanted_release(&bench->wanted);
	nx_planner_release(&bench->planner);
	nx_members_clear(&bench->members);
	fake_host_release(&host);
}

static struct nx_entry *device_set(struct bench *bench, unsigned number, const char *more)
{
	struct nx_entry *entry = NULL;
	unsigned effect;

	CU_ASSERT_EQUAL(nx_members_put(&bench->members, record_of(number, more), &entry, &effect, NULL),
			NX_OK);
	return entry;
}

/* Whose plans a survey makes doubtful: their numbers, in the order in which they are told. */
static char doubtful[256];

static void doubtful_note(void *context, struct nx_entry *entry)
{
	unsigned number = (unsigned)strtoul(entry->record->member.id + 24, NULL, 16);
	size_t used = strlen(doubtful);

	(void)context;
	snprintf(doubtful + used, sizeof(doubtful) - used, "%s%u", used ? " " : "", number);
}

static const char *surveyed(struct bench *bench)
{
	doubtful[0] = '\0';
	nx_planner_survey(&bench->planner, doubtful_note, NULL);
	return doubtful;
}

/* The plan of a device, as "path prefix prefix …". */
static const char *planned(struct bench *bench, unsigned number)
{
	static const char *const paths[] = {"none", "direct", "relay", "probe"};
	static char text[1024];
	const struct nx_entry *entry = nx_members_find(&bench->members, fake_id(number));
	char prefix[NX_ADDRESS_TEXT];
	size_t used;

	CU_ASSERT_EQUAL(nx_plan_member(&bench->planner, &entry->record->member, &bench->wanted, NULL), NX_OK);
	used = (size_t)snprintf(text, sizeof(text), "%s", paths[bench->wanted.path]);
	for (size_t i = 0; i < bench->wanted.prefix_count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " %s",
					 nx_prefix_format(&bench->wanted.prefixes[i], prefix));
	return text;
}

static void test_direct(void)
{
	struct bench bench;

	bench_begin(&bench, "");
	device_set(&bench, 1, ",\"child_prefix\":[\"192.168.7.0/24\"]");
	CU_ASSERT_STRING_EQUAL(surveyed(&bench), "");
	CU_ASSERT_STRING_EQUAL(planned(&bench, 1), "direct 100.100.0.2/32 192.168.7.0/24 200::2/128");
	CU_ASSERT_EQUAL(bench.wanted.endpoints[0].port, 51820);
	bench_end(&bench);
}

static void test_relayed_networks(void)
{
	struct bench bench;

	bench_begin(&bench, "");
	device_set(&bench, 1, ",\"relay\":true,\"child_prefix\":[\"10.1.0.0/16\"]");
	device_set(&bench, 2, ",\"symmetric_nat\":true,\"child_prefix\":[\"10.2.0.0/16\"]");
	device_set(&bench, 3, ",\"child_prefix\":[\"10.3.0.0/16\"]");
	UNIT_ASSERT_HOLDS(surveyed(&bench), "3"); /* the first relay: everybody */
	CU_ASSERT_STRING_EQUAL(surveyed(&bench), "1");
	CU_ASSERT_STRING_EQUAL(
		planned(&bench, 1),
		"relay 10.1.0.0/16 10.2.0.0/16 100.100.0.0/16 100.100.0.2/32 200::/64 200::2/128");
	CU_ASSERT_STRING_EQUAL(planned(&bench, 2), "none");
	/* A spoke reaches all networks through the relay; only the relay's own plan is then doubtful. */
	device_set(&bench, 2, ",\"symmetric_nat\":true");
	CU_ASSERT_STRING_EQUAL(surveyed(&bench), "1");
	CU_ASSERT_TRUE(nx_planner_set_self(&bench.planner, record_of(0, ",\"symmetric_nat\":true")));
	surveyed(&bench);
	UNIT_ASSERT_HOLDS(planned(&bench, 1), "10.3.0.0/16");
	CU_ASSERT_STRING_EQUAL(planned(&bench, 3), "none");
	bench_end(&bench);
}

static const struct nx_entry *device(const struct bench *bench, unsigned number)
{
	return nx_members_find(&bench->members, fake_id(number));
}

static void direct_set(struct bench *bench, unsigned number, enum nx_direct direct)
{
	nx_members_find(&bench->members, fake_id(number))->record->member.direct = direct;
}

static void test_relay_is_kept(void)
{
	struct bench bench;
	char via[NX_DEVICE_ID_TEXT];

	bench_begin(&bench, ",\"symmetric_nat\":true");
	device_set(&bench, 9, ",\"relay\":true");
	device_set(&bench, 6, ",\"relay\":true");
	surveyed(&bench);
	CU_ASSERT_PTR_EQUAL(bench.planner.relay, device(&bench, 6));
	nx_planner_via(&bench.planner, via);
	CU_ASSERT_STRING_EQUAL(via, ""); /* what everybody would expect */
	/* A better one comes: what works is kept, but others would look elsewhere, and are told. */
	device_set(&bench, 4, ",\"relay\":true");
	surveyed(&bench);
	CU_ASSERT_PTR_EQUAL(bench.planner.relay, device(&bench, 6));
	nx_planner_via(&bench.planner, via);
	CU_ASSERT_STRING_EQUAL(via, fake_id(6));
	/* It drains, then the next does not answer; the one that works is left. */
	device_set(&bench, 6, ",\"relay\":true,\"relay_draining\":true");
	surveyed(&bench);
	CU_ASSERT_PTR_EQUAL(bench.planner.relay, device(&bench, 4));
	direct_set(&bench, 4, NX_DIRECT_FAILS);
	surveyed(&bench);
	CU_ASSERT_PTR_EQUAL(bench.planner.relay, device(&bench, 9));
	/* Better one that drains than one that does not answer. */
	direct_set(&bench, 9, NX_DIRECT_FAILS);
	surveyed(&bench);
	CU_ASSERT_PTR_EQUAL(bench.planner.relay, device(&bench, 6));
	nx_planner_set_self(&bench.planner, record_of(0, ",\"relay\":true"));
	surveyed(&bench);
	CU_ASSERT_TRUE(bench.planner.relay_is_self);
	CU_ASSERT_PTR_NULL(bench.planner.relay);
	bench_end(&bench);
}

/* A relay that drains is used on until the next one works, and until the service has told everybody of it. */
static void test_relay_drains(void)
{
	NX_AUTO_FREE char *moved = nx_printf(",\"symmetric_nat\":true,\"relay_id\":\"%s\"", fake_id(9));
	struct bench bench;
	char via[NX_DEVICE_ID_TEXT];

	bench_begin(&bench, ",\"symmetric_nat\":true");
	device_set(&bench, 6, ",\"relay\":true");
	device_set(&bench, 9, ",\"relay\":true");
	surveyed(&bench);
	nx_members_find(&bench.members, fake_id(9))->applied.keepalive_seconds = 5;
	device_set(&bench, 6, ",\"relay\":true,\"relay_draining\":true");
	surveyed(&bench);
	CU_ASSERT_PTR_EQUAL(bench.planner.relay, device(&bench, 6));
	CU_ASSERT_PTR_NULL(bench.planner.relay_next);
	direct_set(&bench, 9, NX_DIRECT_WORKS);
	surveyed(&bench);
	CU_ASSERT_PTR_EQUAL(bench.planner.relay, device(&bench, 6));
	CU_ASSERT_PTR_EQUAL(bench.planner.relay_next, device(&bench, 9));
	nx_planner_via(&bench.planner, via);
	CU_ASSERT_STRING_EQUAL(via, fake_id(9));
	nx_planner_set_self(&bench.planner, record_of(0, moved));
	surveyed(&bench);
	CU_ASSERT_PTR_EQUAL(bench.planner.relay, device(&bench, 9));
	CU_ASSERT_PTR_NULL(bench.planner.relay_next);
	/* It drains no more: nothing to move for, and others still have to be told. */
	device_set(&bench, 6, ",\"relay\":true");
	surveyed(&bench);
	CU_ASSERT_PTR_EQUAL(bench.planner.relay, device(&bench, 9));
	nx_planner_via(&bench.planner, via);
	CU_ASSERT_STRING_EQUAL(via, fake_id(9));
	bench_end(&bench);
}

/* One that drains and does not answer is left at once. */
static void test_relay_drains_and_dies(void)
{
	struct bench bench;

	bench_begin(&bench, ",\"symmetric_nat\":true");
	device_set(&bench, 6, ",\"relay\":true,\"relay_draining\":true");
	device_set(&bench, 9, ",\"relay\":true");
	nx_members_find(&bench.members, fake_id(9))->applied.keepalive_seconds = 5;
	surveyed(&bench);
	CU_ASSERT_PTR_EQUAL(bench.planner.relay, device(&bench, 6));
	direct_set(&bench, 6, NX_DIRECT_FAILS);
	surveyed(&bench);
	CU_ASSERT_PTR_EQUAL(bench.planner.relay, device(&bench, 9));
	bench_end(&bench);
}

/* Where others have not heard that it left the relay that died, it is to be found there again; where they
 * have, it stays. */
static void test_relay_is_back(void)
{
	NX_AUTO_FREE char *moved = nx_printf(",\"symmetric_nat\":true,\"relay_id\":\"%s\"", fake_id(9));
	struct bench bench;
	char via[NX_DEVICE_ID_TEXT];

	bench_begin(&bench, ",\"symmetric_nat\":true");
	device_set(&bench, 6, ",\"relay\":true");
	device_set(&bench, 9, ",\"relay\":true");
	surveyed(&bench);
	CU_ASSERT_PTR_EQUAL(bench.planner.relay, device(&bench, 6));
	direct_set(&bench, 6, NX_DIRECT_FAILS);
	surveyed(&bench);
	CU_ASSERT_PTR_EQUAL(bench.planner.relay, device(&bench, 9));
	surveyed(&bench);
	CU_ASSERT_PTR_EQUAL(bench.planner.relay, device(&bench, 9));
	direct_set(&bench, 6, NX_DIRECT_WORKS);
	surveyed(&bench);
	CU_ASSERT_PTR_EQUAL(bench.planner.relay, device(&bench, 6));
	nx_planner_via(&bench.planner, via);
	CU_ASSERT_STRING_EQUAL(via, "");
	direct_set(&bench, 6, NX_DIRECT_FAILS);
	surveyed(&bench);
	nx_planner_set_self(&bench.planner, record_of(0, moved));
	surveyed(&bench);
	direct_set(&bench, 6, NX_DIRECT_WORKS);
	surveyed(&bench);
	CU_ASSERT_PTR_EQUAL(bench.planner.relay, device(&bench, 9));
	bench_end(&bench);
}

/* A relay counts the spokes that say, or leave it to be found, that they use it, though it drains. */
static void test_spokes_of_a_relay(void)
{
	NX_AUTO_FREE char *elsewhere = nx_printf(",\"symmetric_nat\":true,\"relay_id\":\"%s\"", fake_id(9));
	struct bench bench;

	bench_begin(&bench, "");
	device_set(&bench, 4, ",\"symmetric_nat\":true");
	surveyed(&bench);
	CU_ASSERT_EQUAL(nx_relay_spokes(&bench.planner), 0); /* it is no relay */
	nx_planner_set_self(&bench.planner, record_of(0, ",\"relay\":true,\"relay_draining\":true"));
	device_set(&bench, 5, ",\"symmetric_nat\":true");
	device_set(&bench, 3, "");
	surveyed(&bench);
	CU_ASSERT_EQUAL(nx_relay_spokes(&bench.planner), 2);
	CU_ASSERT_EQUAL(nx_relay_others(&bench.planner), 0);
	device_set(&bench, 9, ",\"relay\":true");
	device_set(&bench, 8, ",\"relay\":true,\"relay_draining\":true");
	device_set(&bench, 7, ",\"relay\":true");
	direct_set(&bench, 7, NX_DIRECT_FAILS);
	device_set(&bench, 5, elsewhere);
	surveyed(&bench);
	CU_ASSERT_EQUAL(nx_relay_spokes(&bench.planner), 1);
	CU_ASSERT_EQUAL(nx_relay_others(&bench.planner), 1);
	bench_end(&bench);
}

/* At a start the record tells which relay this host had. */
static void test_relay_of_the_record(void)
{
	struct bench bench;
	NX_AUTO_FREE char *self = nx_printf(",\"symmetric_nat\":true,\"relay_id\":\"%s\"", fake_id(9));

	bench_begin(&bench, self);
	device_set(&bench, 6, ",\"relay\":true");
	device_set(&bench, 9, ",\"relay\":true");
	surveyed(&bench);
	CU_ASSERT_PTR_EQUAL(bench.planner.relay, device(&bench, 9));
	bench_end(&bench);
}

/* Several relays: each carries its own spokes. */
static void test_relays_of_spokes(void)
{
	struct bench bench;
	NX_AUTO_FREE char *other = nx_printf(
		",\"symmetric_nat\":true,\"relay_id\":\"%s\",\"child_prefix\":[\"10.5.0.0/16\"]", fake_id(7));

	bench_begin(&bench, "");
	device_set(&bench, 6, ",\"relay\":true");
	device_set(&bench, 7, ",\"relay\":true");
	device_set(&bench, 4, ",\"symmetric_nat\":true");
	device_set(&bench, 5, other);
	surveyed(&bench);
	CU_ASSERT_PTR_EQUAL(device(&bench, 4)->carrier, device(&bench, 6));
	CU_ASSERT_PTR_EQUAL(device(&bench, 5)->carrier, device(&bench, 7));
	CU_ASSERT_STRING_EQUAL(planned(&bench, 6), "relay 100.100.0.0/16 100.100.0.7/32 200::/64 200::7/128");
	CU_ASSERT_STRING_EQUAL(planned(&bench, 7), "relay 10.5.0.0/16 100.100.0.6/32 100.100.0.8/32 "
						   "200::6/128 200::8/128");
	nx_planner_forget(&bench.planner, nx_members_find(&bench.members, fake_id(7)));
	CU_ASSERT_PTR_NULL(device(&bench, 5)->carrier);
	bench_end(&bench);
}

/* Two hosts that cannot reach each other go through the relay, and go on trying. */
static void test_detour(void)
{
	struct bench bench;

	bench_begin(&bench, "");
	device_set(&bench, 1, ",\"child_prefix\":[\"10.1.0.0/16\"]");
	device_set(&bench, 6, ",\"relay\":true");
	surveyed(&bench);
	CU_ASSERT_STRING_EQUAL(planned(&bench, 1), "direct 10.1.0.0/16 100.100.0.2/32 200::2/128");
	direct_set(&bench, 1, NX_DIRECT_FAILS);
	CU_ASSERT_STRING_EQUAL(surveyed(&bench), "1 6");
	CU_ASSERT_EQUAL(bench.planner.detours, 1);
	CU_ASSERT_STRING_EQUAL(planned(&bench, 1), "probe");
	CU_ASSERT_EQUAL(bench.wanted.endpoint_count, 1);
	CU_ASSERT_STRING_EQUAL(planned(&bench, 6),
			       "relay 10.1.0.0/16 100.100.0.0/16 100.100.0.7/32 200::/64 200::7/128");
	direct_set(&bench, 1, NX_DIRECT_WORKS);
	CU_ASSERT_STRING_EQUAL(surveyed(&bench), "1 6");
	CU_ASSERT_STRING_EQUAL(planned(&bench, 1), "direct 10.1.0.0/16 100.100.0.2/32 200::2/128");
	bench_end(&bench);
}

/* What a server might have this host route, and what of it is left. The service is 198.51.100.1,
 * this host 192.0.2.7 and 2001:db8::7 outside the mesh. */
static const struct {
	const char *child, *plan;
} dangerous[] = {
	{"128.0.0.0/1", "direct 100.100.0.2/32 200::2/128"}, /* holds the service */
	{"198.51.100.0/24", "direct 100.100.0.2/32 200::2/128"},
	{"192.0.2.7/32", "direct 100.100.0.2/32 200::2/128"},	   /* this host's own address */
	{"8000::/1", "direct 100.100.0.2/32 200::2/128"},	   /* half of a default route */
	{"fc00::/7", "direct 100.100.0.2/32 200::2/128 fc00::/7"}, /* the largest that has a use */
	{"2001:db8::/32", "direct 100.100.0.2/32 200::2/128"},	   /* its own, IPv6 */
	{"100.100.0.0/16", "direct 100.100.0.2/32 200::2/128"},	   /* the mesh itself */
	{"100.100.0.9/32", "direct 100.100.0.2/32 200::2/128"},	   /* another member */
	{"100.0.0.0/8", "direct 100.100.0.2/32 200::2/128"},
	{"100.100.0.1/32", "direct 100.100.0.2/32 200::2/128"}, /* this host in the mesh */
	{"200::/64", "direct 100.100.0.2/32 200::2/128"},
	{"172.16.0.0/12", "direct 100.100.0.2/32 172.16.0.0/12 200::2/128"},
};

static void test_dangerous_prefixes(void)
{
	static const char *const guarded[] = {"198.51.100.1", "192.0.2.7", "2001:db8::7"};
	struct bench bench;

	bench_begin(&bench, "");
	for (int again = 0; again < 2; again++) {
		struct nx_guard guard = {0};

		for (size_t i = 0; i < NX_COUNT(guarded); i++) {
			struct nx_address address;

			CU_ASSERT_TRUE(nx_address_parse(guarded[i], &address));
			nx_guard_own(&guard, &address);
		}
		CU_ASSERT_EQUAL(nx_planner_guard(&bench.planner, &guard), again == 0);
	}
	for (size_t i = 0; i < NX_COUNT(dangerous); i++) {
		NX_AUTO_FREE char *more = nx_printf(",\"child_prefix\":[\"%s\"]", dangerous[i].child);

		device_set(&bench, 1, more);
		surveyed(&bench);
		UNIT_ASSERT_ROW(strcmp(planned(&bench, 1), dangerous[i].plan) == 0, planned(&bench, 1));
	}
	bench_end(&bench);
}

/* The same through the relay, on whose plan another member's networks stand. */
static void test_dangerous_relayed_prefix(void)
{
	struct bench bench;

	bench_begin(&bench, "");
	device_set(&bench, 1, ",\"relay\":true");
	device_set(&bench, 2,
		   ",\"symmetric_nat\":true,\"child_prefix\":[\"100.100.0.9/32\",\"10.2.0.0/16\"]");
	surveyed(&bench);
	CU_ASSERT_STRING_EQUAL(planned(&bench, 1),
			       "relay 10.2.0.0/16 100.100.0.0/16 100.100.0.2/32 200::/64 200::2/128");
	bench_end(&bench);
}

static void test_endpoint_inside_the_mesh(void)
{
	struct bench bench;
	struct nx_entry *entry;

	bench_begin(&bench, "");
	entry = device_set(&bench, 1, "");
	/* The families read it as it stands; a plan never sends the tunnel through itself. */
	struct nx_member_family facts = entry->record->member.families[0];
	struct nx_member member = entry->record->member;
	struct nx_member_family families[2] = {facts, entry->record->member.families[1]};

	CU_ASSERT_TRUE(nx_endpoint_parse("100.100.0.9:51820", &families[0].endpoint));
	member.families = families;
	CU_ASSERT_EQUAL(nx_plan_member(&bench.planner, &member, &bench.wanted, NULL), NX_OK);
	CU_ASSERT_EQUAL(bench.wanted.endpoint_count, 0);
	CU_ASSERT_EQUAL(bench.wanted.prefix_count, 2);
	bench_end(&bench);
}

static void test_family_that_this_host_lacks(void)
{
	struct bench bench;

	bench_begin(&bench, "");
	device_set(&bench, 1, ",\"child_prefix\":[\"2001:db8:7::/48\",\"10.7.0.0/16\"]");
	host.families[1].unsupported = true;
	nx_capabilities_poll(&host.capabilities);
	CU_ASSERT_TRUE(nx_planner_set_self(&bench.planner, NULL));
	CU_ASSERT_STRING_EQUAL(planned(&bench, 1), "direct 10.7.0.0/16 100.100.0.2/32");
	bench_end(&bench);
}

/* --- while the organization is renumbered --------------------------------------------------------- */

#define SECOND(host) ",\"second_ip\":\"10.44.0." host "\",\"second_prefix\":\"10.44.0.0/16\""

/* What leads to an address, or to the organization's prefix, leads to the second one as well. */
static void test_second_addresses(void)
{
	struct bench bench;

	bench_begin(&bench, SECOND("1"));
	device_set(&bench, 1, SECOND("2"));
	device_set(&bench, 2, "");
	surveyed(&bench);
	CU_ASSERT_STRING_EQUAL(planned(&bench, 1), "direct 10.44.0.2/32 100.100.0.2/32 200::2/128");
	CU_ASSERT_STRING_EQUAL(planned(&bench, 2), "direct 100.100.0.3/32 200::3/128");
	device_set(&bench, 1, SECOND("2") ",\"relay\":true");
	surveyed(&bench);
	CU_ASSERT_STRING_EQUAL(
		planned(&bench, 1),
		"relay 10.44.0.0/16 10.44.0.2/32 100.100.0.0/16 100.100.0.2/32 200::/64 200::2/128");
	/* This host is done with it before the other one is. */
	CU_ASSERT_TRUE(nx_planner_set_self(&bench.planner, record_of(0, "")));
	surveyed(&bench);
	CU_ASSERT_STRING_EQUAL(planned(&bench, 1), "relay 100.100.0.0/16 100.100.0.2/32 200::/64 200::2/128");
	bench_end(&bench);
}

/* Two relays: the one that this host has not chosen carries its own spokes' addresses, both of them. */
static void test_second_addresses_carried(void)
{
	struct bench bench;
	const char *text;

	bench_begin(&bench, SECOND("1"));
	device_set(&bench, 1, SECOND("2") ",\"relay\":true");
	device_set(&bench, 2, SECOND("3") ",\"relay\":true");
	for (unsigned number = 3; number < 9; number++) {
		NX_AUTO_FREE char *more =
			nx_printf(",\"second_ip\":\"10.44.0.%u\",\"second_prefix\":\"10.44.0.0/16\","
				  "\"symmetric_nat\":true,\"relay_id\":\"%s\"",
				  number + 1, fake_id(1 + number % 2));

		device_set(&bench, number, more);
	}
	surveyed(&bench);
	text = planned(&bench, bench.planner.relay == device(&bench, 1) ? 2 : 1);
	for (unsigned number = 3; number < 9; number++) {
		bool carried = device(&bench, number)->carrier != bench.planner.relay;
		NX_AUTO_FREE char *first = nx_printf(" 100.100.0.%u/32", number + 1);
		NX_AUTO_FREE char *second = nx_printf(" 10.44.0.%u/32", number + 1);

		CU_ASSERT_EQUAL(strstr(text, first) != NULL, carried);
		CU_ASSERT_EQUAL(strstr(text, second) != NULL, carried);
	}
	bench_end(&bench);
}

/* What a server may not have this host route by a first address, it may not by a second one. */
static void test_dangerous_second_addresses(void)
{
	static const char *const hostile[] = {
		SECOND("1"), /* this host's own second address */
		",\"second_ip\":\"100.100.0.1\",\"second_prefix\":\"100.100.0.0/16\"", /* its first one */
		",\"second_ip\":\"10.45.0.2\",\"second_prefix\":\"10.45.0.0/16\"", /* of no prefix of the mesh
										    */
		",\"child_prefix\":[\"10.44.7.0/24\"]", /* inside the second prefix */
	};
	struct nx_guard guard = {0};
	struct nx_prefix network;
	struct bench bench;

	bench_begin(&bench, SECOND("1"));
	for (size_t i = 0; i < NX_COUNT(hostile); i++) {
		device_set(&bench, 1, hostile[i]);
		surveyed(&bench);
		CU_ASSERT_STRING_EQUAL(planned(&bench, 1), "direct 100.100.0.2/32 200::2/128");
	}
	device_set(&bench, 1, SECOND("2"));
	CU_ASSERT_TRUE(nx_prefix_parse("10.44.0.0/20", &network));
	nx_guard_network(&guard, &network);
	CU_ASSERT_TRUE(nx_planner_guard(&bench.planner, &guard));
	CU_ASSERT_TRUE(nx_planner_set_self(&bench.planner, NULL));
	CU_ASSERT_PTR_NULL(bench.planner.self_refusals[0]);
	CU_ASSERT_PTR_NOT_NULL(bench.planner.second_refusals[0]);
	CU_ASSERT_STRING_EQUAL(planned(&bench, 1), "direct 100.100.0.2/32 200::2/128");
	bench_end(&bench);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"a direct peer", test_direct},
		{"networks behind the relay", test_relayed_networks},
		{"a relay that does is kept", test_relay_is_kept},
		{"a relay that drains is left in step", test_relay_drains},
		{"a relay that drains and dies", test_relay_drains_and_dies},
		{"a relay that is back", test_relay_is_back},
		{"the spokes of a relay", test_spokes_of_a_relay},
		{"the relay of the record", test_relay_of_the_record},
		{"each relay carries its own spokes", test_relays_of_spokes},
		{"a detour, and back", test_detour},
		{"prefixes that would take this host over", test_dangerous_prefixes},
		{"the same through the relay", test_dangerous_relayed_prefix},
		{"an endpoint inside the mesh", test_endpoint_inside_the_mesh},
		{"second addresses", test_second_addresses},
		{"second addresses behind a relay", test_second_addresses_carried},
		{"second addresses that would take this host over", test_dangerous_second_addresses},
		{"a family that this host lacks", test_family_that_this_host_lacks},
		CU_TEST_INFO_NULL,
	};

	nx_secret_setup();
	return unit_run("agent plan", tests);
}
