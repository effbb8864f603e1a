/* SPDX-License-Identifier: Apache-2.0 */
/* Which second address a device gets, and what an organization's record says meanwhile. */
#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/renumbering/renumbering.h"
#include "server/resources/access.h"
#include "server/resources/change.h"

/* --- the host part ------------------------------------------------------------------------ */

static bool bit_at(const struct nx_address *address, unsigned bit)
{
	return address->bytes[bit / 8] & 0x80u >> bit % 8;
}

bool nx_renumbering_move(const struct nx_address *address, const struct nx_prefix *from,
			 const struct nx_prefix *to, struct nx_address *out)
{
	struct nx_address moved = to->address;
	unsigned first = from->bits > to->bits ? from->bits : to->bits;

	if (address->length != to->address.length || address->length != from->address.length)
		return false;
	if (nx_prefix_contains(to, address)) {
		*out = *address;
		return true;
	}
	/* What the new prefix takes of the host part must be 0. */
	for (unsigned bit = from->bits; bit < to->bits; bit++) {
		if (bit_at(address, bit))
			return false;
	}
	for (unsigned bit = first; bit < 8u * address->length; bit++) {
		if (bit_at(address, bit))
			moved.bytes[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
	}
	*out = moved;
	return true;
}

/* --- choosing ------------------------------------------------------------------------------ */

/* Is this a refusal of one address, and not the end of the transaction? */
static bool refused(enum nx_status status)
{
	return status == NX_CONFLICT || status == NX_INVALID;
}

static bool forward(const struct nx_renumbering_source *source)
{
	return nx_prefix_compare(&source->to, &source->row->new_prefix) == 0;
}

static struct nx_lease_source lease_source(const struct nx_renumbering_source *source,
					   const struct nx_address *first)
{
	const struct nx_renumbering *row = source->row;

	return (struct nx_lease_source){
		.family = row->family,
		.prefix = &source->to,
		.strategy = forward(source) ? row->new_strategy : row->old_strategy,
		.changed = source->organization[NX_ORGANIZATION_CHANGED].integer,
		.quarantined = source->organization[NX_ORGANIZATION_QUARANTINED].integer,
		.asking = source->asking,
		.shared = true,
		/* Where only the strategy changes, there is one pool. */
		.second = nx_prefix_compare(&row->old_prefix, &row->new_prefix) != 0,
		.beside = true,
		.own = first,
	};
}

/* The address that is wanted, being the first one or having its host part. *given is false when another one
 * has to be chosen. */
static enum nx_status choose_moved(struct nx_server *server, struct nx_tx *tx,
				   const struct nx_lease_source *lease,
				   const struct nx_lease_request *request, const struct nx_address *first,
				   const struct nx_address *wanted, struct nx_address *out, bool *given,
				   struct nx_error *error)
{
	struct nx_error why = {0};
	enum nx_status status = nx_lease_choose(server->leases, tx, lease, request, wanted, out, &why);

	*given = status == NX_OK;
	/* The pool knows it for taken: by this device. */
	if (status == NX_CONFLICT && nx_address_compare(wanted, first) == 0) {
		*out = *first;
		*given = true;
		return NX_OK;
	}
	if (refused(status))
		return NX_OK;
	if (status != NX_OK && error)
		*error = why;
	return status;
}

enum nx_status nx_renumbering_choose(struct nx_server *server, struct nx_tx *tx,
				     const struct nx_renumbering_source *source,
				     const struct nx_lease_request *request, const struct nx_address *first,
				     struct nx_address *out, struct nx_error *error)
{
	const struct nx_renumbering *row = source->row;
	const struct nx_lease_source lease = lease_source(source, first);
	const struct nx_prefix *from = forward(source) ? &row->old_prefix : &row->new_prefix;
	struct nx_address wanted;
	bool given = false;
	enum nx_status status = NX_OK;

	if (row->keeps && nx_renumbering_move(first, from, &source->to, &wanted))
		status = choose_moved(server, tx, &lease, request, first, &wanted, out, &given, error);
	if (status != NX_OK || given)
		return status;
	return nx_lease_choose(server->leases, tx, &lease, request, NULL, out, error);
}

/* --- the organization's record ---------------------------------------------------------------- */

static enum nx_status organization_store(struct nx_server *server, struct nx_tx *tx,
					 const struct nx_value *record, struct nx_error *error)
{
	const struct nx_columns *columns = &server->fields->organizations;
	struct nx_value params[NX_COLUMN_LIMIT];
	size_t count = nx_columns_update_params(columns, record, params);
	struct nx_buffer json = {0};
	enum nx_status status = nx_sql(tx, error, columns->update, params, count);

	nx_organization_write(server->fields, record, &json);
	if (status == NX_OK)
		status =
			nx_change_announce(server, tx, NX_WATCH_ORGANIZATION, record[NX_ORGANIZATION_ID].text,
					   record[NX_ORGANIZATION_REVISION].integer, json.data, error);
	nx_buffer_free(&json);
	return status;
}

enum nx_status nx_renumbering_organization(struct nx_server *server, struct nx_tx *tx,
					   const struct nx_renumbering *row,
					   const struct nx_renumbering_prefixes *prefixes, int64_t *revision,
					   struct nx_error *error)
{
	const struct nx_family *family = row->family;
	NX_AUTO_FREE struct nx_value *record = NULL;
	enum nx_status status = nx_organization_advance(server, tx, row->organization_id, &record, error);

	if (status != NX_OK)
		return status;
	record[NX_ORGANIZATION_CHANGED] = record[NX_ORGANIZATION_REVISION];
	record[family->organization_prefix] = NX_TEXT(prefixes->first);
	record[family->organization_second] = NX_TEXT(prefixes->second);
	if (prefixes->strategy && family->organization_strategy != NX_NO_COLUMN)
		record[family->organization_strategy] = NX_TEXT(prefixes->strategy);
	*revision = record[NX_ORGANIZATION_REVISION].integer;
	return organization_store(server, tx, record, error);
}
