/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ipam/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/ipam/lease_inside.h"

void nx_rules_clear(struct nx_rules *rules)
{
	nx_ranges_clear(&rules->open);
	nx_ranges_clear(&rules->closed);
	free(rules->kept);
	*rules = (struct nx_rules){0};
}

/* --- asking them ------------------------------------------------------------------------------- */

bool nx_rules_open(const struct nx_rules *rules, const struct nx_address *address)
{
	return !rules->limited || nx_ranges_contain(&rules->open, address);
}

const struct nx_range *nx_rules_closed(const struct nx_rules *rules, const struct nx_address *address)
{
	const struct nx_range *range = nx_ranges_from(&rules->closed, address);

	return range && nx_range_contains(range, address) ? range : NULL;
}

static int address_order(const void *a, const void *b)
{
	return nx_address_compare(a, b);
}

bool nx_rules_kept(const struct nx_rules *rules, const struct nx_address *address)
{
	return rules->kept_count &&
	       bsearch(address, rules->kept, rules->kept_count, sizeof(*rules->kept), address_order) != NULL;
}

/*
 * The lowest free address from `from` up to the prefix's end that is open. Each step goes on to
 * another range, or ends: their number bounds it, not what they hold.
 */
static enum nx_status find_upwards(const struct nx_pool_entry *entry, struct nx_address from,
				   struct nx_address *out, bool *found, struct nx_error *error)
{
	const struct nx_ranges *open = &entry->rules.open;
	const struct nx_range *range;
	struct nx_address address;

	*found = false;
	while ((range = nx_ranges_from(open, &from))) {
		enum nx_status status;

		if (nx_address_compare(&from, &range->first) < 0)
			from = range->first;
		status = entry->family->ops->pool_find(entry->pool, &from, &address, error);
		if (status != NX_OK)
			return status;
		if (nx_address_compare(&address, &from) < 0)
			return NX_OK; /* nothing is free up to the end */
		if (nx_range_contains(range, &address)) {
			*out = address;
			*found = true;
			return NX_OK;
		}
		from = address;
	}
	return NX_OK;
}

enum nx_status nx_rules_find(const struct nx_pool_entry *entry, const struct nx_address *from,
			     struct nx_address *out, struct nx_error *error)
{
	char prefix[NX_ADDRESS_TEXT];
	bool found = false;
	enum nx_status status = find_upwards(entry, *from, out, &found, error);

	if (status == NX_OK && !found)
		status = find_upwards(entry, nx_prefix_mask(&entry->prefix).address, out, &found, error);
	if (status == NX_OK && !found)
		return nx_fail(error, NX_EXHAUSTED, NULL, "no address of %s that may be given is free",
			       nx_prefix_format(&entry->prefix, prefix));
	return status;
}

/* --- reading them ------------------------------------------------------------------------------ */

struct reading {
	struct nx_range whole; /* the prefix: what lies outside of it counts for nothing */
	struct nx_ranges given, closed, kept;
};

static void reading_clear(struct reading *reading)
{
	nx_ranges_clear(&reading->given);
	nx_ranges_clear(&reading->closed);
	nx_ranges_clear(&reading->kept);
}

/* What is no range, or of another kind than we know, was not written by us: no rule. */
static bool rule_take(void *context, const struct nx_row *row)
{
	struct reading *reading = context;
	const char *kind = nx_row_text(row, 0);
	struct nx_range range;

	if (!nx_range_parse(nx_row_text(row, 1), nx_row_text(row, 2), &range) ||
	    !nx_range_overlaps(&range, &reading->whole))
		return true;
	if (strcmp(kind, NX_RESERVED) == 0)
		nx_ranges_add(&reading->closed, &range);
	else if (strcmp(kind, NX_ALLOCATION) == 0)
		nx_ranges_add(&reading->given, &range);
	else if (strcmp(kind, NX_STATIC) == 0)
		nx_ranges_add(&reading->kept, &range);
	return true;
}

static void kept_sort(const struct nx_ranges *kept, struct nx_rules *out)
{
	out->kept = nx_alloc_array(kept->count + 1, sizeof(*out->kept));
	out->kept_count = kept->count;
	for (size_t i = 0; i < kept->count; i++)
		out->kept[i] = kept->range[i].first;
	qsort(out->kept, out->kept_count, sizeof(*out->kept), address_order);
}

enum nx_status nx_rules_load(struct nx_tx *tx, const char *organization_id, const char *family,
			     const struct nx_prefix *prefix, struct nx_rules *out, struct nx_error *error)
{
	struct reading reading = {.whole = nx_range_of(prefix)};
	enum nx_status status =
		nx_sql_each(tx, error,
			    "SELECT kind, first_address, last_address FROM reservations"
			    " WHERE organization_id = $1 AND family = $2",
			    NX_PARAMS(NX_TEXT(organization_id), NX_TEXT(family)), rule_take, &reading);

	if (status == NX_OK) {
		kept_sort(&reading.kept, out);
		nx_ranges_settle(&reading.given);
		nx_ranges_settle(&reading.closed);
		out->limited = reading.given.count || reading.closed.count;
		if (out->limited)
			nx_ranges_open(prefix, &reading.given, &reading.closed, &out->open);
		out->closed = reading.closed;
		reading.closed = (struct nx_ranges){0};
	}
	reading_clear(&reading);
	return status;
}

/* An address that is kept no longer goes back to the pool, unless it has a lease. */
static enum nx_status kept_release(struct nx_tx *tx, struct nx_pool_entry *entry,
				   const struct nx_address *address, struct nx_error *error)
{
	bool held = true;
	enum nx_status status = nx_address_held(tx, nx_pool_organization(entry), address, &held, error);

	if (status == NX_OK && !held)
		entry->family->ops->pool_give(entry->pool, address);
	return status;
}

/* Take what is kept from now on, give back what no longer is. Both are in order. */
static enum nx_status kept_agree(struct nx_tx *tx, struct nx_pool_entry *entry, const struct nx_rules *fresh,
				 struct nx_error *error)
{
	const struct nx_rules *rules = &entry->rules;
	const struct nx_address *kept = fresh->kept;
	const size_t count = fresh->kept_count;
	enum nx_status status = NX_OK;
	size_t before = 0, now = 0;

	while (status == NX_OK && (before < rules->kept_count || now < count)) {
		int order = before == rules->kept_count ? 1
			    : now == count		? -1
					   : nx_address_compare(&rules->kept[before], &kept[now]);

		if (order < 0)
			status = kept_release(tx, entry, &rules->kept[before], error);
		else if (order > 0) /* taken already: by a lease, or in quarantine */
			entry->family->ops->pool_take(entry->pool, &kept[now], NULL);
		before += order <= 0;
		now += order >= 0;
	}
	return status;
}

enum nx_status nx_rules_read(struct nx_tx *tx, struct nx_pool_entry *entry, struct nx_error *error)
{
	struct nx_rules fresh = {0};
	enum nx_status status = nx_rules_load(tx, nx_pool_organization(entry), entry->family->key,
					      &entry->prefix, &fresh, error);

	if (status != NX_OK)
		return status;
	nx_pool_ruled(tx, entry);
	status = kept_agree(tx, entry, &fresh, error);
	nx_rules_clear(&entry->rules);
	entry->rules = fresh;
	if (status != NX_OK)
		nx_pool_drop(entry);
	return status;
}
