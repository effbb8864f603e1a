/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ipam/quarantine.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/ipam/lease_inside.h"

/* Ended quarantines that one who chooses an address tidies away at most. */
#define EXPIRY_LIMIT 128

int64_t nx_quarantine_seconds(const struct nx_family *family)
{
	return family->ops->quarantine ? family->ops->quarantine(family->instance) : 0;
}

enum nx_status nx_quarantine_begin(struct nx_leases *leases, struct nx_tx *tx, const char *organization_id,
				   const struct nx_family *family, const char *address,
				   const char *public_key, struct nx_error *error)
{
	const int64_t ends_at = time(NULL) + nx_quarantine_seconds(family);
	enum nx_status status =
		nx_sql(tx, error,
		       "INSERT INTO quarantine (organization_id, address, family, public_key, ends_at)"
		       " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (organization_id, address) DO UPDATE"
		       " SET public_key = excluded.public_key, ends_at = excluded.ends_at",
		       NX_PARAMS(NX_TEXT(organization_id), NX_TEXT(address), NX_TEXT(family->key),
				 NX_TEXT(public_key), NX_INT(ends_at)));

	if (status == NX_OK)
		status =
			nx_sql(tx, error,
			       "UPDATE organizations SET quarantined = $1 WHERE id = $2 AND quarantined < $3",
			       NX_PARAMS(NX_INT(ends_at), NX_TEXT(organization_id), NX_INT(ends_at)));
	nx_pool_quarantined(leases, family->key, organization_id, ends_at);
	return status;
}

/* --- pools ------------------------------------------------------------------------------------- */

static void due_advance(struct nx_pool_entry *entry, int64_t ends_at)
{
	if (!entry->quarantine_due || ends_at < entry->quarantine_due)
		entry->quarantine_due = ends_at;
}

static bool row_fill(void *context, const struct nx_row *row)
{
	struct nx_pool_entry *entry = context;
	struct nx_address address;
	const int64_t ends_at = nx_row_integer(row, 1);

	due_advance(entry, ends_at);
	if (ends_at > time(NULL) && nx_address_parse(nx_row_text(row, 0), &address))
		entry->family->ops->pool_take(entry->pool, &address, NULL);
	return true;
}

enum nx_status nx_quarantine_fill(struct nx_tx *tx, struct nx_pool_entry *entry, struct nx_error *error)
{
	entry->quarantine_due = 0;
	return nx_sql_each(
		tx, error,
		"SELECT address, ends_at FROM quarantine WHERE organization_id = $1 AND family = $2",
		NX_PARAMS(NX_TEXT(nx_pool_organization(entry)), NX_TEXT(entry->family->key)), row_fill,
		entry);
}

struct expiry {
	struct nx_address address[EXPIRY_LIMIT];
	size_t count;
};

static bool expired_take(void *context, const struct nx_row *row)
{
	struct expiry *expiry = context;

	if (expiry->count < EXPIRY_LIMIT &&
	    nx_address_parse(nx_row_text(row, 0), &expiry->address[expiry->count]))
		expiry->count++;
	return true;
}

static enum nx_status expired_delete(struct nx_tx *tx, const struct nx_pool_entry *entry, int64_t now,
				     struct expiry *expiry, struct nx_error *error)
{
	const struct nx_value organization = NX_TEXT(nx_pool_organization(entry));

	return nx_sql_each(tx, error,
			   "DELETE FROM quarantine WHERE organization_id = $1 AND address IN"
			   " (SELECT address FROM quarantine WHERE organization_id = $2 AND family = $3"
			   " AND ends_at <= $4 ORDER BY ends_at LIMIT $5) RETURNING address",
			   NX_PARAMS(organization, organization, NX_TEXT(entry->family->key), NX_INT(now),
				     NX_INT(EXPIRY_LIMIT)),
			   expired_take, expiry);
}

/* The time has passed whatever becomes of this transaction: what it gives back needs no undoing. */
static enum nx_status expired_give(struct nx_tx *tx, struct nx_pool_entry *entry, const struct expiry *expiry,
				   struct nx_error *error)
{
	enum nx_status status = NX_OK;

	for (size_t i = 0; status == NX_OK && i < expiry->count; i++) {
		bool held = true;

		status = nx_address_held(tx, nx_pool_organization(entry), &expiry->address[i], &held, error);
		if (status == NX_OK && !held)
			entry->family->ops->pool_give(entry->pool, &expiry->address[i]);
	}
	return status;
}

enum nx_status nx_quarantine_expire(struct nx_tx *tx, struct nx_pool_entry *entry, struct nx_error *error)
{
	const int64_t now = time(NULL);
	struct expiry expiry = {.count = 0};
	int64_t due = 0;
	enum nx_status status;

	if (!entry->quarantine_due || now < entry->quarantine_due)
		return NX_OK;
	status = expired_delete(tx, entry, now, &expiry, error);
	if (status == NX_OK)
		status = expired_give(tx, entry, &expiry, error);
	if (status == NX_OK)
		status = nx_sql_integer(
			tx, error,
			"SELECT COALESCE(MIN(ends_at), 0) FROM quarantine"
			" WHERE organization_id = $1 AND family = $2",
			NX_PARAMS(NX_TEXT(nx_pool_organization(entry)), NX_TEXT(entry->family->key)), &due);
	if (status == NX_OK)
		entry->quarantine_due = due;
	return status;
}

/* --- single addresses -------------------------------------------------------------------------- */

static bool quarantine_take(void *context, const struct nx_row *row)
{
	struct nx_quarantine *out = context;

	if (!nx_address_parse(nx_row_text(row, 0), &out->address))
		out->address = (struct nx_address){0};
	snprintf(out->public_key, sizeof(out->public_key), "%s", nx_row_text(row, 1));
	out->ends_at = nx_row_integer(row, 2);
	return false;
}

enum nx_status nx_quarantine_find(struct nx_tx *tx, const char *organization_id, const char *address,
				  struct nx_quarantine *out, struct nx_error *error)
{
	return nx_sql_one(tx, error,
			  "SELECT address, public_key, ends_at FROM quarantine"
			  " WHERE organization_id = $1 AND address = $2 AND ends_at > $3",
			  NX_PARAMS(NX_TEXT(organization_id), NX_TEXT(address), NX_INT(time(NULL))),
			  quarantine_take, out);
}

struct pick {
	const struct nx_prefix *prefix;
	struct nx_quarantine *out;
	bool found;
};

static bool quarantine_pick(void *context, const struct nx_row *row)
{
	struct pick *pick = context;

	quarantine_take(pick->out, row);
	pick->found = nx_prefix_contains(pick->prefix, &pick->out->address);
	return !pick->found;
}

enum nx_status nx_quarantine_of(struct nx_tx *tx, const struct nx_pool_entry *entry, const char *public_key,
				struct nx_quarantine *out, struct nx_error *error)
{
	struct nx_quarantine found;
	struct pick pick = {.prefix = &entry->prefix, .out = &found};
	enum nx_status status =
		nx_sql_each(tx, error,
			    "SELECT address, public_key, ends_at FROM quarantine WHERE organization_id = $1"
			    " AND family = $2 AND public_key = $3 AND ends_at > $4 ORDER BY ends_at DESC",
			    NX_PARAMS(NX_TEXT(nx_pool_organization(entry)), NX_TEXT(entry->family->key),
				      NX_TEXT(public_key), NX_INT(time(NULL))),
			    quarantine_pick, &pick);

	if (status != NX_OK)
		return status;
	if (!pick.found)
		return NX_NOT_FOUND;
	*out = found;
	return NX_OK;
}

enum nx_status nx_quarantine_end(struct nx_tx *tx, const char *organization_id, const char *address,
				 struct nx_error *error)
{
	return nx_sql(tx, error, "DELETE FROM quarantine WHERE organization_id = $1 AND address = $2",
		      NX_PARAMS(NX_TEXT(organization_id), NX_TEXT(address)));
}

/* --- another prefix ---------------------------------------------------------------------------- */

struct leaving {
	const struct nx_prefix *prefix;
	char (*address)[NX_ADDRESS_TEXT];
	size_t count, room;
};

static bool left_note(void *context, const struct nx_row *row)
{
	struct leaving *leaving = context;
	struct nx_address address;

	if (nx_address_parse(nx_row_text(row, 0), &address) && nx_prefix_contains(leaving->prefix, &address))
		return true;
	if (leaving->count == leaving->room) {
		leaving->room = leaving->room ? 2 * leaving->room : 64;
		leaving->address =
			nx_realloc_array(leaving->address, leaving->room, sizeof(*leaving->address));
	}
	snprintf(leaving->address[leaving->count++], NX_ADDRESS_TEXT, "%s", nx_row_text(row, 0));
	return true;
}

enum nx_status nx_quarantine_leave(struct nx_tx *tx, const char *organization_id,
				   const struct nx_family *family, const struct nx_prefix *prefix,
				   struct nx_error *error)
{
	struct leaving leaving = {.prefix = prefix};
	enum nx_status status = nx_sql_each(
		tx, error, "SELECT address FROM quarantine WHERE organization_id = $1 AND family = $2",
		NX_PARAMS(NX_TEXT(organization_id), NX_TEXT(family->key)), left_note, &leaving);

	for (size_t i = 0; status == NX_OK && i < leaving.count; i++)
		status = nx_quarantine_end(tx, organization_id, leaving.address[i], error);
	free(leaving.address);
	return status;
}
