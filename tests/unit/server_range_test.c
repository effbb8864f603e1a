/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges beside a model that looks at each address, and the search that skips them. */
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/ipam/pools.h"
#include "tests/unit/unit.h"

/* --- text -------------------------------------------------------------------------------------- */

static void test_text(void)
{
	static const struct {
		const char *text, *shown; /* NULL: refused */
		const char *says;
	} rows[] = {
		{"10.0.0.7", "10.0.0.7", NULL},
		{"10.0.0.7-10.0.0.7", "10.0.0.7", NULL},
		{"10.0.0.0/30", "10.0.0.0-10.0.0.3", NULL},
		{"10.0.0.9/32", "10.0.0.9", NULL},
		{"0.0.0.0/0", "0.0.0.0-255.255.255.255", NULL},
		{"fd00::/63", "fd00::-fd00::1:ffff:ffff:ffff:ffff", NULL},
		{"fd00::9-fd00::ff", "fd00::9-fd00::ff", NULL},
		{"fd00::1/64", NULL, "write fd00::/64, or fd00::1"},
		{"10.0.0.9-10.0.0.8", NULL, "write 10.0.0.8-10.0.0.9"},
		{"10.0.0.9-fd00::1", NULL, "another"},
		{"10.0.0.9-", NULL, "FIRST-LAST"},
		{"-10.0.0.9", NULL, "FIRST-LAST"},
		{"10.0.0.9-10.0.0.10-10.0.0.11", NULL, "FIRST-LAST"},
		{"10.0.0.0/24-10.0.1.0/24", NULL, "FIRST-LAST"},
		{"10.0.0.0/33", NULL, "neither an address"},
		{"", NULL, "neither an address"},
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		struct nx_error error = {0};
		struct nx_range range;
		char text[NX_RANGE_TEXT];
		enum nx_status status = nx_range_read(rows[i].text, "range", &range, &error);

		UNIT_ASSERT_ROW(status == (rows[i].shown ? NX_OK : NX_INVALID), rows[i].text);
		if (status == NX_OK) {
			CU_ASSERT_STRING_EQUAL(nx_range_format(&range, text), rows[i].shown);
		} else {
			UNIT_ASSERT_HOLDS(error.message, rows[i].says);
		}
	}
}

/* --- arithmetic -------------------------------------------------------------------------------- */

static struct nx_range range_of(const char *text)
{
	struct nx_range range = {0};

	CU_ASSERT_EQUAL_FATAL(nx_range_read(text, "", &range, NULL), NX_OK);
	return range;
}

static void test_arithmetic(void)
{
	const struct nx_range all = range_of("::/0"), one = range_of("10.0.0.255");
	struct nx_range range = range_of("10.0.0.255-10.1.0.0");
	struct nx_address next = {0};

	CU_ASSERT_EQUAL(nx_range_size(&one), 1);
	CU_ASSERT_EQUAL(nx_range_size(&range), 0x10000 - 0xff + 1);
	CU_ASSERT_EQUAL(nx_range_size(&all), UINT64_MAX);
	range = range_of("::/64");
	CU_ASSERT_EQUAL(nx_range_size(&range), UINT64_MAX);
	range = range_of("::/65");
	CU_ASSERT_EQUAL(nx_range_size(&range), UINT64_C(1) << 63);
	CU_ASSERT_FALSE(nx_address_next(&all.last, &next));
	CU_ASSERT_FALSE(nx_address_previous(&all.first, &next));
	CU_ASSERT_EQUAL(next.length, 0);
	CU_ASSERT_TRUE(nx_address_next(&one.last, &next));
	range = range_of("10.0.1.0");
	CU_ASSERT_EQUAL(nx_address_compare(&next, &range.first), 0);
	CU_ASSERT_TRUE(nx_address_previous(&next, &next));
	CU_ASSERT_EQUAL(nx_address_compare(&next, &one.last), 0);
	CU_ASSERT_FALSE(nx_range_contains(&all, &one.first)); /* of another family */
	CU_ASSERT_FALSE(nx_range_overlaps(&all, &one));
}

/* --- what is open: a /25, address by address --------------------------------------------------- */

#define HOSTS 128
static const struct nx_prefix prefix = {.address = {.length = 4, .bytes = {10, 0, 0, 128}}, .bits = 25};

static struct nx_address host_address(int host)
{
	return (struct nx_address){.length = 4, .bytes = {10, 0, 0, (uint8_t)(HOSTS + host)}};
}

/* Up to `count` ranges, which may reach out of the prefix at its beginning, and what the model holds of them.
 */
static void ranges_draw(struct nx_ranges *ranges, size_t count, bool model[static HOSTS])
{
	memset(model, 0, HOSTS);
	for (size_t i = 0; i < count; i++) {
		int first = (int)(unit_random() % (HOSTS + 20)) - 20;
		int last = first + (int)(unit_random() % 30);
		struct nx_range range;

		last = last < HOSTS ? last : HOSTS - 1;
		range = (struct nx_range){host_address(first), host_address(last)};
		nx_ranges_add(ranges, &range);
		for (int host = first < 0 ? 0 : first; host <= last; host++)
			model[host] = true;
	}
	nx_ranges_settle(ranges);
}

static void ranges_check(const struct nx_ranges *ranges)
{
	for (size_t i = 1; i < ranges->count; i++) {
		struct nx_address after;

		CU_ASSERT_TRUE_FATAL(nx_address_next(&ranges->range[i - 1].last, &after));
		CU_ASSERT_TRUE_FATAL(nx_address_compare(&after, &ranges->range[i].first) < 0);
	}
}

static bool any_of(const bool model[static HOSTS])
{
	return memchr(model, true, HOSTS) != NULL;
}

static void test_open(void)
{
	for (int round = 0; round < 2000; round++) {
		struct nx_ranges given = {0}, closed = {0}, open = {0};
		bool model_given[HOSTS], model_closed[HOSTS];

		ranges_draw(&given, unit_random() % 4, model_given);
		ranges_draw(&closed, unit_random() % 6, model_closed);
		nx_ranges_open(&prefix, &given, &closed, &open);
		ranges_check(&given);
		ranges_check(&closed);
		ranges_check(&open);
		for (int host = 0; host < HOSTS; host++) {
			const struct nx_address address = host_address(host);
			bool expected = (model_given[host] || !any_of(model_given)) && !model_closed[host];

			CU_ASSERT_EQUAL_FATAL(nx_ranges_contain(&open, &address), expected);
		}
		nx_ranges_clear(&given);
		nx_ranges_clear(&closed);
		nx_ranges_clear(&open);
	}
}

/* --- the search, in a pool that counts how often it is asked ----------------------------------- */

struct nx_pool {
	bool taken[HOSTS];
	unsigned asked;
};

static enum nx_status pool_find(struct nx_pool *pool, const struct nx_address *from, struct nx_address *out,
				struct nx_error *error)
{
	int begin = from->bytes[3] - HOSTS;

	pool->asked++;
	for (int i = 0; i < HOSTS; i++) {
		int host = (begin + i) % HOSTS;

		if (pool->taken[host])
			continue;
		*out = host_address(host);
		return NX_OK;
	}
	return nx_fail(error, NX_EXHAUSTED, NULL, "none left");
}

static const struct nx_ipam_ops ops = {.size = sizeof(ops), .address_length = 4, .pool_find = pool_find};
static const struct nx_family family = {.key = "test", .ops = &ops};

static int model_find(const struct nx_pool *pool, const struct nx_pool_entry *entry, int from)
{
	for (int i = 0; i < HOSTS; i++) {
		const struct nx_address address = host_address((from + i) % HOSTS);

		if (!pool->taken[(from + i) % HOSTS] && nx_rules_open(&entry->rules, &address))
			return (from + i) % HOSTS;
	}
	return -1;
}

static void search_check(struct nx_pool_entry *entry, struct nx_pool *pool)
{
	for (int from = 0; from < HOSTS; from++) {
		const struct nx_address begin = host_address(from);
		int expected = model_find(pool, entry, from);
		struct nx_address found = {0};
		enum nx_status status;

		pool->asked = 0;
		status = nx_rules_find(entry, &begin, &found, NULL);
		CU_ASSERT_EQUAL_FATAL(status, expected < 0 ? NX_EXHAUSTED : NX_OK);
		if (expected >= 0) {
			CU_ASSERT_EQUAL_FATAL(found.bytes[3], HOSTS + expected);
		}
		/* By ranges, not by addresses: each at most once upwards and once from the beginning. */
		CU_ASSERT_TRUE_FATAL(pool->asked <= 2 * entry->rules.open.count + 2);
	}
}

static void test_search(void)
{
	struct nx_pool_entry *entry = nx_alloc(sizeof(*entry) + 1);
	struct nx_pool pool;

	entry->family = &family;
	entry->pool = &pool;
	entry->prefix = prefix;
	for (int round = 0; round < 500; round++) {
		struct nx_ranges given = {0};
		uint64_t fullness = unit_random() % 5;
		bool model[HOSTS];

		entry->rules.limited = true;
		ranges_draw(&given, unit_random() % 3, model);
		ranges_draw(&entry->rules.closed, unit_random() % 6, model);
		nx_ranges_open(&prefix, &given, &entry->rules.closed, &entry->rules.open);
		for (int host = 0; host < HOSTS; host++)
			pool.taken[host] = unit_random() % 4 < fullness;
		search_check(entry, &pool);
		nx_ranges_clear(&given);
		nx_rules_clear(&entry->rules);
	}
	free(entry);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"text", test_text},	     {"arithmetic", test_arithmetic},
		{"what is open", test_open}, {"search", test_search},
		CU_TEST_INFO_NULL,
	};

	return unit_run("ranges", tests);
}
