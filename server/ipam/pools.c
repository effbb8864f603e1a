/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ipam/pools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/address.h"
#include "base/log.h"
#include "base/memory.h"
#include "server/ipam/quarantine.h"

/* Pools that are kept open at most; those used last stay. */
#define POOL_LIMIT 4096
/* Seconds before a pool that was read in vain is read again: others may have ended leases. */
#define STALE_SECONDS 1

struct nx_leases *nx_leases_new(struct nx_server *server)
{
	struct nx_leases *leases = nx_alloc(sizeof(*leases));

	leases->server = server;
	return leases;
}

static int64_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* --- entries, in order of their last use --------------------------------------------- */

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

static void entry_close(struct nx_pool_entry *entry)
{
	if (entry->pool)
		entry->family->ops->pool_close(entry->pool);
	entry->pool = NULL;
	nx_rules_clear(&entry->rules);
}

static void entry_free(struct nx_leases *leases, struct nx_pool_entry *entry)
{
	entry_unlink(leases, entry);
	nx_index_remove(&leases->pools, &entry->by_key);
	entry_close(entry);
	free(entry);
}

void nx_leases_free(struct nx_leases *leases)
{
	if (!leases)
		return;
	while (leases->oldest)
		entry_free(leases, leases->oldest);
	nx_index_clear(&leases->pools);
	free(leases);
}

static void make_room(struct nx_leases *leases)
{
	struct nx_pool_entry *entry = leases->oldest;

	while (entry && leases->pools.count >= POOL_LIMIT) {
		struct nx_pool_entry *next = entry->newer;

		if (!entry->pending)
			entry_free(leases, entry);
		entry = next;
	}
}

#define KEY_TEXT 128

static char *key_make(const char *family, bool second, const char *organization_id, char key[static KEY_TEXT])
{
	snprintf(key, KEY_TEXT, "%s%s %s", family, second ? "/second" : "", organization_id);
	return key;
}

static struct nx_pool_entry *entry_find(const struct nx_leases *leases, const char *family, bool second,
					const char *organization_id)
{
	char key[KEY_TEXT];
	struct nx_index_entry *found;

	key_make(family, second, organization_id, key);
	found = nx_index_first(&leases->pools, key);
	return found ? nx_holder(found, struct nx_pool_entry, by_key) : NULL;
}

static struct nx_pool_entry *entry_make(struct nx_leases *leases, const struct nx_lease_source *source,
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

/* --- what transactions did, and its undoing ------------------------------------------ */

enum deed { POOL_READ, RULES_READ, ADDRESS_TAKEN, ADDRESS_CLAIMED, ADDRESS_GIVEN };

struct pool_hook {
	struct nx_pool_entry *entry;
	enum deed deed;
	unsigned generation;
	struct nx_address address;
};

/* Is what the pool knows not to be relied on after such an end? */
static bool pool_spoilt(enum deed deed, enum nx_tx_end end)
{
	/* One that was filled during the transaction holds what that saw, which is not so. */
	return end == NX_TX_UNKNOWN || (deed == POOL_READ && end == NX_TX_ROLLED_BACK);
}

/* Is the address free after such an end? */
static bool address_freed(enum deed deed, enum nx_tx_end end)
{
	return (deed == ADDRESS_TAKEN && end == NX_TX_ROLLED_BACK) ||
	       (deed == ADDRESS_GIVEN && end == NX_TX_COMMITTED);
}

/* Is it a device's? One before it in the same group of commands may have given it back. */
static bool address_held(enum deed deed, enum nx_tx_end end)
{
	return (deed == ADDRESS_TAKEN || deed == ADDRESS_CLAIMED) && end == NX_TX_COMMITTED;
}

static void hook_run(void *context, enum nx_tx_end end)
{
	struct pool_hook *hook = context;
	struct nx_pool_entry *entry = hook->entry;

	entry->pending--;
	if (entry->pool && hook->generation == entry->generation) {
		if (pool_spoilt(hook->deed, end))
			entry_close(entry);
		else if (hook->deed == RULES_READ && end == NX_TX_ROLLED_BACK)
			entry->changed = -1;
		/* Unless it is reserved for a device, by then or as before. */
		else if (address_freed(hook->deed, end) && !nx_rules_kept(&entry->rules, &hook->address))
			entry->family->ops->pool_give(entry->pool, &hook->address);
		else if (address_held(hook->deed, end))
			entry->family->ops->pool_take(entry->pool, &hook->address, NULL);
	}
	free(hook);
}

static void hook_add(struct nx_tx *tx, struct nx_pool_entry *entry, enum deed deed,
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
	hook_add(tx, entry, ADDRESS_TAKEN, address);
}

void nx_pool_claimed(struct nx_tx *tx, struct nx_pool_entry *entry, const struct nx_address *address)
{
	hook_add(tx, entry, ADDRESS_CLAIMED, address);
}

void nx_pool_given(struct nx_leases *leases, struct nx_tx *tx, const char *family,
		   const char *organization_id, const struct nx_address *address)
{
	/* A pool that does not have it, the other prefix's, takes no notice. */
	for (int second = 0; second < 2; second++) {
		struct nx_pool_entry *entry = entry_find(leases, family, second, organization_id);

		if (entry && entry->pool)
			hook_add(tx, entry, ADDRESS_GIVEN, address);
	}
}

void nx_pool_ruled(struct nx_tx *tx, struct nx_pool_entry *entry)
{
	hook_add(tx, entry, RULES_READ, NULL);
}

void nx_pool_quarantined(struct nx_leases *leases, const char *family, const char *organization_id,
			 int64_t ends_at)
{
	for (int second = 0; second < 2; second++) {
		struct nx_pool_entry *entry = entry_find(leases, family, second, organization_id);

		if (entry && (!entry->quarantine_due || ends_at < entry->quarantine_due))
			entry->quarantine_due = ends_at;
	}
}

void nx_pool_drop(struct nx_pool_entry *entry)
{
	entry_close(entry);
}

void nx_pools_forget(struct nx_leases *leases, const char *organization_id)
{
	const struct nx_fields *fields = leases->server->fields;

	for (size_t i = 0; i < 2 * fields->family_count; i++) {
		struct nx_pool_entry *entry =
			entry_find(leases, fields->family[i / 2].key, i % 2, organization_id);

		if (entry)
			entry_close(entry);
	}
}

void nx_pool_contradicted(struct nx_leases *leases, const struct nx_family *family,
			  const char *organization_id)
{
	for (int second = 0; second < 2; second++) {
		struct nx_pool_entry *entry = entry_find(leases, family->key, second, organization_id);

		if (entry)
			entry->contradicted = true;
	}
}

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

	entry_close(entry);
	status = family->ops->pool_open(family->instance, &entry->prefix, &entry->pool, error);
	if (status != NX_OK) {
		entry->pool = NULL;
		return status;
	}
	entry->generation++;
	hook_add(tx, entry, POOL_READ, NULL);
	status = nx_sql_each(tx, error,
			     "SELECT address FROM leases WHERE organization_id = $1 AND family = $2",
			     NX_PARAMS(NX_TEXT(organization_id), NX_TEXT(family->key)), lease_take, &filling);
	if (status == NX_OK)
		status = nx_quarantine_fill(tx, entry, error);
	if (status == NX_OK)
		status = nx_rules_read(tx, entry, error);
	if (status != NX_OK)
		entry_close(entry);
	else
		fill_warn(&filling);
	return status;
}

enum nx_status nx_pool_open(struct nx_leases *leases, struct nx_tx *tx, const struct nx_lease_source *source,
			    const char *organization_id, struct nx_pool_entry **out, struct nx_error *error)
{
	struct nx_pool_entry *entry =
		entry_find(leases, source->family->key, source->second, organization_id);

	if (!entry)
		entry = entry_make(leases, source, organization_id);
	entry_unlink(leases, entry);
	entry_link(leases, entry);
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
	return entry_find(leases, source->family->key, source->second, organization_id);
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

bool nx_pool_may_be_stale(const struct nx_tx *tx, const struct nx_pool_entry *entry)
{
	return (entry->shared || nx_tx_kind(tx) != NX_STORE_SQLITE) &&
	       (!entry->exhausted_at || seconds_now() - entry->exhausted_at >= STALE_SECONDS);
}

void nx_pool_exhausted(struct nx_pool_entry *entry)
{
	entry->exhausted_at = seconds_now();
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
		struct nx_pool_entry *entry =
			entry_find(hook->leases, fields->family[i / 2].key, i % 2, hook->organization_id);

		if (entry && !entry->pending)
			entry_free(hook->leases, entry);
		else if (entry)
			entry_close(entry);
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
