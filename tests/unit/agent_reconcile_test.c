/* SPDX-License-Identifier: Apache-2.0 */
/* The reconcile against a host in memory: what it tells, and how little of it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/network/reconcile.h"
#include "agent/network/ways.h"
#include "base/address.h"
#include "base/memory.h"
#include "tests/unit/agent_fake.h"
#include "tests/unit/unit.h"

#define MANY 10000u

static const struct nx_interface_request request = {.size = sizeof(request), .name = "test0"};

struct bench {
	struct fake_host host;
	struct nx_members members;
	struct nx_reconcile reconcile;
};

/* The agent starts on the host: device 0 is this host. */
static void agent_start(struct bench *bench)
{
	nx_members_init(&bench->members, &bench->host.capabilities);
	nx_reconcile_init(&bench->reconcile, &bench->host.capabilities, &bench->members, &request);
	CU_ASSERT_EQUAL(nx_reconcile_start(&bench->reconcile, NULL), NX_OK);
}

static void agent_kill(struct bench *bench)
{
	nx_reconcile_release(&bench->reconcile);
	nx_members_clear(&bench->members);
}

static void bench_end(struct bench *bench)
{
	agent_kill(bench);
	fake_host_release(&bench->host);
}

static void self_set(struct bench *bench, const char *more)
{
	NX_AUTO_JSON struct nx_json *device = fake_device(0, more);
	struct nx_record *record = NULL;

	CU_ASSERT_EQUAL(nx_record_read(&bench->host.capabilities, device, &record, NULL), NX_OK);
	nx_reconcile_set_self(&bench->reconcile, record);
}

static void device_set(struct bench *bench, unsigned number, const char *more)
{
	NX_AUTO_JSON struct nx_json *device = fake_device(number, more);
	struct nx_record *record = NULL;
	struct nx_entry *entry = NULL;
	unsigned effect = 0;

	CU_ASSERT_EQUAL(nx_record_read(&bench->host.capabilities, device, &record, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_members_put(&bench->members, record, &entry, &effect, NULL), NX_OK);
	nx_reconcile_mark(&bench->reconcile, entry, effect);
}

static void device_delete(struct bench *bench, unsigned number)
{
	nx_reconcile_forget(&bench->reconcile, nx_members_find(&bench->members, fake_id(number)));
}

static void settle(struct bench *bench)
{
	struct nx_error error = {0};

	CU_ASSERT_EQUAL(nx_reconcile_apply(&bench->reconcile, &error), NX_OK);
	CU_ASSERT_STRING_EQUAL(error.message, "");
}

static void bench_begin(struct bench *bench, unsigned peers)
{
	fake_host_make(&bench->host);
	agent_start(bench);
	self_set(bench, "");
	for (unsigned i = 1; i <= peers; i++)
		device_set(bench, i, "");
	settle(bench);
	CU_ASSERT_EQUAL(bench->host.peer_count, peers);
	fake_host_count_anew(&bench->host);
}

/* --- the cost of a change ---------------------------------------------------------------- */

static void test_one_change_among_many(void)
{
	struct bench bench;

	bench_begin(&bench, MANY);
	/* Nothing new: nothing told. */
	device_set(&bench, 77, "");
	settle(&bench);
	CU_ASSERT_EQUAL(bench.host.plans + bench.host.peer_sends + bench.host.families[0].sends, 0);
	/* Another address in one family: one plan, one peer, one send of routes with one in and one out. */
	device_set(&bench, 77, ",\"x\":1");
	device_delete(&bench, 78);
	device_set(&bench, MANY + 1, "");
	settle(&bench);
	CU_ASSERT_EQUAL(bench.host.plans, 1);
	CU_ASSERT_EQUAL(bench.host.peer_sends, 1);
	CU_ASSERT_EQUAL(bench.host.peer_changes, 2);
	CU_ASSERT_EQUAL(bench.host.families[0].sends, 1);
	CU_ASSERT_EQUAL(bench.host.families[0].added, 1);
	CU_ASSERT_EQUAL(bench.host.families[0].removed, 1);
	CU_ASSERT_EQUAL(bench.host.families[1].added, 1);
	CU_ASSERT_EQUAL(bench.host.forwards, 0);
	CU_ASSERT_TRUE(fake_peer_has(&bench.host, fake_key(MANY + 1), "200::2712/128"));
	CU_ASSERT_PTR_NULL(fake_peer_find(&bench.host, fake_key(78)));
	bench_end(&bench);
}

static void test_first_configuration_is_few_sends(void)
{
	struct bench bench;

	fake_host_make(&bench.host);
	agent_start(&bench);
	self_set(&bench, "");
	for (unsigned i = 1; i <= MANY; i++)
		device_set(&bench, i, "");
	settle(&bench);
	CU_ASSERT_TRUE(bench.host.peer_sends <= MANY / 1000);
	CU_ASSERT_EQUAL(bench.host.families[0].sends, 1);
	CU_ASSERT_EQUAL(bench.host.families[0].route_count, MANY);
	CU_ASSERT_EQUAL(bench.host.families[1].route_count, MANY);
	bench_end(&bench);
}

/* --- adoption --------------------------------------------------------------------------------- */

static void test_restart_changes_nothing(void)
{
	struct bench bench;

	bench_begin(&bench, 50);
	agent_kill(&bench);
	agent_start(&bench);
	self_set(&bench, "");
	for (unsigned i = 1; i <= 50; i++)
		device_set(&bench, i, "");
	settle(&bench);
	CU_ASSERT_EQUAL(bench.host.peer_sends, 0);
	CU_ASSERT_EQUAL(bench.host.families[0].sends + bench.host.families[1].sends, 0);
	/* Once after each start, whatever the answer. */
	CU_ASSERT_EQUAL(bench.host.forwards, 1);
	bench_end(&bench);
}

static void test_restart_mends_what_differs(void)
{
	struct bench bench;

	bench_begin(&bench, 5);
	fake_peer_drop(&bench.host, fake_key(2));
	fake_route_drop(&bench.host, "200::4/128");
	agent_kill(&bench);
	agent_start(&bench);
	self_set(&bench, "");
	for (unsigned i = 1; i <= 4; i++) /* 5 was deleted meanwhile */
		device_set(&bench, i, "");
	settle(&bench);
	CU_ASSERT_EQUAL(bench.host.peer_changes, 2);
	CU_ASSERT_TRUE(fake_peer_has(&bench.host, fake_key(2), "100.100.0.3/32"));
	CU_ASSERT_TRUE(fake_routed(&bench.host, "200::4/128"));
	CU_ASSERT_PTR_NULL(fake_peer_find(&bench.host, fake_key(5)));
	CU_ASSERT_FALSE(fake_routed(&bench.host, "100.100.0.6/32"));
	CU_ASSERT_EQUAL(bench.host.families[1].added, 1);
	bench_end(&bench);
}

static struct fake_peer *peer_writable(struct bench *bench, unsigned number)
{
	for (size_t i = 0; i < bench->host.peer_count; i++) {
		if (strcmp(bench->host.peers[i].key, fake_key(number)) == 0)
			return &bench->host.peers[i];
	}
	abort();
}

static void restart_with_peer_1(struct bench *bench)
{
	agent_kill(bench);
	agent_start(bench);
	self_set(bench, "");
	device_set(bench, 1, "");
	settle(bench);
}

static void test_roamed_endpoint_is_kept(void)
{
	struct bench bench;
	struct nx_endpoint roamed;

	bench_begin(&bench, 1);
	CU_ASSERT_TRUE(nx_endpoint_parse("192.0.2.9:7", &roamed));
	peer_writable(&bench, 1)->endpoint = roamed;
	/* Another change of the device says nothing about where it is. */
	device_set(&bench, 1, ",\"child_prefix\":[\"192.168.7.0/24\"]");
	settle(&bench);
	CU_ASSERT_EQUAL(nx_endpoint_compare(&peer_writable(&bench, 1)->endpoint, &roamed), 0);
	device_set(&bench, 1, "");
	settle(&bench);
	/* Adopted with a fresh handshake: kept. With an old one: what is published is tried. */
	peer_writable(&bench, 1)->last_handshake = time(NULL) - 10;
	restart_with_peer_1(&bench);
	CU_ASSERT_EQUAL(nx_endpoint_compare(&peer_writable(&bench, 1)->endpoint, &roamed), 0);
	peer_writable(&bench, 1)->last_handshake = time(NULL) - 1000;
	restart_with_peer_1(&bench);
	CU_ASSERT_NOT_EQUAL(nx_endpoint_compare(&peer_writable(&bench, 1)->endpoint, &roamed), 0);
	bench_end(&bench);
}

/* Without handshakes nothing is tried, kept alive or given up: each peer is taken to be where it says. */
static void test_tunnel_without_handshakes(void)
{
	struct bench bench;
	struct nx_ways ways = {0};
	struct nx_driver_ops silent;
	const struct nx_entry *entry;
	char reason[96];

	bench_begin(&bench, 1);
	entry = nx_members_find(&bench.members, fake_id(1));
	CU_ASSERT_EQUAL(entry->applied.keepalive_seconds, 20);
	CU_ASSERT_FALSE(nx_ways_look(&ways, &bench.reconcile));
	CU_ASSERT_TRUE(ways.trying);
	nx_ways_reason(&bench.reconcile, entry, reason, sizeof(reason));
	CU_ASSERT_STRING_EQUAL(reason, "being tried");

	silent = *bench.host.capabilities.driver;
	silent.lacks = NX_DRIVER_NO_HANDSHAKES;
	bench.host.capabilities.driver = &silent;
	device_set(&bench, 2, "");
	settle(&bench);
	entry = nx_members_find(&bench.members, fake_id(2));
	CU_ASSERT_TRUE(entry->applied.present);
	CU_ASSERT_EQUAL(entry->applied.keepalive_seconds, 0);
	CU_ASSERT_NOT_EQUAL(entry->applied.published.port, 0);
	CU_ASSERT_FALSE(nx_ways_look(&ways, &bench.reconcile));
	CU_ASSERT_FALSE(ways.trying);
	nx_ways_reason(&bench.reconcile, entry, reason, sizeof(reason));
	CU_ASSERT_STRING_EQUAL(reason, "taken to work: this tunnel has no handshakes that would show it");
	bench_end(&bench);
}

/* --- failures ----------------------------------------------------------------------------------- */

static void test_failure_then_look(void)
{
	struct bench bench;

	bench_begin(&bench, 3);
	bench.host.peers_fail = NX_UNAVAILABLE;
	device_set(&bench, 4, "");
	device_delete(&bench, 2);
	CU_ASSERT_EQUAL(nx_reconcile_apply(&bench.reconcile, NULL), NX_UNAVAILABLE);
	settle(&bench); /* what is there is not known: looks, and mends */
	CU_ASSERT_EQUAL(bench.host.peer_count, 3);
	CU_ASSERT_TRUE(fake_peer_has(&bench.host, fake_key(4), "100.100.0.5/32"));
	CU_ASSERT_PTR_NULL(fake_peer_find(&bench.host, fake_key(2)));
	CU_ASSERT_FALSE(fake_routed(&bench.host, "100.100.0.3/32"));
	bench_end(&bench);
}

static void test_one_bad_key_hurts_nobody_else(void)
{
	struct bench bench;

	fake_host_make(&bench.host);
	agent_start(&bench);
	NX_AUTO_FREE char *refused = nx_strdup(fake_key(2));

	bench.host.peer_refused = refused;
	self_set(&bench, "");
	for (unsigned i = 1; i <= 3; i++)
		device_set(&bench, i, "");
	settle(&bench);
	CU_ASSERT_EQUAL(bench.host.peer_count, 2);
	CU_ASSERT_PTR_NOT_NULL(fake_peer_find(&bench.host, fake_key(1)));
	CU_ASSERT_PTR_NOT_NULL(fake_peer_find(&bench.host, fake_key(3)));
	bench_end(&bench);
}

static void test_interface_comes_back(void)
{
	struct bench bench;

	bench_begin(&bench, 3);
	bench.host.interface_gone = true;
	while (bench.host.peer_count)
		fake_peer_drop(&bench.host, bench.host.peers[0].key);
	bench.host.families[0].route_count = bench.host.families[1].route_count = 0;
	CU_ASSERT_EQUAL(nx_reconcile_observe(&bench.reconcile, NULL), NX_OK);
	CU_ASSERT_EQUAL(bench.host.interface_ups, 1);
	CU_ASSERT_EQUAL(bench.host.peer_count, 3);
	CU_ASSERT_EQUAL(bench.host.endpoints_set, 3);
	CU_ASSERT_EQUAL(bench.host.families[1].route_count, 3);
	bench_end(&bench);
}

/* --- who has a prefix ------------------------------------------------------------------------------ */

/* --- while the organization is renumbered ------------------------------------------------ */

#define SECOND(host) ",\"second_ip\":\"10.44.0." host "\",\"second_prefix\":\"10.44.0.0/16\""

/* Second addresses come without taking anything away; this host's own makes it look at all, and so does its
 * end. */
static void test_second_addresses(void)
{
	struct nx_address second;
	struct bench bench;

	bench_begin(&bench, 2);
	CU_ASSERT_TRUE(nx_address_parse("10.44.0.1", &second));
	self_set(&bench, SECOND("1"));
	settle(&bench);
	CU_ASSERT_EQUAL(nx_address_compare(&bench.host.families[0].second, &second), 0);
	CU_ASSERT_EQUAL(bench.host.families[1].second.length, 0);
	CU_ASSERT_EQUAL(bench.host.peer_changes, 0);
	device_set(&bench, 1, SECOND("2"));
	settle(&bench);
	CU_ASSERT_EQUAL(bench.host.peer_changes, 1);
	CU_ASSERT_EQUAL(bench.host.extensions, 1);
	CU_ASSERT_TRUE(fake_peer_has(&bench.host, fake_key(1), "10.44.0.2/32"));
	CU_ASSERT_TRUE(fake_peer_has(&bench.host, fake_key(1), "100.100.0.2/32"));
	CU_ASSERT_EQUAL(bench.host.families[0].removed, 0);
	self_set(&bench, "");
	device_set(&bench, 1, "");
	settle(&bench);
	CU_ASSERT_EQUAL(bench.host.families[0].second.length, 0);
	CU_ASSERT_EQUAL(bench.host.extensions, 1);
	CU_ASSERT_FALSE(fake_routed(&bench.host, "10.44.0.2/32"));
	CU_ASSERT_TRUE(fake_peer_has(&bench.host, fake_key(1), "100.100.0.2/32"));
	bench_end(&bench);
}

static void test_contested_prefix(void)
{
	static const char shared[] = ",\"child_prefix\":[\"192.168.7.0/24\"]";
	struct bench bench;

	bench_begin(&bench, 3);
	device_set(&bench, 2, shared);
	settle(&bench);
	CU_ASSERT_TRUE(fake_peer_has(&bench.host, fake_key(2), "192.168.7.0/24"));
	device_set(&bench, 1, shared); /* the lower id wins, whoever came first */
	device_set(&bench, 3, shared);
	settle(&bench);
	CU_ASSERT_TRUE(fake_peer_has(&bench.host, fake_key(1), "192.168.7.0/24"));
	CU_ASSERT_FALSE(fake_peer_has(&bench.host, fake_key(2), "192.168.7.0/24"));
	device_delete(&bench, 1);
	settle(&bench);
	CU_ASSERT_TRUE(fake_peer_has(&bench.host, fake_key(2), "192.168.7.0/24"));
	device_set(&bench, 2, "");
	settle(&bench);
	CU_ASSERT_TRUE(fake_peer_has(&bench.host, fake_key(3), "192.168.7.0/24"));
	device_set(&bench, 3, "");
	settle(&bench);
	CU_ASSERT_FALSE(fake_routed(&bench.host, "192.168.7.0/24"));
	bench_end(&bench);
}

/* The host's own route stays; nothing else is kept from the mesh, and each look tries again. */
static void test_prefix_routed_elsewhere(void)
{
	struct bench bench;
	struct fake_family *family = &bench.host.families[0];

	bench_begin(&bench, 2);
	CU_ASSERT_TRUE(nx_prefix_parse("192.168.7.0/24", &family->taken));
	self_set(&bench, ",\"relay\":true");
	device_set(&bench, 1, ",\"child_prefix\":[\"192.168.7.0/24\",\"192.168.8.0/24\"]");
	settle(&bench);
	CU_ASSERT_STRING_EQUAL(bench.reconcile.route_conflict, "routed elsewhere");
	CU_ASSERT_FALSE(fake_routed(&bench.host, "192.168.7.0/24"));
	CU_ASSERT_TRUE(fake_routed(&bench.host, "192.168.8.0/24"));
	CU_ASSERT_TRUE(bench.host.forwarding);
	CU_ASSERT_EQUAL(nx_reconcile_observe(&bench.reconcile, NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(bench.reconcile.route_conflict, "routed elsewhere");
	family->taken = (struct nx_prefix){0};
	CU_ASSERT_EQUAL(nx_reconcile_observe(&bench.reconcile, NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(bench.reconcile.route_conflict, "");
	CU_ASSERT_TRUE(fake_peer_has(&bench.host, fake_key(1), "192.168.7.0/24"));
	bench_end(&bench);
}

static void test_key_moves_to_another_device(void)
{
	struct bench bench;
	NX_AUTO_FREE char *again = NULL;

	bench_begin(&bench, 2);
	device_delete(&bench, 2);
	again = nx_strdup(fake_key(2));
	/* The device is registered anew, with another id and the same key. */
	NX_AUTO_FREE char *text = nx_printf(
		"{\"id\":\"%s\",\"public_key\":\"%s\",\"driver\":\"fake\",\"tunnel_ip\":\"100.100.9.9\","
		"\"organization_prefix\":\"100.100.0.0/16\"}",
		fake_id(9), again);
	NX_AUTO_JSON struct nx_json *device = NULL;
	struct nx_record *record = NULL;
	struct nx_entry *entry;
	unsigned effect;

	CU_ASSERT_EQUAL(nx_json_parse(text, strlen(text), &device, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_record_read(&bench.host.capabilities, device, &record, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_members_put(&bench.members, record, &entry, &effect, NULL), NX_OK);
	nx_reconcile_mark(&bench.reconcile, entry, effect);
	settle(&bench);
	CU_ASSERT_TRUE(fake_peer_has(&bench.host, again, "100.100.9.9/32"));
	CU_ASSERT_FALSE(fake_routed(&bench.host, "100.100.0.3/32"));
	bench_end(&bench);
}

/* --- families and relaying ------------------------------------------------------------------------ */

static void test_family_lost_and_found(void)
{
	struct bench bench;

	bench_begin(&bench, 2);
	bench.host.families[1].unsupported = true;
	CU_ASSERT_TRUE(nx_capabilities_poll(&bench.host.capabilities));
	nx_reconcile_set_self(&bench.reconcile, NULL);
	settle(&bench);
	CU_ASSERT_EQUAL(bench.host.families[1].address.length, 0);
	CU_ASSERT_EQUAL(bench.host.families[1].route_count, 0);
	CU_ASSERT_EQUAL(fake_peer_find(&bench.host, fake_key(1))->prefix_count, 1);
	CU_ASSERT_EQUAL(bench.host.families[0].route_count, 2);
	bench.host.families[1].unsupported = false;
	CU_ASSERT_TRUE(nx_capabilities_poll(&bench.host.capabilities));
	nx_reconcile_set_self(&bench.reconcile, NULL);
	settle(&bench);
	CU_ASSERT_TRUE(fake_peer_has(&bench.host, fake_key(1), "200::2/128"));
	CU_ASSERT_EQUAL(bench.host.families[1].route_count, 2);
	bench_end(&bench);
}

static void test_family_refused_by_the_kernel(void)
{
	struct bench bench;

	fake_host_make(&bench.host);
	agent_start(&bench);
	bench.host.families[1].refuses = true;
	self_set(&bench, "");
	device_set(&bench, 1, "");
	settle(&bench);
	CU_ASSERT_TRUE(bench.reconcile.refused);
	CU_ASSERT_FALSE(nx_family_usable(&bench.host.capabilities.families[1]));
	CU_ASSERT_TRUE(fake_peer_has(&bench.host, fake_key(1), "100.100.0.2/32"));
	CU_ASSERT_EQUAL(bench.host.families[1].route_count, 0);
	CU_ASSERT_FALSE(nx_reconcile_retry(&bench.reconcile));
	CU_ASSERT_FALSE(nx_family_usable(&bench.host.capabilities.families[1]));
	bench.host.families[1].refuses = false;
	CU_ASSERT_TRUE(nx_reconcile_retry(&bench.reconcile));
	CU_ASSERT_TRUE(nx_family_usable(&bench.host.capabilities.families[1]));
	/* It may be another host's by now. */
	CU_ASSERT_EQUAL(bench.host.families[1].address.length, 0);
	CU_ASSERT_FALSE(nx_reconcile_retry(&bench.reconcile));
	nx_reconcile_set_self(&bench.reconcile, NULL);
	settle(&bench);
	CU_ASSERT_EQUAL(bench.host.families[1].address.length, 16);
	CU_ASSERT_EQUAL(bench.host.families[1].route_count, 1);
	bench_end(&bench);
}

static void test_relay_comes_and_goes(void)
{
	struct bench bench;

	bench_begin(&bench, 4);
	device_set(&bench, 3, ",\"symmetric_nat\":true,\"child_prefix\":[\"192.168.7.0/24\"]");
	settle(&bench);
	CU_ASSERT_PTR_NULL(fake_peer_find(&bench.host, fake_key(3)));
	CU_ASSERT_FALSE(fake_routed(&bench.host, "192.168.7.0/24"));
	device_set(&bench, 2, ",\"relay\":true");
	settle(&bench);
	CU_ASSERT_TRUE(fake_peer_has(&bench.host, fake_key(2), "100.100.0.0/16"));
	CU_ASSERT_TRUE(fake_peer_has(&bench.host, fake_key(2), "200::/64"));
	CU_ASSERT_TRUE(fake_peer_has(&bench.host, fake_key(2), "192.168.7.0/24"));
	device_delete(&bench, 2);
	settle(&bench);
	CU_ASSERT_FALSE(fake_routed(&bench.host, "100.100.0.0/16"));
	CU_ASSERT_FALSE(fake_routed(&bench.host, "192.168.7.0/24"));
	CU_ASSERT_EQUAL(bench.host.peer_count, 2);
	bench_end(&bench);
}

static void test_self_becomes_spoke_and_relay(void)
{
	struct bench bench;

	bench_begin(&bench, 3);
	device_set(&bench, 2, ",\"relay\":true");
	self_set(&bench, ",\"symmetric_nat\":true");
	settle(&bench);
	CU_ASSERT_EQUAL(bench.host.peer_count, 1);
	CU_ASSERT_TRUE(fake_peer_has(&bench.host, fake_key(2), "200::/64"));
	self_set(&bench, ",\"relay\":true,\"child_prefix\":[\"10.9.0.0/16\"]");
	settle(&bench);
	CU_ASSERT_EQUAL(bench.host.peer_count, 3);
	CU_ASSERT_TRUE(bench.host.forwarding);
	CU_ASSERT_EQUAL(bench.host.forward_children, 1);
	CU_ASSERT_FALSE(fake_routed(&bench.host, "200::/64"));
	nx_reconcile_down(&bench.reconcile);
	CU_ASSERT_FALSE(bench.host.forwarding);
	CU_ASSERT_TRUE(bench.host.interface_gone);
	CU_ASSERT_EQUAL(bench.host.families[0].route_count, 0);
	bench_end(&bench);
}

/* --- against a fresh start -------------------------------------------------------------------------- */

enum { DEVICES = 12, ROUNDS = 4000 };

static const char *const facets[] = {
	"",
	"",
	",\"relay\":true",
	",\"symmetric_nat\":true",
	",\"child_prefix\":[\"10.1.0.0/16\"]",
	",\"child_prefix\":[\"10.1.0.0/16\",\"2001:db8:1::/48\"]",
	",\"symmetric_nat\":true,\"child_prefix\":[\"10.1.0.0/16\",\"10.2.0.0/16\"]",
	",\"relay\":true,\"child_prefix\":[\"10.2.0.0/16\"]",
	",\"child_prefix\":[\"100.100.0.3/32\",\"200::/64\",\"0.0.0.0/0\"]",
};

static const char *facet(void)
{
	return facets[unit_random() % NX_COUNT(facets)];
}

static int prefix_order(const void *a, const void *b)
{
	return nx_prefix_compare(a, b);
}

static int peer_order(const void *a, const void *b)
{
	return strcmp(((const struct fake_peer *)a)->key, ((const struct fake_peer *)b)->key);
}

/* All that a host has, as one text. */
static char *host_text(struct fake_host *host)
{
	struct nx_buffer text = {0};
	char one[NX_ADDRESS_TEXT];

	if (host->peer_count)
		qsort(host->peers, host->peer_count, sizeof(*host->peers), peer_order);
	for (size_t i = 0; i < host->peer_count; i++) {
		struct fake_peer *peer = &host->peers[i];

		qsort(peer->prefixes, peer->prefix_count, sizeof(*peer->prefixes), prefix_order);
		nx_buffer_printf(&text, "%s %u", peer->key, peer->keepalive_seconds);
		for (size_t j = 0; j < peer->prefix_count; j++)
			nx_buffer_printf(&text, " %s", nx_prefix_format(&peer->prefixes[j], one));
		nx_buffer_text(&text, "\n");
	}
	for (size_t i = 0; i < 2; i++) {
		struct fake_family *family = &host->families[i];

		if (family->route_count)
			qsort(family->routes, family->route_count, sizeof(*family->routes), prefix_order);
		for (size_t j = 0; j < family->route_count; j++)
			nx_buffer_printf(&text, "%s\n", nx_prefix_format(&family->routes[j], one));
	}
	nx_buffer_printf(&text, "forwarding %d for %zu\n", host->forwarding, host->forward_children);
	return nx_buffer_take(&text);
}

static void fresh_compare(struct bench *bench, const char *const *devices)
{
	struct bench fresh;
	NX_AUTO_FREE char *expected = NULL;
	NX_AUTO_FREE char *found = host_text(&bench->host);

	/* The relay that works is kept; the record says which one that is. */
	const struct nx_entry *relay = bench->reconcile.planner.relay;
	NX_AUTO_FREE char *self =
		nx_printf("%s,\"relay_id\":\"%s\"", devices[0], relay ? relay->record->member.id : "");

	fake_host_make(&fresh.host);
	agent_start(&fresh);
	self_set(&fresh, self);
	for (unsigned i = 1; i < DEVICES; i++) {
		if (devices[i])
			device_set(&fresh, i, devices[i]);
	}
	settle(&fresh);
	expected = host_text(&fresh.host);
	CU_ASSERT_STRING_EQUAL(found, expected);
	bench_end(&fresh);
}

/* One random change: a device comes, changes or goes, this host changes, something fails or is lost. */
static void random_change(struct bench *bench, const char **devices)
{
	unsigned number = (unsigned)(unit_random() % DEVICES);
	unsigned what = (unsigned)(unit_random() % 16);

	if (what == 0)
		bench->host.peers_fail = NX_UNAVAILABLE;
	else if (what == 1 && bench->host.peer_count)
		fake_peer_drop(&bench->host, bench->host.peers[0].key);
	if (what == 1)
		bench->reconcile.unsure = true;
	if (number == 0) {
		devices[0] = facet();
		self_set(bench, devices[0]);
	} else if (devices[number] && what < 6) {
		devices[number] = NULL;
		device_delete(bench, number);
	} else {
		devices[number] = facet();
		device_set(bench, number, devices[number]);
	}
}

/* Whatever the way there, the host is as a fresh start would make it. */
static void test_random_changes(void)
{
	const char *devices[DEVICES] = {""};
	struct bench bench;

	bench_begin(&bench, 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		for (unsigned j = 0; j < 1 + unit_random() % 3; j++)
			random_change(&bench, devices);
		(void)nx_reconcile_apply(&bench.reconcile, NULL);
		if (bench.host.peers_fail != NX_OK || bench.reconcile.unsure) {
			bench.host.peers_fail = NX_OK;
			settle(&bench);
		}
		fresh_compare(&bench, devices);
	}
	bench_end(&bench);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"one change among ten thousand costs what it changes", test_one_change_among_many},
		{"a first configuration is a few sends", test_first_configuration_is_few_sends},
		{"a restart changes nothing", test_restart_changes_nothing},
		{"a restart mends what differs", test_restart_mends_what_differs},
		{"an endpoint that roamed is kept", test_roamed_endpoint_is_kept},
		{"a tunnel without handshakes", test_tunnel_without_handshakes},
		{"after a failure it looks again", test_failure_then_look},
		{"one bad key hurts nobody else", test_one_bad_key_hurts_nobody_else},
		{"an interface that went comes back", test_interface_comes_back},
		{"second addresses", test_second_addresses},
		{"a contested prefix has one owner", test_contested_prefix},
		{"a prefix is routed elsewhere", test_prefix_routed_elsewhere},
		{"a key moves to another device", test_key_moves_to_another_device},
		{"a family is lost and found", test_family_lost_and_found},
		{"a family that the kernel refuses", test_family_refused_by_the_kernel},
		{"a relay comes and goes", test_relay_comes_and_goes},
		{"this host becomes a spoke, then a relay", test_self_becomes_spoke_and_relay},
		{"random changes end as a fresh start would", test_random_changes},
		CU_TEST_INFO_NULL,
	};

	nx_secret_setup();
	return unit_run("agent reconcile", tests);
}
