/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET and POST /api/users, GET /api/users/{id}. Users see themselves and those with whom
 * they share an organization; administrators see all, and make new ones.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "server/resources/access.h"
#include "server/resources/handlers.h"
#include "server/resources/list.h"
#include "server/resources/reply.h"
#include "server/resources/user.h"
#include "server/resources/user_columns.h"
#include "server/resources/user_find.h"

#define VISIBLE                                                                                              \
	"(id = $1 OR id IN (SELECT o.user_id FROM memberships o JOIN memberships m"                          \
	" ON m.organization_id = o.organization_id WHERE m.user_id = $2))"

static enum nx_status users_prepare(struct nx_request *request, struct nx_tx *tx, struct nx_list *list,
				    struct nx_error *error)
{
	const struct nx_principal *who = nx_request_principal(request);

	(void)tx;
	(void)error;
	list->from = who->administrator ? "FROM users WHERE id <> ''" : "FROM users WHERE " VISIBLE;
	for (int i = 0; !who->administrator && i < 2; i++)
		list->params[list->param_count++] = NX_TEXT(who->id);
	return NX_OK;
}

void nx_users_list(struct nx_request *request)
{
	nx_list_serve(request, &nx_user_columns, users_prepare);
}

const char *nx_user_named(struct nx_request *request)
{
	const char *id = nx_request_param(request, "id");

	return strcmp(id, "me") == 0 ? nx_request_principal(request)->user_id : id;
}

static bool yes(void *context, const struct nx_row *row)
{
	(void)row;
	*(bool *)context = true;
	return false;
}

enum nx_status nx_user_find(struct nx_tx *tx, const struct nx_principal *who, const char *id,
			    struct nx_value **record, struct nx_error *error)
{
	enum nx_status status = NX_OK;
	bool visible = who->administrator;

	if (!visible)
		status = nx_sql_each(tx, error, "SELECT id FROM users WHERE " VISIBLE " AND id = $3",
				     NX_PARAMS(NX_TEXT(who->user_id), NX_TEXT(who->user_id), NX_TEXT(id)),
				     yes, &visible);
	if (status == NX_OK && !visible)
		return nx_not_found(error, "user");
	if (status != NX_OK)
		return status;
	return nx_record_find(&nx_user_columns, tx, nx_user_columns.find, id, "user", record, error);
}

/* --- one ---------------------------------------------------------------------------------- */

struct showing {
	struct nx_request *request;
	struct nx_value *user;
};

static enum nx_status show_read(struct nx_tx *tx, void *context, struct nx_error *error)
{
	struct showing *showing = context;

	free(NX_TAKE(showing->user));
	return nx_user_find(tx, nx_request_principal(showing->request), nx_user_named(showing->request),
			    &showing->user, error);
}

void nx_user_show(struct nx_request *request)
{
	struct showing showing = {.request = request};
	struct nx_buffer body = {0};
	struct nx_error error = {0};

	if (nx_store_read(nx_request_server(request)->store, show_read, &showing, &error) == NX_OK) {
		nx_columns_write(&nx_user_columns, showing.user, &body);
		nx_reply_json(request, 200, &body);
	} else {
		nx_refuse(request, &error);
	}
	free(showing.user);
}
