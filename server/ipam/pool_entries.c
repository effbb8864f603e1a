/* SPDX-License-Identifier: Apache-2.0 */
/* The open pools: an entry for each, found by organization and family, in order of their last use. */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "server/ipam/pools_inside.h"

/* Pools that are kept open at most; those used last stay. */
#define POOL_LIMIT 4096

struct nx_leases *nx_leases_new(struct nx_server *server)
{
	struct nx_leases *leases = nx_alloc(sizeof(*leases));

	leases->server = server;
	return leases;
}

/* --- in order of their last use ------------------------------------------------------- */

static void entry_unlink(struct nx_leases *leases, struct nx_pool_entry *entry)
{
	*(entry->older ? &entry->older->newer : &leases->oldest) = entry->newer;
	*(entry->newer ? &entry->newer->older : &leases->newest) = entry->older;
}

static void entry_link(struct nx_leases *leases, struct nx_pool_entry *entry)
{
	entry->newer = NULL;
	entry->older = leases->newest;
	*(leases->newest ? &leases->newest->newer : &leases->oldest) = entry;
	leases->newest = entry;
}

void nx_pool_drop(struct nx_pool_entry *entry)
{
	if (entry->pool)
		entry->family->ops->pool_close(entry->pool);
	entry->pool = NULL;
	nx_rules_clear(&entry->rules);
}

void nx_pool_entry_free(struct nx_leases *leases, struct nx_pool_entry *entry)
{
	entry_unlink(leases, entry);
	nx_index_remove(&leases->pools, &entry->by_key);
	nx_pool_drop(entry);
	free(entry);
}

void nx_leases_free(struct nx_leases *leases)
{
	if (!leases)
		return;
	while (leases->oldest)
		nx_pool_entry_free(leases, leases->oldest);
	nx_index_clear(&leases->pools);
	free(leases);
}

void nx_pool_entry_touch(struct nx_leases *leases, struct nx_pool_entry *entry)
{
	entry_unlink(leases, entry);
	entry_link(leases, entry);
}

static void make_room(struct nx_leases *leases)
{
	struct nx_pool_entry *entry = leases->oldest;

	while (entry && leases->pools.count >= POOL_LIMIT) {
		struct nx_pool_entry *next = entry->newer;

		if (!entry->pending)
			nx_pool_entry_free(leases, entry);
		entry = next;
	}
}

/* --- by organization and family ------------------------------------------------------- */

#define KEY_TEXT 128

static char *key_make(const char *family, bool second, const char *organization_id, char key[static KEY_TEXT])
{
	snprintf(key, KEY_TEXT, "%s%s %s", family, second ? "/second" : "", organization_id);
	return key;
}

struct nx_pool_entry *nx_pool_entry_find(const struct nx_leases *leases, const char *family, bool second,
					 const char *organization_id)
{
	char key[KEY_TEXT];
	struct nx_index_entry *found;

	key_make(family, second, organization_id, key);
	found = nx_index_first(&leases->pools, key);
	return found ? nx_holder(found, struct nx_pool_entry, by_key) : NULL;
}

struct nx_pool_entry *nx_pool_entry_make(struct nx_leases *leases, const struct nx_lease_source *source,
					 const char *organization_id)
{
	struct nx_pool_entry *entry;

	make_room(leases);
	entry = nx_alloc(sizeof(*entry) + KEY_TEXT);
	entry->family = source->family;
	key_make(source->family->key, source->second, organization_id, entry->key);
	nx_index_add(&leases->pools, &entry->by_key, entry->key);
	entry_link(leases, entry);
	return entry;
}

/* --- what others have to tell them ---------------------------------------------------- */

void nx_pool_quarantined(struct nx_leases *leases, const char *family, const char *organization_id,
			 int64_t ends_at)
{
	for (int second = 0; second < 2; second++) {
		struct nx_pool_entry *entry = nx_pool_entry_find(leases, family, second, organization_id);

		if (entry && (!entry->quarantine_due || ends_at < entry->quarantine_due))
			entry->quarantine_due = ends_at;
	}
}

void nx_pools_forget(struct nx_leases *leases, const char *organization_id)
{
	const struct nx_fields *fields = leases->server->fields;

	for (size_t i = 0; i < 2 * fields->family_count; i++) {
		struct nx_pool_entry *entry =
			nx_pool_entry_find(leases, fields->family[i / 2].key, i % 2, organization_id);

		if (entry)
			nx_pool_drop(entry);
	}
}

void nx_pool_contradicted(struct nx_leases *leases, const struct nx_family *family,
			  const char *organization_id)
{
	for (int second = 0; second < 2; second++) {
		struct nx_pool_entry *entry =
			nx_pool_entry_find(leases, family->key, second, organization_id);

		if (entry)
			entry->contradicted = true;
	}
}
