/* SPDX-License-Identifier: Apache-2.0 */
#include "../peers.h"

#include <string.h>

#include <CUnit/Basic.h>

#include "fake_host.h"
#include "suites.h"

#define GOOD "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="
#define LOW_ORDER "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static size_t applied;

static enum nx_status count_apply(const struct wg_driver *driver, const struct wg_tunnel *tunnel,
				  const struct nx_peer_change *changes, const struct wg_key *keys,
				  size_t count, struct nx_error *error)
{
	(void)driver;
	(void)tunnel;
	(void)changes;
	(void)keys;
	(void)error;
	applied += count;
	return NX_OK;
}

static const struct wg_backend backend = {.name = "none", .apply = count_apply};
static struct wg_driver driver = {.services = &fake_services, .tunnel = {.backend = &backend, .name = "wg0"}};

static void test_no_interface(void)
{
	const struct wg_driver idle = {.services = &fake_services};

	CU_ASSERT_EQUAL(wg_peers_apply(&idle, NULL, 0, NULL), NX_UNAVAILABLE);
	CU_ASSERT_EQUAL(wg_peers_observe(&idle, NULL, NULL, NULL), NX_UNAVAILABLE);
	CU_ASSERT_EQUAL(wg_peers_status(&idle, NULL, NULL, NULL), NX_UNAVAILABLE);
}

/* One change that is wrong among right ones: nothing is applied, and the error names it. */
static void refused(const struct nx_peer_change *wrong)
{
	const struct nx_peer_change changes[] = {{NX_PEER_SET, false, {.public_key = GOOD}}, *wrong};
	struct nx_error error = {0};

	applied = 0;
	CU_ASSERT_EQUAL(wg_peers_apply(&driver, changes, 2, &error), NX_INVALID);
	CU_ASSERT_EQUAL(applied, 0);
	CU_ASSERT_EQUAL(strncmp(error.id, wrong->peer.public_key, sizeof(error.id) - 1), 0);
	CU_ASSERT_EQUAL(wg_peers_apply(&driver, changes, 2, NULL), NX_INVALID);
}

static void test_wrong_changes(void)
{
	const struct nx_prefix odd = {{5, {0}}, 0};
	const struct nx_prefix empty = {{0, {0}}, 0};
	const struct nx_prefix long_v4 = {{4, {0}}, 33};
	const struct nx_prefix long_v6 = {{16, {0}}, 129};

	refused(&(struct nx_peer_change){NX_PEER_SET, false, {.public_key = LOW_ORDER}});
	refused(&(struct nx_peer_change){NX_PEER_SET, false, {.public_key = ""}});
	refused(&(struct nx_peer_change){NX_PEER_REMOVE, false, {.public_key = "x\ny"}});
	refused(&(struct nx_peer_change){.peer = {.public_key = GOOD}});
	refused(&(struct nx_peer_change){NX_PEER_SET, true, {.public_key = GOOD, .endpoint = {{7, {0}}, 1}}});
	refused(&(struct nx_peer_change){
		NX_PEER_SET, false, {.public_key = GOOD, .prefixes = &odd, .prefix_count = 1}});
	refused(&(struct nx_peer_change){
		NX_PEER_SET, false, {.public_key = GOOD, .prefixes = &empty, .prefix_count = 1}});
	refused(&(struct nx_peer_change){
		NX_PEER_SET, false, {.public_key = GOOD, .prefixes = &long_v4, .prefix_count = 1}});
	refused(&(struct nx_peer_change){
		NX_PEER_SET, false, {.public_key = GOOD, .prefixes = &long_v6, .prefix_count = 1}});
}

static void test_right_changes(void)
{
	const struct nx_prefix all = {{4, {0}}, 0};
	const struct nx_peer_change changes[] = {
		{NX_PEER_SET, false, {.public_key = GOOD, .prefixes = &all, .prefix_count = 1}},
		{NX_PEER_SET, false, {.public_key = GOOD, .endpoint = {{7, {0}}, 1}}}, /* not sent */
		{NX_PEER_REMOVE, false, {.public_key = LOW_ORDER}},		       /* whoever added it */
	};

	applied = 0;
	CU_ASSERT_EQUAL(wg_peers_apply(&driver, changes, 3, NULL), NX_OK);
	CU_ASSERT_EQUAL(applied, 3);
}

void peers_suite(void)
{
	CU_pSuite suite = CU_add_suite("peers", NULL, NULL);

	CU_add_test(suite, "no interface is up", test_no_interface);
	CU_add_test(suite, "wrong changes", test_wrong_changes);
	CU_add_test(suite, "right changes", test_right_changes);
}
