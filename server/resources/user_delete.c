/* SPDX-License-Identifier: Apache-2.0 */
/* DELETE /api/users/{id} and /api/users/{id}/organizations/{organization}. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "server/auth/auth.h"
#include "server/resources/access.h"
#include "server/resources/device.h"
#include "server/resources/handlers.h"
#include "server/resources/organization.h"
#include "server/resources/reply.h"
#include "server/resources/user_columns.h"
#include "server/resources/user_find.h"
#include "server/watch/hub.h"

/* --- leaving an organization --------------------------------------------------------------- */

static enum nx_status leave_check(struct nx_write *write, struct nx_tx *tx, const char *user_id,
				  const char *organization_id, struct nx_error *error)
{
	const struct nx_fields *fields = write->server->fields;
	NX_AUTO_FREE struct nx_value *organization = NULL;
	bool member = false;
	enum nx_status status =
		nx_organization_find(fields, tx, write->who, organization_id, &organization, error);

	if (status == NX_OK)
		status = nx_member_check(tx, organization_id, user_id, &member, error);
	if (status != NX_OK)
		return status;
	if (!member)
		return nx_not_found(error, "user");
	if (strcmp(organization[NX_ORGANIZATION_OWNER].text, user_id) == 0)
		return nx_fail(error, NX_DENIED, NULL,
			       "the owner cannot leave the organization, only delete it");
	if (strcmp(write->who->id, user_id) != 0 &&
	    strcmp(organization[NX_ORGANIZATION_OWNER].text, write->who->id) != 0)
		return nx_fail(error, NX_DENIED, NULL,
			       "only the owner of the organization may take others out of it");
	return NX_OK;
}

/* With the membership go the devices and the keys: what is left behind would still be let in. */
static enum nx_status leave_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	const char *user_id = nx_user_named(write->request);
	const char *organization_id = nx_request_param(write->request, "organization");
	NX_AUTO_FREE struct nx_value *user = NULL;
	enum nx_status status = leave_check(write, tx, user_id, organization_id, error);

	if (status == NX_OK)
		status = nx_user_find(tx, write->who, user_id, &user, error);
	if (status == NX_OK)
		status = nx_devices_remove(write->server, tx, "organization_id = $1 AND user_id = $2",
					   NX_PARAMS(NX_TEXT(organization_id), NX_TEXT(user_id)), error);
	if (status == NX_OK)
		status = nx_tokens_revoke(
			write->server, tx,
			"SELECT hash FROM registration_keys WHERE organization_id = $1 AND user_id = $2",
			NX_PARAMS(NX_TEXT(organization_id), NX_TEXT(user_id)), error);
	if (status == NX_OK)
		status = nx_sql(tx, error,
				"DELETE FROM registration_keys WHERE organization_id = $1 AND user_id = $2",
				NX_PARAMS(NX_TEXT(organization_id), NX_TEXT(user_id)));
	if (status == NX_OK)
		status = nx_sql(tx, error,
				"DELETE FROM memberships WHERE organization_id = $1 AND user_id = $2",
				NX_PARAMS(NX_TEXT(organization_id), NX_TEXT(user_id)));
	if (status == NX_OK)
		nx_columns_write(&nx_user_columns, user, &write->body);
	return status;
}

static void leave_committed(struct nx_write *write)
{
	nx_watch_expel(write->server->watch, nx_request_param(write->request, "organization"),
		       nx_user_named(write->request));
}

void nx_user_leave(struct nx_request *request)
{
	struct nx_write *write = nx_write_new(request, sizeof(*write), 200, leave_run);

	write->committed = leave_committed;
	nx_write_submit(write);
}

/* --- deleting a user ------------------------------------------------------------------------ */

static enum nx_status deletion_check(struct nx_write *write, struct nx_tx *tx, const struct nx_value *user,
				     struct nx_error *error)
{
	const char *id = user[NX_USER_ID].text;
	int64_t shared = 0, others = 1;
	enum nx_status status;

	if (strcmp(id, write->who->id) != 0 && !write->who->administrator)
		return nx_fail(error, NX_DENIED, NULL, "only the user or an administrator may delete a user");
	status = nx_sql_integer(tx, error,
				"SELECT COUNT(*) FROM memberships WHERE user_id <> $1 AND organization_id IN"
				" (SELECT id FROM organizations WHERE owner_id = $2)",
				NX_PARAMS(NX_TEXT(id), NX_TEXT(id)), &shared);
	if (status == NX_OK && user[NX_USER_ADMINISTRATOR].integer)
		status = nx_sql_integer(tx, error,
					"SELECT COUNT(*) FROM users WHERE administrator <> 0 AND id <> $1",
					NX_PARAMS(NX_TEXT(id)), &others);
	if (status != NX_OK)
		return status;
	if (shared)
		return nx_fail(error, NX_CONFLICT, NULL,
			       "the user owns an organization that others belong to: delete it, or take them "
			       "out, first");
	if (!others)
		return nx_fail(error, NX_CONFLICT, NULL, "the last administrator cannot be deleted");
	return NX_OK;
}

struct owned {
	const struct nx_columns *columns;
	struct nx_value *record;
};

static bool owned_take(void *context, const struct nx_row *row)
{
	struct owned *owned = context;

	owned->record = nx_record_copy(owned->columns, row);
	return false;
}

/* One organization of the user's own, if there is one left. */
static enum nx_status owned_remove(struct nx_server *server, struct nx_tx *tx, const char *user_id,
				   bool *more, struct nx_error *error)
{
	struct owned owned = {.columns = &server->fields->organizations};
	NX_AUTO_FREE char *sql =
		nx_printf("SELECT %s FROM organizations WHERE owner_id = $1 LIMIT 1", owned.columns->list);
	enum nx_status status = nx_sql_one(tx, error, sql, NX_PARAMS(NX_TEXT(user_id)), owned_take, &owned);

	*more = status == NX_OK;
	if (status != NX_OK)
		return status == NX_NOT_FOUND ? NX_OK : status;
	status = nx_organization_remove(server, tx, owned.record, error);
	free(owned.record);
	return status;
}

/* All that is the user's; memberships, tokens, keys and invitations go with the row. */
static enum nx_status user_remove(struct nx_server *server, struct nx_tx *tx, const char *id,
				  struct nx_error *error)
{
	enum nx_status status = nx_tokens_revoke(server, tx, "SELECT hash FROM tokens WHERE user_id = $1",
						 NX_PARAMS(NX_TEXT(id)), error);
	bool more = true;

	if (status == NX_OK)
		status = nx_devices_remove(server, tx, "user_id = $1", NX_PARAMS(NX_TEXT(id)), error);
	while (status == NX_OK && more)
		status = owned_remove(server, tx, id, &more, error);
	if (status == NX_OK)
		status = nx_sql(tx, error, "DELETE FROM users WHERE id = $1", NX_PARAMS(NX_TEXT(id)));
	return status;
}

static enum nx_status deletion_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	const char *id = nx_user_named(write->request);
	NX_AUTO_FREE struct nx_value *user = NULL;
	enum nx_status status = nx_user_find(tx, write->who, id, &user, error);

	if (status == NX_OK)
		status = deletion_check(write, tx, user, error);
	if (status == NX_OK)
		status = user_remove(write->server, tx, id, error);
	if (status == NX_OK)
		nx_columns_write(&nx_user_columns, user, &write->body);
	return status;
}

static void deletion_committed(struct nx_write *write)
{
	nx_auth_forget_id(write->server, nx_user_named(write->request));
}

void nx_user_delete(struct nx_request *request)
{
	struct nx_write *write = nx_write_new(request, sizeof(*write), 200, deletion_run);

	write->committed = deletion_committed;
	nx_write_submit(write);
}
