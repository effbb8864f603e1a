/* SPDX-License-Identifier: Apache-2.0 */
#include "server/resources/lease.h"

#include "base/address.h"
#include "server/resources/pools.h"

/* Proposals that the table contradicts before the pool is read anew. */
#define PROBE_LIMIT 64

static bool seen_one(void *context, const struct nx_row *row)
{
	(void)row;
	*(bool *)context = true;
	return false;
}

/* Does the table know this address of the organization? */
static enum nx_status lease_exists(struct nx_tx *tx, const struct nx_lease_request *request,
				   const struct nx_address *address, bool *out, struct nx_error *error)
{
	char text[NX_ADDRESS_TEXT];

	*out = false;
	return nx_sql_each(
		tx, error, "SELECT device_id FROM leases WHERE organization_id = $1 AND address = $2",
		NX_PARAMS(NX_TEXT(request->organization_id), NX_TEXT(nx_address_format(address, text))),
		seen_one, out);
}

/* A plugin's refusal, with the field that the client knows the address by. */
static enum nx_status refuse(struct nx_server *server, const struct nx_family *family, enum nx_status status,
			     const struct nx_error *why, struct nx_error *error)
{
	const char *field = server->fields->devices.column[family->device_address].name;

	return nx_fail(error, status, field, "%s", why->message);
}

static enum nx_status misbehaves(const struct nx_family *family, const struct nx_address *address,
				 const char *what, struct nx_error *error)
{
	char text[NX_ADDRESS_TEXT];

	return nx_fail(error, NX_INTERNAL, NULL, "plugin %s misbehaves: it proposes %s, which %s",
		       family->plugin, nx_address_format(address, text), what);
}

/* --- the address that is wanted ---------------------------------------------------- */

static enum nx_status choose_wanted(struct nx_leases *leases, struct nx_tx *tx, struct nx_pool_entry *entry,
				    const struct nx_lease_request *request, const struct nx_address *wanted,
				    struct nx_error *error)
{
	const struct nx_family *family = entry->family;
	struct nx_error why = {0};
	enum nx_status status = family->ops->pool_take(entry->pool, wanted, &why);
	bool taken;

	if (status == NX_CONFLICT) {
		/* The pool may not know yet that the lease has ended, here or on another server. */
		enum nx_status asked = lease_exists(tx, request, wanted, &taken, error);

		if (asked != NX_OK)
			return asked;
		if (!taken) {
			asked = nx_pool_read(tx, entry, error);
			if (asked != NX_OK)
				return asked;
			status = family->ops->pool_take(entry->pool, wanted, &why);
		}
	}
	if (status == NX_OK)
		nx_pool_taken(tx, entry, wanted);
	return status == NX_OK ? NX_OK : refuse(leases->server, family, status, &why, error);
}

/* --- an address that the pool proposes ----------------------------------------------- */

static enum nx_status proposal_check(const struct nx_pool_entry *entry, const struct nx_address *address,
				     struct nx_error *error)
{
	if (address->length != entry->family->ops->address_length)
		return misbehaves(entry->family, address, "is no address of its family", error);
	if (!nx_prefix_contains(&entry->prefix, address))
		return misbehaves(entry->family, address, "lies outside the organization's prefix", error);
	return NX_OK;
}

/*
 * One proposal, checked. A pool that was contradicted by the table once is asked about each
 * proposal; what the table has stays taken in the pool, and *free is false.
 */
static enum nx_status propose(struct nx_leases *leases, struct nx_tx *tx, struct nx_pool_entry *entry,
			      const struct nx_lease_request *request, struct nx_address *out, bool *free,
			      struct nx_error *error)
{
	const struct nx_family *family = entry->family;
	struct nx_error why = {0};
	enum nx_status status = family->ops->pool_allocate(entry->pool, request, out, &why);
	bool taken = false;

	if (status != NX_OK)
		return refuse(leases->server, family, status, &why, error);
	status = proposal_check(entry, out, error);
	if (status == NX_OK && entry->contradicted)
		status = lease_exists(tx, request, out, &taken, error);
	*free = status == NX_OK && !taken;
	if (*free)
		nx_pool_taken(tx, entry, out);
	else if (status != NX_OK)
		family->ops->pool_give(entry->pool, out);
	return status;
}

static enum nx_status choose_any(struct nx_leases *leases, struct nx_tx *tx, struct nx_pool_entry *entry,
				 const struct nx_lease_request *request, struct nx_address *out,
				 struct nx_error *error)
{
	enum nx_status status = NX_OK;
	bool free = false;

	for (int i = 0; i < PROBE_LIMIT && !free && status == NX_OK; i++)
		status = propose(leases, tx, entry, request, out, &free, error);
	if (free || (status != NX_OK && !(status == NX_EXHAUSTED && nx_pool_may_be_stale(tx, entry))))
		return status;
	/* The pool is behind the table by more than a few leases. */
	status = nx_pool_read(tx, entry, error);
	if (status == NX_OK)
		status = propose(leases, tx, entry, request, out, &free, error);
	if (status == NX_EXHAUSTED)
		nx_pool_exhausted(entry);
	if (status == NX_OK && !free)
		return misbehaves(entry->family, out, "is taken, and has been told so", error);
	return status;
}

enum nx_status nx_lease_choose(struct nx_leases *leases, struct nx_tx *tx, const struct nx_family *family,
			       const struct nx_prefix *prefix, const struct nx_lease_request *request,
			       const struct nx_address *wanted, struct nx_address *out,
			       struct nx_error *error)
{
	struct nx_pool_entry *entry;
	enum nx_status status =
		nx_pool_open(leases, tx, family, request->organization_id, prefix, &entry, error);

	if (status != NX_OK)
		return status;
	if (!wanted)
		return choose_any(leases, tx, entry, request, out, error);
	status = choose_wanted(leases, tx, entry, request, wanted, error);
	if (status == NX_OK)
		*out = *wanted;
	return status;
}

/* --- the table --------------------------------------------------------------------- */

enum nx_status nx_lease_write(struct nx_leases *leases, struct nx_tx *tx, const struct nx_family *family,
			      const struct nx_lease_request *request, const struct nx_address *address,
			      struct nx_error *error)
{
	char text[NX_ADDRESS_TEXT];
	enum nx_status status = nx_sql(
		tx, error,
		"INSERT INTO leases (organization_id, address, family, device_id) VALUES ($1, $2, $3, $4)",
		NX_PARAMS(NX_TEXT(request->organization_id), NX_TEXT(nx_address_format(address, text)),
			  NX_TEXT(family->key), NX_TEXT(request->device_id)));

	if (status == NX_CONFLICT) {
		nx_pool_contradicted(leases, family, request->organization_id);
		nx_fail(error, NX_CONFLICT,
			leases->server->fields->devices.column[family->device_address].name,
			"%s was taken by another device at the same moment: try again", text);
	}
	return status;
}

struct ending {
	struct nx_leases *leases;
	struct nx_tx *tx;
};

static bool lease_ended(void *context, const struct nx_row *row)
{
	const struct ending *ending = context;
	struct nx_address address;

	if (nx_address_parse(nx_row_text(row, 2), &address))
		nx_pool_given(ending->leases, ending->tx, nx_row_text(row, 1), nx_row_text(row, 0), &address);
	return true;
}

enum nx_status nx_leases_end(struct nx_leases *leases, struct nx_tx *tx, const char *device_id,
			     struct nx_error *error)
{
	struct ending ending = {.leases = leases, .tx = tx};

	return nx_sql_each(
		tx, error,
		"DELETE FROM leases WHERE device_id = $1 RETURNING organization_id, family, address",
		NX_PARAMS(NX_TEXT(device_id)), lease_ended, &ending);
}

enum nx_status nx_leases_end_all(struct nx_leases *leases, struct nx_tx *tx, const char *organization_id,
				 struct nx_error *error)
{
	nx_pools_end(leases, tx, organization_id);
	return nx_sql(tx, error, "DELETE FROM leases WHERE organization_id = $1",
		      NX_PARAMS(NX_TEXT(organization_id)));
}
