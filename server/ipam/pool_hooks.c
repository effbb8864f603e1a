/* SPDX-License-Identifier: Apache-2.0 */
/* What transactions did to pools, and what is made of it when they end. */
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/ipam/pools_inside.h"

struct pool_hook {
	struct nx_pool_entry *entry;
	enum nx_pool_deed deed;
	unsigned generation;
	struct nx_address address;
};

/* Is what the pool knows not to be relied on after such an end? */
static bool pool_spoilt(enum nx_pool_deed deed, enum nx_tx_end end)
{
	/* One that was filled during the transaction holds what that saw, which is not so. */
	return end == NX_TX_UNKNOWN || (deed == NX_POOL_READ && end == NX_TX_ROLLED_BACK);
}

/* Is the address free after such an end? */
static bool address_freed(enum nx_pool_deed deed, enum nx_tx_end end)
{
	return (deed == NX_POOL_TAKEN && end == NX_TX_ROLLED_BACK) ||
	       (deed == NX_POOL_GIVEN && end == NX_TX_COMMITTED);
}

/* Is it a device's? One before it in the same group of commands may have given it back. */
static bool address_held(enum nx_pool_deed deed, enum nx_tx_end end)
{
	return (deed == NX_POOL_TAKEN || deed == NX_POOL_CLAIMED) && end == NX_TX_COMMITTED;
}

static void hook_run(void *context, enum nx_tx_end end)
{
	struct pool_hook *hook = context;
	struct nx_pool_entry *entry = hook->entry;

	entry->pending--;
	if (entry->pool && hook->generation == entry->generation) {
		if (pool_spoilt(hook->deed, end))
			nx_pool_drop(entry);
		else if (hook->deed == NX_POOL_RULES_READ && end == NX_TX_ROLLED_BACK)
			entry->changed = -1;
		/* Unless it is reserved for a device, by then or as before. */
		else if (address_freed(hook->deed, end) && !nx_rules_kept(&entry->rules, &hook->address))
			entry->family->ops->pool_give(entry->pool, &hook->address);
		else if (address_held(hook->deed, end))
			entry->family->ops->pool_take(entry->pool, &hook->address, NULL);
	}
	free(hook);
}

void nx_pool_hook_add(struct nx_tx *tx, struct nx_pool_entry *entry, enum nx_pool_deed deed,
		      const struct nx_address *address)
{
	struct pool_hook *hook = nx_alloc(sizeof(*hook));

	*hook = (struct pool_hook){.entry = entry, .deed = deed, .generation = entry->generation};
	if (address)
		hook->address = *address;
	entry->pending++;
	nx_tx_at_end(tx, hook_run, hook);
}

void nx_pool_taken(struct nx_tx *tx, struct nx_pool_entry *entry, const struct nx_address *address)
{
	entry->last = *address;
	nx_pool_hook_add(tx, entry, NX_POOL_TAKEN, address);
}

void nx_pool_claimed(struct nx_tx *tx, struct nx_pool_entry *entry, const struct nx_address *address)
{
	nx_pool_hook_add(tx, entry, NX_POOL_CLAIMED, address);
}

void nx_pool_given(struct nx_leases *leases, struct nx_tx *tx, const char *family,
		   const char *organization_id, const struct nx_address *address)
{
	/* A pool that does not have it, the other prefix's, takes no notice. */
	for (int second = 0; second < 2; second++) {
		struct nx_pool_entry *entry = nx_pool_entry_find(leases, family, second, organization_id);

		if (entry && entry->pool)
			nx_pool_hook_add(tx, entry, NX_POOL_GIVEN, address);
	}
}

void nx_pool_ruled(struct nx_tx *tx, struct nx_pool_entry *entry)
{
	nx_pool_hook_add(tx, entry, NX_POOL_RULES_READ, NULL);
}

/* --- the end of an organization -------------------------------------------------------- */

struct end_hook {
	struct nx_leases *leases;
	char organization_id[];
};

static void end_run(void *context, enum nx_tx_end end)
{
	struct end_hook *hook = context;
	const struct nx_fields *fields = hook->leases->server->fields;

	for (size_t i = 0; end != NX_TX_ROLLED_BACK && i < 2 * fields->family_count; i++) {
		struct nx_pool_entry *entry = nx_pool_entry_find(hook->leases, fields->family[i / 2].key,
								 i % 2, hook->organization_id);

		if (entry && !entry->pending)
			nx_pool_entry_free(hook->leases, entry);
		else if (entry)
			nx_pool_drop(entry);
	}
	free(hook);
}

void nx_pools_end(struct nx_leases *leases, struct nx_tx *tx, const char *organization_id)
{
	size_t length = strlen(organization_id) + 1;
	struct end_hook *hook = nx_alloc(sizeof(*hook) + length);

	hook->leases = leases;
	memcpy(hook->organization_id, organization_id, length);
	nx_tx_at_end(tx, end_run, hook);
}
