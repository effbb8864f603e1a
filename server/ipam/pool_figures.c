/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ipam/pool_figures.h"

#include <time.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/ipam/rules.h"

/* A pool of our own, which stays empty: it says what the family gives at all. */
struct figuring {
	const struct nx_ipam_ops *ops;
	const struct nx_prefix *prefix;
	struct nx_pool *pool;
	struct nx_rules rules;
	uint64_t busy;	 /* addresses of those that are open which are not free */
	uint64_t kept;	 /* and of these, the ones that are reserved for a device without a lease */
	uint64_t inside; /* leases and quarantines in what is not open */
};

static void figuring_clean(struct figuring *figuring)
{
	if (figuring->pool)
		figuring->ops->pool_close(figuring->pool);
	nx_rules_clear(&figuring->rules);
}

/* --- what there is to give --------------------------------------------------------------------- */

/* Is there an address from `from` to the end of the range that is given? Then *out is the lowest. */
static bool given_from(const struct figuring *figuring, const struct nx_address *from,
		       const struct nx_range *range, struct nx_address *out)
{
	struct nx_address found;

	if (figuring->ops->pool_find(figuring->pool, from, &found, NULL) != NX_OK ||
	    nx_address_compare(&found, from) < 0 || !nx_range_contains(range, &found))
		return false;
	*out = found;
	return true;
}

/* The last address of the range that is given, by halves: `first` is given. */
static struct nx_address given_last(const struct figuring *figuring, const struct nx_range *range,
				    const struct nx_address *first)
{
	struct nx_address last = *first, trial, found;

	for (unsigned bit = 0; bit < last.length * 8u; bit++) {
		/* With the bits so far as they are and this one set: is there any from there on? */
		trial = last;
		trial.bytes[bit / 8] = (uint8_t)(trial.bytes[bit / 8] | 0x80u >> bit % 8);
		for (unsigned low = bit + 1; low < trial.length * 8u; low++)
			trial.bytes[low / 8] = (uint8_t)(trial.bytes[low / 8] & ~(0x80u >> low % 8));
		if (nx_address_compare(&trial, &last) > 0 && nx_range_contains(range, &trial) &&
		    given_from(figuring, &trial, range, &found))
			last = found;
	}
	return last;
}

/* What a family never gives lies at the ends of its prefixes, as a rule: inside a range it is not
 * looked for. */
static uint64_t given_count(const struct figuring *figuring, const struct nx_range *range)
{
	struct nx_range given;

	if (!given_from(figuring, &range->first, range, &given.first))
		return 0;
	given.last = given_last(figuring, range, &given.first);
	return nx_range_size(&given);
}

static uint64_t ranges_count(const struct figuring *figuring, const struct nx_ranges *ranges)
{
	uint64_t sum = 0;

	for (size_t i = 0; figuring->ops->pool_find && i < ranges->count; i++) {
		const uint64_t count = given_count(figuring, &ranges->range[i]);

		sum = count > UINT64_MAX - sum ? UINT64_MAX : sum + count;
	}
	return sum;
}

/* --- what of it is not free -------------------------------------------------------------------- */

static bool busy_note(void *context, const struct nx_row *row)
{
	struct figuring *figuring = context;
	const bool kept = nx_row_integer(row, 1) != 0;
	struct nx_address address;

	if (!nx_address_parse(nx_row_text(row, 0), &address) ||
	    !nx_prefix_contains(figuring->prefix, &address))
		return true;
	if (!nx_rules_open(&figuring->rules, &address)) {
		figuring->inside += !kept;
		return true;
	}
	figuring->busy++;
	figuring->kept += kept;
	return true;
}

static enum nx_status busy_count(struct figuring *figuring, struct nx_tx *tx, const char *organization_id,
				 const struct nx_family *family, struct nx_error *error)
{
	const struct nx_value organization = NX_TEXT(organization_id), key = NX_TEXT(family->key);

	return nx_sql_each(
		tx, error,
		"SELECT address, 0 FROM leases WHERE organization_id = $1 AND family = $2"
		" UNION ALL SELECT r.first_address, 1 FROM reservations r"
		" WHERE r.organization_id = $3 AND r.family = $4 AND r.kind = '" NX_STATIC "'"
		" AND NOT EXISTS (SELECT 1 FROM leases l WHERE"
		" l.organization_id = r.organization_id AND l.address = r.first_address)"
		" UNION ALL SELECT address, 0 FROM quarantine WHERE organization_id = $5"
		" AND family = $6 AND ends_at > $7",
		NX_PARAMS(organization, key, organization, key, organization, key, NX_INT(time(NULL))),
		busy_note, figuring);
}

struct inside {
	const struct nx_prefix *prefix;
	uint64_t count[2]; /* leases, quarantines */
};

static bool inside_note(void *context, const struct nx_row *row)
{
	struct inside *inside = context;
	struct nx_address address;

	if (nx_address_parse(nx_row_text(row, 0), &address) && nx_prefix_contains(inside->prefix, &address))
		inside->count[nx_row_integer(row, 1) != 0]++;
	return true;
}

/* One by one, as long as there are some in another prefix. */
static enum nx_status inside_count(struct nx_tx *tx, const char *organization_id, const char *family,
				   const struct nx_prefix *prefix, struct nx_pool_figures *out,
				   struct nx_error *error)
{
	const struct nx_value organization = NX_TEXT(organization_id), key = NX_TEXT(family);
	struct inside inside = {.prefix = prefix};
	enum nx_status status = nx_sql_each(
		tx, error,
		"SELECT address, 0 FROM leases WHERE organization_id = $1 AND family = $2"
		" UNION ALL SELECT address, 1 FROM quarantine WHERE organization_id = $3 AND family = $4"
		" AND ends_at > $5",
		NX_PARAMS(organization, key, organization, key, NX_INT(time(NULL))), inside_note, &inside);

	out->taken = inside.count[0];
	out->quarantined = inside.count[1];
	return status;
}

static enum nx_status counts_read(struct nx_tx *tx, const char *organization_id, const char *family,
				  struct nx_pool_figures *out, struct nx_error *error)
{
	const struct nx_value organization = NX_TEXT(organization_id), key = NX_TEXT(family);
	int64_t taken = 0, quarantined = 0;
	enum nx_status status = nx_sql_integer(
		tx, error, "SELECT COUNT(*) FROM leases WHERE organization_id = $1 AND family = $2",
		NX_PARAMS(organization, key), &taken);

	if (status == NX_OK)
		status = nx_sql_integer(tx, error,
					"SELECT COUNT(*) FROM quarantine WHERE organization_id = $1"
					" AND family = $2 AND ends_at > $3",
					NX_PARAMS(organization, key, NX_INT(time(NULL))), &quarantined);
	out->taken = (uint64_t)taken;
	out->quarantined = (uint64_t)quarantined;
	return status;
}

/* --- all of it --------------------------------------------------------------------------------- */

static uint64_t minus(uint64_t a, uint64_t b)
{
	if (a == UINT64_MAX)
		return a;
	return a > b ? a - b : 0;
}

static void ranges_figure(const struct figuring *figuring, struct nx_pool_figures *out)
{
	const struct nx_rules *rules = &figuring->rules;
	struct nx_ranges rest = {0};

	out->free = minus(out->capacity, figuring->busy);
	out->reserved = figuring->kept;
	if (!rules->limited)
		return;
	nx_ranges_open(figuring->prefix, &(struct nx_ranges){0}, &rules->open, &rest);
	out->free = minus(ranges_count(figuring, &rules->open), figuring->busy);
	out->reserved = minus(ranges_count(figuring, &rest), figuring->inside);
	if (out->reserved != UINT64_MAX)
		out->reserved += figuring->kept;
	nx_ranges_clear(&rest);
}

/* Without rules there is nothing to look at one by one. */
static enum nx_status rules_figure(struct figuring *figuring, struct nx_tx *tx, const char *organization_id,
				   const struct nx_family *family, struct nx_pool_figures *out,
				   struct nx_error *error)
{
	enum nx_status status = NX_OK;

	if (figuring->rules.limited || figuring->rules.kept_count)
		status = busy_count(figuring, tx, organization_id, family, error);
	else
		figuring->busy = out->taken + out->quarantined;
	if (status == NX_OK)
		ranges_figure(figuring, out);
	return status;
}

/* Does the organization have no addresses of the family but in this prefix? */
static bool only_prefix(const struct nx_family *family, const struct nx_value *organization,
			const struct nx_prefix *prefix)
{
	struct nx_prefix first;

	return !nx_organization_second(family, organization)[0] &&
	       nx_prefix_parse(organization[family->organization_prefix].text, &first) &&
	       nx_prefix_compare(&first, prefix) == 0;
}

enum nx_status nx_pool_figures(struct nx_tx *tx, const struct nx_family *family,
			       const struct nx_value *organization, const struct nx_prefix *prefix,
			       struct nx_pool_figures *out, struct nx_error *error)
{
	NX_CLEANUP(figuring_clean) struct figuring figuring = {.ops = family->ops, .prefix = prefix};
	const char *organization_id = organization[NX_ORGANIZATION_ID].text;
	struct nx_pool_usage usage = {.size = sizeof(usage)};
	struct nx_pool_figures figures = {0};
	enum nx_status status = family->ops->pool_open(family->instance, prefix, &figuring.pool, error);

	if (status != NX_OK)
		return status;
	family->ops->pool_usage(figuring.pool, &usage);
	figures.capacity = usage.capacity;
	status = nx_rules_load(tx, organization_id, family->key, prefix, &figuring.rules, error);
	if (status == NX_OK && !only_prefix(family, organization, prefix))
		status = inside_count(tx, organization_id, family->key, prefix, &figures, error);
	else if (status == NX_OK)
		status = counts_read(tx, organization_id, family->key, &figures, error);
	if (status == NX_OK)
		status = rules_figure(&figuring, tx, organization_id, family, &figures, error);
	if (status == NX_OK)
		*out = figures;
	return status;
}
