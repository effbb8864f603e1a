/* SPDX-License-Identifier: Apache-2.0 */
/* GETs of organizations, and of one device or the users of one. */
#include <stdlib.h>

#include "base/memory.h"
#include "server/resources/access.h"
#include "server/resources/device_show.h"
#include "server/resources/handlers.h"
#include "server/resources/reply.h"
#include "server/resources/user_columns.h"

static enum nx_status organizations_prepare(struct nx_request *request, struct nx_tx *tx,
					    struct nx_list *list, struct nx_error *error)
{
	const struct nx_principal *who = nx_request_principal(request);

	(void)tx;
	(void)error;
	if (who->kind == NX_PRINCIPAL_DEVICE) {
		list->from = "FROM organizations WHERE id = $1";
		list->params[list->param_count++] = NX_TEXT(who->organization_id);
		return NX_OK;
	}
	list->from =
		"FROM organizations WHERE id IN (SELECT organization_id FROM memberships WHERE user_id = $1)";
	list->params[list->param_count++] = NX_TEXT(who->id);
	return NX_OK;
}

void nx_organizations_list(struct nx_request *request)
{
	nx_list_serve(request, &nx_request_server(request)->fields->organizations, organizations_prepare);
}

/* --- one ------------------------------------------------------------------------------- */

struct showing {
	struct nx_request *request;
	struct nx_value *record;
};

static enum nx_status organization_read(struct nx_tx *tx, void *context, struct nx_error *error)
{
	struct showing *showing = context;

	free(NX_TAKE(showing->record));
	return nx_organization_find(
		nx_request_server(showing->request)->fields, tx, nx_request_principal(showing->request),
		nx_request_param(showing->request, "organization"), &showing->record, error);
}

/* Read and reply with `write`. */
static void show(struct nx_request *request,
		 enum nx_status (*read)(struct nx_tx *tx, void *context, struct nx_error *error),
		 void (*write)(void *server, const struct nx_value *record, struct nx_buffer *out))
{
	struct showing showing = {.request = request};
	struct nx_server *server = nx_request_server(request);
	struct nx_buffer body = {0};
	struct nx_error error = {0};

	if (nx_store_read(server->store, read, &showing, &error) == NX_OK) {
		write(server, showing.record, &body);
		nx_reply_json(request, 200, &body);
	} else {
		nx_refuse(request, &error);
	}
	free(showing.record);
}

static void organization_write(void *server, const struct nx_value *record, struct nx_buffer *out)
{
	nx_organization_write(((struct nx_server *)server)->fields, record, out);
}

void nx_organization_show(struct nx_request *request)
{
	show(request, organization_read, organization_write);
}

static bool take(void *context, const struct nx_row *row)
{
	struct showing *showing = context;

	showing->record = nx_record_copy(&nx_request_server(showing->request)->fields->devices, row);
	return false;
}

static enum nx_status device_read(struct nx_tx *tx, void *context, struct nx_error *error)
{
	struct showing *showing = context;
	struct nx_request *request = showing->request;
	const struct nx_fields *fields = nx_request_server(request)->fields;
	const char *organization_id = nx_request_param(request, "organization");
	NX_AUTO_FREE char *sql = nx_printf("%s AND organization_id = $2", fields->devices.find);
	enum nx_status status =
		nx_organization_find(fields, tx, nx_request_principal(request), organization_id, NULL, error);

	free(NX_TAKE(showing->record));
	if (status != NX_OK)
		return status;
	status = nx_sql_one(tx, error, sql,
			    NX_PARAMS(NX_TEXT(nx_request_param(request, "id")), NX_TEXT(organization_id)),
			    take, showing);
	return status == NX_NOT_FOUND ? nx_not_found(error, "device") : status;
}

void nx_organization_device(struct nx_request *request)
{
	show(request, device_read, nx_device_show_write);
}

/* --- its users --------------------------------------------------------------------------- */

static enum nx_status users_prepare(struct nx_request *request, struct nx_tx *tx, struct nx_list *list,
				    struct nx_error *error)
{
	const char *id = nx_request_param(request, "organization");

	list->from = "FROM users WHERE id IN (SELECT user_id FROM memberships WHERE organization_id = $1)";
	list->params[list->param_count++] = NX_TEXT(id);
	return nx_organization_find(nx_request_server(request)->fields, tx, nx_request_principal(request), id,
				    NULL, error);
}

void nx_organization_users(struct nx_request *request)
{
	nx_list_serve(request, &nx_user_columns, users_prepare);
}
