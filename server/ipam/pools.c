/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ipam/pools.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/address.h"
#include "base/log.h"
#include "server/ipam/pools_inside.h"
#include "server/ipam/quarantine.h"

/* Seconds before a pool that was read in vain is read again: others may have ended leases. */
#define STALE_SECONDS 1

/* --- reading ------------------------------------------------------------------------- */

struct filling {
	struct nx_pool_entry *entry;
	unsigned refused;
	struct nx_error last;
};

/* Is it one of the organization's other prefix? */
static bool elsewhere(const struct nx_pool_entry *entry, const struct nx_address *address)
{
	return entry->shared && !nx_prefix_contains(&entry->prefix, address);
}

static bool lease_take(void *context, const struct nx_row *row)
{
	struct filling *filling = context;
	struct nx_address address;

	if (!nx_address_parse(nx_row_text(row, 0), &address))
		nx_fail(&filling->last, NX_INVALID, NULL, "no address: '%s'", nx_row_text(row, 0));
	else if (elsewhere(filling->entry, &address) ||
		 filling->entry->family->ops->pool_take(filling->entry->pool, &address, &filling->last) ==
			 NX_OK)
		return true;
	filling->refused++;
	return true;
}

/* A lease that the pool does not know as one of its addresses does no harm: it is never proposed. */
static void fill_warn(const struct filling *filling)
{
	char count[16];

	if (!filling->refused)
		return;
	snprintf(count, sizeof(count), "%u", filling->refused);
	nx_log(NX_LOG_WARNING, "stored leases do not fit their pool", "pool", filling->entry->key, "leases",
	       count, "last", filling->last.message, NULL);
}

const char *nx_pool_organization(const struct nx_pool_entry *entry)
{
	return strchr(entry->key, ' ') + 1;
}

enum nx_status nx_pool_read(struct nx_tx *tx, struct nx_pool_entry *entry, struct nx_error *error)
{
	const struct nx_family *family = entry->family;
	const char *organization_id = nx_pool_organization(entry);
	struct filling filling = {.entry = entry};
	enum nx_status status;

	nx_pool_drop(entry);
	status = family->ops->pool_open(family->instance, &entry->prefix, &entry->pool, error);
	if (status != NX_OK) {
		entry->pool = NULL;
		return status;
	}
	entry->generation++;
	nx_pool_hook_add(tx, entry, NX_POOL_READ, NULL);
	status = nx_sql_each(tx, error,
			     "SELECT address FROM leases WHERE organization_id = $1 AND family = $2",
			     NX_PARAMS(NX_TEXT(organization_id), NX_TEXT(family->key)), lease_take, &filling);
	if (status == NX_OK)
		status = nx_quarantine_fill(tx, entry, error);
	if (status == NX_OK)
		status = nx_rules_read(tx, entry, error);
	if (status != NX_OK)
		nx_pool_drop(entry);
	else
		fill_warn(&filling);
	return status;
}

enum nx_status nx_pool_open(struct nx_leases *leases, struct nx_tx *tx, const struct nx_lease_source *source,
			    const char *organization_id, struct nx_pool_entry **out, struct nx_error *error)
{
	struct nx_pool_entry *entry =
		nx_pool_entry_find(leases, source->family->key, source->second, organization_id);

	if (!entry)
		entry = nx_pool_entry_make(leases, source, organization_id);
	nx_pool_entry_touch(leases, entry);
	*out = entry;
	if (nx_prefix_compare(&entry->prefix, source->prefix) != 0)
		entry->last = (struct nx_address){0};
	else if (entry->pool && entry->shared == source->shared)
		return NX_OK;
	entry->prefix = *source->prefix;
	entry->shared = source->shared;
	return nx_pool_read(tx, entry, error);
}

enum nx_status nx_pool_prepare(struct nx_tx *tx, struct nx_pool_entry *entry,
			       const struct nx_lease_source *source, struct nx_error *error)
{
	enum nx_status status = NX_OK;

	entry->quarantined_until = source->quarantined;
	if (entry->changed != source->changed)
		status = nx_rules_read(tx, entry, error);
	if (status != NX_OK)
		return status;
	entry->changed = source->changed;
	return nx_quarantine_expire(tx, entry, error);
}

bool nx_pool_doubtful(const struct nx_tx *tx, const struct nx_pool_entry *entry)
{
	/* A lease that another server gives twice is refused by the table, an address in quarantine
	 * is not. */
	return entry->contradicted || entry->shared ||
	       (nx_tx_kind(tx) != NX_STORE_SQLITE && entry->quarantined_until > time(NULL));
}

static struct nx_pool_entry *entry_of(const struct nx_leases *leases, const struct nx_lease_source *source,
				      const char *organization_id)
{
	return nx_pool_entry_find(leases, source->family->key, source->second, organization_id);
}

const struct nx_address *nx_pool_last(const struct nx_leases *leases, const struct nx_lease_source *source,
				      const char *organization_id)
{
	const struct nx_pool_entry *entry = entry_of(leases, source, organization_id);

	if (!entry || !entry->last.length || nx_prefix_compare(&entry->prefix, source->prefix) != 0)
		return NULL;
	return &entry->last;
}

bool nx_pool_keeps_nothing(const struct nx_leases *leases, const struct nx_lease_source *source,
			   const char *organization_id)
{
	const struct nx_pool_entry *entry = entry_of(leases, source, organization_id);

	return entry && entry->changed == source->changed &&
	       nx_prefix_compare(&entry->prefix, source->prefix) == 0 && !entry->rules.kept_count &&
	       source->quarantined <= time(NULL);
}

static int64_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

bool nx_pool_may_be_stale(const struct nx_tx *tx, const struct nx_pool_entry *entry)
{
	return (entry->shared || nx_tx_kind(tx) != NX_STORE_SQLITE) &&
	       (!entry->exhausted_at || seconds_now() - entry->exhausted_at >= STALE_SECONDS);
}

void nx_pool_exhausted(struct nx_pool_entry *entry)
{
	entry->exhausted_at = seconds_now();
}
