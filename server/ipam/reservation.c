/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /api/organizations/{organization}/reservations: members see them, the owner makes and deletes
 * them. One that is made or deleted is a change of the organization: its revision tells all servers
 * that what they know of its ranges is old.
 */
#include "server/ipam/reservation.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/address.h"
#include "base/memory.h"
#include "base/secret.h"
#include "server/ipam/lease_inside.h"
#include "server/ipam/quarantine.h"
#include "server/resources/access.h"
#include "server/resources/change.h"
#include "server/resources/handlers.h"
#include "server/resources/list.h"
#include "server/resources/reply.h"

const struct nx_columns nx_reservation_columns = {
	.table = "reservations",
	.count = NX_RESERVATION_COLUMNS,
	.column =
		{
			[NX_RESERVATION_ID] = {.name = "id", .column = "id"},
			[NX_RESERVATION_ORGANIZATION] = {.name = "organization_id",
							 .column = "organization_id"},
			[NX_RESERVATION_KIND] = {.name = "kind", .column = "kind"},
			[NX_RESERVATION_FAMILY] = {.name = "family", .column = "family"},
			[NX_RESERVATION_FIRST] = {.name = "first", .column = "first_address"},
			[NX_RESERVATION_LAST] = {.name = "last", .column = "last_address"},
			[NX_RESERVATION_PUBLIC_KEY] = {.name = "public_key", .column = "public_key"},
			[NX_RESERVATION_HOSTNAME] = {.name = "hostname", .column = "hostname"},
			[NX_RESERVATION_DESCRIPTION] = {.name = "description", .column = "description"},
			[NX_RESERVATION_REVISION] = {.name = "revision",
						     .column = "revision",
						     .type = NX_COLUMN_INTEGER},
			[NX_RESERVATION_CREATED] = {.column = "created_at", .type = NX_COLUMN_INTEGER},
		},
	.list = (char[]){NX_RESERVATION_LIST},
};

/* --- seeing them ------------------------------------------------------------------------------- */

static enum nx_status list_prepare(struct nx_request *request, struct nx_tx *tx, struct nx_list *list,
				   struct nx_error *error)
{
	const char *id = nx_request_param(request, "organization");

	list->from = "FROM reservations WHERE organization_id = $1";
	list->params[list->param_count++] = NX_TEXT(id);
	return nx_organization_find(nx_request_server(request)->fields, tx, nx_request_principal(request), id,
				    NULL, error);
}

void nx_reservations_list(struct nx_request *request)
{
	nx_list_serve(request, &nx_reservation_columns, list_prepare);
}

struct showing {
	struct nx_request *request;
	struct nx_buffer body;
};

static bool row_show(void *context, const struct nx_row *row)
{
	struct showing *showing = context;
	struct nx_value record[NX_COLUMN_LIMIT];

	nx_record_borrow(&nx_reservation_columns, row, record);
	nx_columns_write(&nx_reservation_columns, record, &showing->body);
	return false;
}

static enum nx_status show_read(struct nx_tx *tx, void *context, struct nx_error *error)
{
	struct showing *showing = context;
	struct nx_request *request = showing->request;
	const char *organization_id = nx_request_param(request, "organization");
	enum nx_status status =
		nx_organization_find(nx_request_server(request)->fields, tx, nx_request_principal(request),
				     organization_id, NULL, error);

	nx_buffer_clear(&showing->body);
	if (status != NX_OK)
		return status;
	status = nx_sql_one(tx, error,
			    "SELECT " NX_RESERVATION_LIST
			    " FROM reservations WHERE organization_id = $1 AND id = $2",
			    NX_PARAMS(NX_TEXT(organization_id), NX_TEXT(nx_request_param(request, "id"))),
			    row_show, showing);
	return status == NX_NOT_FOUND ? nx_not_found(error, "reservation") : status;
}

void nx_reservation_show(struct nx_request *request)
{
	struct showing showing = {.request = request};
	struct nx_error error = {0};

	if (nx_store_read(nx_request_server(request)->store, show_read, &showing, &error) == NX_OK) {
		nx_reply_json(request, 200, &showing.body);
		return;
	}
	nx_buffer_free(&showing.body);
	nx_refuse(request, &error);
}

/* --- making and deleting ----------------------------------------------------------------------- */

struct change {
	struct nx_write write;
	struct nx_reservation made; /* asked for */
	struct nx_value *organization;
	struct nx_value *deleted;
};

static void change_end(struct nx_write *write)
{
	struct change *change = (struct change *)write;

	free(NX_TAKE(change->organization));
	free(NX_TAKE(change->deleted));
}

/* The owner's: from here on the organization's row is ours. */
static enum nx_status change_begin(struct change *change, struct nx_tx *tx, struct nx_error *error)
{
	struct nx_write *write = &change->write;
	const char *id = nx_request_param(write->request, "organization");
	enum nx_status status = nx_organization_owned(write->server->fields, tx, write->who, id, NULL, error);

	return status == NX_OK ? nx_organization_touch(write->server, tx, id, &change->organization, error)
			       : status;
}

/* Who is named gets the address at once: the owner's word ends a quarantine. For the pool it is free then,
 * until it learns of the reservation. */
static enum nx_status quarantine_settle(struct change *change, struct nx_tx *tx, struct nx_error *error)
{
	const struct nx_reservation *made = &change->made;
	const char *organization_id = change->organization[NX_ORGANIZATION_ID].text;
	char address[NX_ADDRESS_TEXT];
	bool held = true;
	enum nx_status status;

	if (strcmp(made->kind, NX_STATIC) != 0)
		return NX_OK;
	status =
		nx_quarantine_end(tx, organization_id, nx_address_format(&made->range.first, address), error);
	if (status == NX_OK)
		status = nx_address_held(tx, organization_id, &made->range.first, &held, error);
	if (status == NX_OK && !held)
		nx_pool_given(change->write.server->leases, tx, made->family->key, organization_id,
			      &made->range.first);
	return status;
}

static enum nx_status record_insert(struct change *change, struct nx_tx *tx, struct nx_error *error)
{
	const struct nx_reservation *made = &change->made;
	char id[NX_UUID_TEXT] = "", first[NX_ADDRESS_TEXT], last[NX_ADDRESS_TEXT];
	const struct nx_value record[NX_RESERVATION_COLUMNS] = {
		[NX_RESERVATION_ID] = NX_TEXT(id),
		[NX_RESERVATION_ORGANIZATION] = change->organization[NX_ORGANIZATION_ID],
		[NX_RESERVATION_KIND] = NX_TEXT(made->kind),
		[NX_RESERVATION_FAMILY] = NX_TEXT(made->family->key),
		[NX_RESERVATION_FIRST] = NX_TEXT(nx_address_format(&made->range.first, first)),
		[NX_RESERVATION_LAST] = NX_TEXT(nx_address_format(&made->range.last, last)),
		[NX_RESERVATION_PUBLIC_KEY] = NX_TEXT(made->public_key),
		[NX_RESERVATION_HOSTNAME] = NX_TEXT(made->hostname),
		[NX_RESERVATION_DESCRIPTION] = NX_TEXT(made->description),
		[NX_RESERVATION_REVISION] = change->organization[NX_ORGANIZATION_REVISION],
		[NX_RESERVATION_CREATED] = NX_INT(time(NULL)),
	};
	enum nx_status status;

	nx_uuid_make(id);
	status = nx_sql(tx, error,
			"INSERT INTO reservations (" NX_RESERVATION_LIST
			") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
			record, NX_RESERVATION_COLUMNS);
	if (status == NX_OK)
		nx_columns_write(&nx_reservation_columns, record, &change->write.body);
	return status;
}

static enum nx_status creation_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	struct change *change = (struct change *)write;
	enum nx_status status = change_begin(change, tx, error);

	if (status == NX_OK)
		status = nx_reservation_judge(tx, change->organization, &change->made, error);
	if (status == NX_OK)
		status = quarantine_settle(change, tx, error);
	return status == NX_OK ? record_insert(change, tx, error) : status;
}

void nx_reservation_create(struct nx_request *request)
{
	const struct nx_json *body = nx_request_json(request);
	struct change *change;
	struct nx_error error = {0};

	if (!body)
		return;
	change = nx_write_new(request, sizeof(*change), 201, creation_run);
	change->write.end = change_end;
	if (nx_reservation_read(change->write.server, body, &change->made, &error) == NX_OK)
		nx_write_submit(&change->write);
	else
		nx_refuse(request, &error);
}

static bool deleted_take(void *context, const struct nx_row *row)
{
	*(struct nx_value **)context = nx_record_copy(&nx_reservation_columns, row);
	return false;
}

static enum nx_status deletion_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	struct change *change = (struct change *)write;
	enum nx_status status = change_begin(change, tx, error);

	if (status != NX_OK)
		return status;
	status = nx_sql_one(tx, error,
			    "DELETE FROM reservations WHERE organization_id = $1 AND id = $2 "
			    "RETURNING " NX_RESERVATION_LIST,
			    NX_PARAMS(change->organization[NX_ORGANIZATION_ID],
				      NX_TEXT(nx_request_param(write->request, "id"))),
			    deleted_take, &change->deleted);
	if (status == NX_NOT_FOUND)
		return nx_not_found(error, "reservation");
	if (status == NX_OK)
		nx_columns_write(&nx_reservation_columns, change->deleted, &write->body);
	return status;
}

void nx_reservation_delete(struct nx_request *request)
{
	struct change *change = nx_write_new(request, sizeof(*change), 200, deletion_run);

	change->write.end = change_end;
	nx_write_submit(&change->write);
}
