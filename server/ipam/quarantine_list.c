/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /api/organizations/{organization}/quarantine: addresses of deleted devices that are not given
 * to others yet. Members see them, the owner ends their quarantine early.
 */
#include <stdio.h>
#include <time.h>

#include "base/address.h"
#include "server/ipam/lease_inside.h"
#include "server/ipam/quarantine.h"
#include "server/resources/access.h"
#include "server/resources/handlers.h"
#include "server/resources/list.h"
#include "server/resources/reply.h"

enum { PLACE_ID, PLACE_ADDRESS, PLACE_FAMILY, PLACE_PUBLIC_KEY, PLACE_UNTIL, PLACE_COLUMNS };

#define LIST "id, address, family, public_key, ends_at"

static const struct nx_columns columns = {
	.table = "quarantine",
	.count = PLACE_COLUMNS,
	.column =
		{
			[PLACE_ID] = {.column = "id"},
			[PLACE_ADDRESS] = {.name = "address", .column = "address"},
			[PLACE_FAMILY] = {.name = "family", .column = "family"},
			[PLACE_PUBLIC_KEY] = {.name = "public_key", .column = "public_key"},
			[PLACE_UNTIL] = {.name = "until", .column = "ends_at", .type = NX_COLUMN_TIME},
		},
	.list = (char[]){LIST},
};

static enum nx_status list_prepare(struct nx_request *request, struct nx_tx *tx, struct nx_list *list,
				   struct nx_error *error)
{
	const char *id = nx_request_param(request, "organization");

	list->from = "FROM (SELECT address AS id, address, family, public_key, ends_at FROM quarantine"
		     " WHERE organization_id = $1 AND ends_at > $2) held";
	list->params[list->param_count++] = NX_TEXT(id);
	list->params[list->param_count++] = NX_INT(time(NULL));
	return nx_organization_find(nx_request_server(request)->fields, tx, nx_request_principal(request), id,
				    NULL, error);
}

void nx_organization_quarantine(struct nx_request *request)
{
	nx_list_serve(request, &columns, list_prepare);
}

/* --- ending it --------------------------------------------------------------------------------- */

struct release {
	struct nx_write write;
	struct nx_address address;
};

/* Free in the pool as well, when it is committed, unless a lease or a reservation has it. */
static enum nx_status pool_tell(const struct release *release, struct nx_tx *tx, const char *organization_id,
				struct nx_error *error)
{
	struct nx_server *server = release->write.server;
	const struct nx_family *family = nx_family_of(server->fields, &release->address);
	bool held = true;
	enum nx_status status = nx_address_held(tx, organization_id, &release->address, &held, error);

	if (status == NX_OK && !held && family)
		nx_pool_given(server->leases, tx, family->key, organization_id, &release->address);
	return status;
}

static void quarantine_write(const struct nx_quarantine *found, const char *address, const char *family,
			     struct nx_buffer *out)
{
	const struct nx_value record[PLACE_COLUMNS] = {
		[PLACE_ID] = NX_TEXT(address),		[PLACE_ADDRESS] = NX_TEXT(address),
		[PLACE_FAMILY] = NX_TEXT(family),	[PLACE_PUBLIC_KEY] = NX_TEXT(found->public_key),
		[PLACE_UNTIL] = NX_INT(found->ends_at),
	};

	nx_columns_write(&columns, record, out);
}

static enum nx_status release_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	const struct release *release = (const struct release *)write;
	const struct nx_family *family = nx_family_of(write->server->fields, &release->address);
	const char *organization_id = nx_request_param(write->request, "organization");
	struct nx_quarantine found = {0};
	char address[NX_ADDRESS_TEXT];
	enum nx_status status =
		nx_organization_owned(write->server->fields, tx, write->who, organization_id, NULL, error);

	if (status != NX_OK)
		return status;
	status = nx_quarantine_find(tx, organization_id, nx_address_format(&release->address, address),
				    &found, error);
	if (status == NX_NOT_FOUND)
		return nx_not_found(error, "quarantine");
	if (status == NX_OK)
		status = nx_quarantine_end(tx, organization_id, address, error);
	if (status == NX_OK)
		status = pool_tell(release, tx, organization_id, error);
	if (status == NX_OK)
		quarantine_write(&found, address, family ? family->key : "", &write->body);
	return status;
}

void nx_organization_quarantine_end(struct nx_request *request)
{
	struct release *release = nx_write_new(request, sizeof(*release), 200, release_run);

	/* What is no address is in no quarantine. */
	if (!nx_address_parse(nx_request_param(request, "address"), &release->address))
		release->address = (struct nx_address){0};
	nx_write_submit(&release->write);
}
