/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/strategy/tests/fixture.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/ipam-v4/family.h"
#include "plugins/ipam-v6/family.h"
#include "plugins/ipam/pool.h"
#include "plugins/ipam/tests/fake_host.h"

static struct nx_host host;

struct asked asked_begin(const char *prefix)
{
	const struct nx_provide *provide = nexodus_plugin()->provides.rows;
	struct asked asked = {.plugin = nexodus_plugin(), .ops = provide->ops, .prefix = fake_prefix(prefix)};
	const struct ipam_family *family =
		asked.prefix.address.length == 4 ? &ipam_v4_family : &ipam_v6_family;
	struct nx_error error = {0};

	if (asked.plugin->load(&host, &fake_services, &asked.instance, &error) == NX_OK &&
	    ipam_pool_open(family, &fake_services, &asked.prefix, &asked.pool, &error) == NX_OK)
		return asked;
	fprintf(stderr, "%s: %s\n", prefix, error.message);
	abort();
}

void asked_end(struct asked *asked)
{
	ipam_pool_close(asked->pool);
	asked->plugin->unload(asked->instance);
}

static bool view_is_free(const struct nx_strategy_view *view, const struct nx_address *address)
{
	++*view->looks;
	if (ipam_pool_take(view->pool, address, NULL) != NX_OK)
		return false;
	ipam_pool_give(view->pool, address);
	return true;
}

static enum nx_status view_next_free(const struct nx_strategy_view *view, const struct nx_address *from,
				     struct nx_address *out, struct nx_error *error)
{
	++*view->looks;
	return ipam_pool_find(view->pool, from, out, error);
}

enum nx_status asked_choose(struct asked *asked, const char *organization, const char *key,
			    struct nx_address *out, struct nx_error *error)
{
	const struct nx_lease_request device = {
		.size = sizeof(device), .organization_id = organization, .public_key = key};
	const struct nx_strategy_view view = {.pool = asked->pool, .looks = &asked->looks};
	const struct nx_strategy_request request = {
		.size = sizeof(request),
		.family = "test",
		.prefix = &asked->prefix,
		.device = &device,
		.view = &view,
		.is_free = view_is_free,
		.next_free = view_next_free,
	};
	enum nx_status status;

	asked->looks = 0;
	status = asked->ops->choose(asked->instance, &request, out, error);
	if (status == NX_OK)
		CU_ASSERT_EQUAL_FATAL(ipam_pool_take(asked->pool, out, NULL), NX_OK);
	return status;
}

void asked_give(struct asked *asked, const struct nx_address *address)
{
	CU_ASSERT_EQUAL(ipam_pool_give(asked->pool, address), NX_OK);
}

void asked_exhaust(const char *prefix, unsigned capacity, unsigned looks)
{
	struct asked asked = asked_begin(prefix);
	struct nx_address address = {0}, again;
	struct nx_error error = {0};
	char key[16];

	for (unsigned i = 0; i < capacity; i++) {
		snprintf(key, sizeof(key), "%u", i);
		CU_ASSERT_EQUAL_FATAL(asked_choose(&asked, "o", key, &address, NULL), NX_OK);
		CU_ASSERT_TRUE_FATAL(asked.looks <= looks);
	}
	CU_ASSERT_EQUAL(asked_choose(&asked, "o", "more", &again, &error), NX_EXHAUSTED);
	CU_ASSERT_TRUE(asked.looks <= looks);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, prefix));
	asked_give(&asked, &address);
	CU_ASSERT_EQUAL(asked_choose(&asked, "o", "more", &again, NULL), NX_OK);
	CU_ASSERT_EQUAL(fake_services.address->address_compare(&address, &again), 0);
	asked_end(&asked);
}

void asked_covers(const char *prefix, unsigned addresses)
{
	struct asked asked = asked_begin(prefix);
	struct nx_address address, ever = {0}, always = {0};
	char key[16];

	memset(always.bytes, 0xff, sizeof(always.bytes));
	for (unsigned i = 0; i < addresses; i++) {
		snprintf(key, sizeof(key), "%u", i);
		CU_ASSERT_EQUAL_FATAL(asked_choose(&asked, "o", key, &address, NULL), NX_OK);
		for (unsigned at = 0; at < address.length; at++) {
			ever.bytes[at] |= address.bytes[at];
			always.bytes[at] &= address.bytes[at];
		}
	}
	for (unsigned bit = asked.prefix.bits; bit < asked.prefix.address.length * 8u; bit++) {
		CU_ASSERT_TRUE(ever.bytes[bit / 8] >> (7 - bit % 8) & 1);
		CU_ASSERT_FALSE(always.bytes[bit / 8] >> (7 - bit % 8) & 1);
	}
	asked_end(&asked);
}
