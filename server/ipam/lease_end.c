/* SPDX-License-Identifier: Apache-2.0 */
/* The end of leases, and what becomes of their addresses. */
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/secret.h"
#include "server/ipam/lease_inside.h"
#include "server/ipam/quarantine.h"

#define FAMILY_TEXT 64

struct ended {
	char organization_id[NX_UUID_TEXT];
	char family[FAMILY_TEXT];
	char address[NX_ADDRESS_TEXT];
	char public_key[NX_PUBLIC_KEY_TEXT];
	bool kept; /* by a reservation: it needs no quarantine */
};

/* All leases of one device. More than it can have of loaded families are not told to their pools. */
struct ending {
	struct ended lease[2 * NX_FAMILY_LIMIT];
	size_t count;
};

static bool lease_note(void *context, const struct nx_row *row)
{
	struct ending *ending = context;
	struct ended *lease = &ending->lease[ending->count];

	if (ending->count == sizeof(ending->lease) / sizeof(ending->lease[0]))
		return false;
	snprintf(lease->organization_id, sizeof(lease->organization_id), "%s", nx_row_text(row, 0));
	snprintf(lease->family, sizeof(lease->family), "%s", nx_row_text(row, 1));
	snprintf(lease->address, sizeof(lease->address), "%s", nx_row_text(row, 2));
	snprintf(lease->public_key, sizeof(lease->public_key), "%s", nx_row_text(row, 3));
	lease->kept = nx_row_integer(row, 4) != 0;
	ending->count++;
	return true;
}

/* Those of a device, or ("": all) the one of an address. */
static enum nx_status leases_note(struct nx_tx *tx, const char *device_id, const char *address,
				  struct ending *out, struct nx_error *error)
{
	return nx_sql_each(tx, error,
			   "SELECT l.organization_id, l.family, l.address, d.public_key,"
			   " (SELECT COUNT(*) FROM reservations r WHERE r.organization_id = l.organization_id"
			   " AND r.first_address = l.address AND r.kind = '" NX_STATIC "')"
			   " FROM leases l LEFT JOIN devices d ON d.id = l.device_id"
			   " WHERE l.device_id = $1 AND ($2 = '' OR l.address = $3)",
			   NX_PARAMS(NX_TEXT(device_id), NX_TEXT(address), NX_TEXT(address)), lease_note,
			   out);
}

/* In quarantine, or free at the commit: what is reserved for a device stays taken in its pool, once that
 * knows of it. */
static enum nx_status address_settle(struct nx_leases *leases, struct nx_tx *tx, const struct ended *lease,
				     struct nx_error *error)
{
	const struct nx_family *family = nx_family_find(leases->server->fields, lease->family);
	struct nx_address address;

	if (!family)
		return NX_OK;
	if (!lease->kept && nx_quarantine_seconds(family) > 0)
		return nx_quarantine_begin(leases, tx, lease->organization_id, family, lease->address,
					   lease->public_key, error);
	if (nx_address_parse(lease->address, &address))
		nx_pool_given(leases, tx, lease->family, lease->organization_id, &address);
	return NX_OK;
}

enum nx_status nx_lease_end(struct nx_leases *leases, struct nx_tx *tx, const struct nx_family *family,
			    const struct nx_lease_request *request, const struct nx_address *address,
			    const struct nx_prefix *rest, struct nx_error *error)
{
	struct ending ending = {.count = 0};
	char text[NX_ADDRESS_TEXT];
	enum nx_status status =
		leases_note(tx, request->device_id, nx_address_format(address, text), &ending, error);

	if (status == NX_OK)
		status = nx_sql(tx, error, "DELETE FROM leases WHERE device_id = $1 AND address = $2",
				NX_PARAMS(NX_TEXT(request->device_id), NX_TEXT(text)));
	if (status != NX_OK || !ending.count)
		return status;
	if (rest && nx_prefix_contains(rest, address))
		return address_settle(leases, tx, &ending.lease[0], error);
	nx_pool_given(leases, tx, family->key, request->organization_id, address);
	return NX_OK;
}

enum nx_status nx_leases_end(struct nx_leases *leases, struct nx_tx *tx, const char *device_id,
			     struct nx_error *error)
{
	struct ending ending = {.count = 0};
	enum nx_status status = leases_note(tx, device_id, "", &ending, error);

	if (status == NX_OK)
		status = nx_sql(tx, error, "DELETE FROM leases WHERE device_id = $1",
				NX_PARAMS(NX_TEXT(device_id)));
	for (size_t i = 0; status == NX_OK && i < ending.count; i++)
		status = address_settle(leases, tx, &ending.lease[i], error);
	return status;
}

enum nx_status nx_leases_end_all(struct nx_leases *leases, struct nx_tx *tx, const char *organization_id,
				 struct nx_error *error)
{
	nx_pools_end(leases, tx, organization_id);
	return nx_sql(tx, error, "DELETE FROM leases WHERE organization_id = $1",
		      NX_PARAMS(NX_TEXT(organization_id)));
}
