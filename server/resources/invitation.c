/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invitations: the owner of an organization invites a user, who accepts or declines.
 * One that has expired is as good as gone.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/secret.h"
#include "server/resources/access.h"
#include "server/resources/handlers.h"
#include "server/resources/list.h"
#include "server/resources/reply.h"

#define LIFETIME_SECONDS (7LL * 24 * 3600)

enum { INVITATION_ID, INVITATION_USER, INVITATION_ORGANIZATION, INVITATION_EXPIRY, INVITATION_COLUMNS };

static const struct nx_columns columns = {
	.table = "invitations",
	.count = INVITATION_COLUMNS,
	.column =
		{
			[INVITATION_ID] = {.name = "id", .column = "id"},
			[INVITATION_USER] = {.name = "user_id", .column = "user_id"},
			[INVITATION_ORGANIZATION] = {.name = "organization_id", .column = "organization_id"},
			[INVITATION_EXPIRY] = {.name = "expiry",
					       .column = "expires_at",
					       .type = NX_COLUMN_TIME},
		},
	.list = (char[]){"id, user_id, organization_id, expires_at"},
	.find = (char[]){"SELECT id, user_id, organization_id, expires_at FROM invitations WHERE id = $1"},
};

/* --- the list --------------------------------------------------------------------------- */

static enum nx_status list_prepare(struct nx_request *request, struct nx_tx *tx, struct nx_list *list,
				   struct nx_error *error)
{
	const struct nx_principal *who = nx_request_principal(request);

	(void)tx;
	(void)error;
	list->from = "FROM invitations WHERE expires_at > $1 AND (user_id = $2 OR organization_id IN"
		     " (SELECT id FROM organizations WHERE owner_id = $3))";
	list->params[list->param_count++] = NX_INT(time(NULL));
	list->params[list->param_count++] = NX_TEXT(who->id);
	list->params[list->param_count++] = NX_TEXT(who->id);
	return NX_OK;
}

void nx_invitations_list(struct nx_request *request)
{
	nx_list_serve(request, &columns, list_prepare);
}

/* --- inviting --------------------------------------------------------------------------- */

struct creation {
	struct nx_write write;
	const char *user_id;
	const char *organization_id;
};

static bool take(void *context, const struct nx_row *row)
{
	*(struct nx_value **)context = nx_record_copy(&columns, row);
	return false;
}

static bool valid(const struct nx_value *invitation)
{
	return invitation[INVITATION_EXPIRY].integer > time(NULL);
}

/* The invitation that is there already, if it still counts; one that has expired makes way. */
static enum nx_status former_check(const struct creation *creation, struct nx_tx *tx, struct nx_error *error)
{
	NX_AUTO_FREE struct nx_value *former = NULL;
	enum nx_status status = nx_sql_one(
		tx, error,
		"SELECT id, user_id, organization_id, expires_at FROM invitations WHERE user_id = $1 AND "
		"organization_id = $2",
		NX_PARAMS(NX_TEXT(creation->user_id), NX_TEXT(creation->organization_id)), take, &former);

	if (status != NX_OK)
		return status == NX_NOT_FOUND ? NX_OK : status;
	if (valid(former))
		return nx_exists(error, former[INVITATION_ID].text);
	return nx_sql(tx, error, "DELETE FROM invitations WHERE id = $1", NX_PARAMS(former[INVITATION_ID]));
}

static enum nx_status invitee_check(const struct creation *creation, struct nx_tx *tx, struct nx_error *error)
{
	int64_t count = 0;
	bool member = false;
	enum nx_status status = nx_sql_integer(tx, error, "SELECT COUNT(*) FROM users WHERE id = $1",
					       NX_PARAMS(NX_TEXT(creation->user_id)), &count);

	if (status == NX_OK && !count)
		return nx_not_found(error, "user");
	if (status == NX_OK)
		status = nx_member_check(tx, creation->organization_id, creation->user_id, &member, error);
	if (status == NX_OK && member)
		return nx_fail(error, NX_CONFLICT, "user_id", "the user belongs to the organization already");
	return status == NX_OK ? former_check(creation, tx, error) : status;
}

static enum nx_status creation_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	const struct creation *creation = (const struct creation *)write;
	char id[NX_UUID_TEXT];
	struct nx_value record[INVITATION_COLUMNS];
	enum nx_status status = nx_organization_owned(write->server->fields, tx, write->who,
						      creation->organization_id, NULL, error);

	if (status == NX_OK)
		status = invitee_check(creation, tx, error);
	if (status != NX_OK)
		return status;
	nx_uuid_make(id);
	record[INVITATION_ID] = NX_TEXT(id);
	record[INVITATION_USER] = NX_TEXT(creation->user_id);
	record[INVITATION_ORGANIZATION] = NX_TEXT(creation->organization_id);
	record[INVITATION_EXPIRY] = NX_INT(time(NULL) + LIFETIME_SECONDS);
	status = nx_sql(
		tx, error,
		"INSERT INTO invitations (id, user_id, organization_id, expires_at) VALUES ($1, $2, $3, $4)",
		record, INVITATION_COLUMNS);
	if (status == NX_OK)
		nx_columns_write(&columns, record, &write->body);
	return status;
}

static enum nx_status body_read(struct creation *creation, const struct nx_json *body, struct nx_error *error)
{
	enum nx_status status = nx_text_read(body, "user_id", 79, &creation->user_id, error);

	if (status == NX_OK)
		status = nx_id_read(body, "organization_id", &creation->organization_id, error);
	if (status != NX_OK)
		return status;
	if (!creation->user_id || !creation->user_id[0])
		return nx_missing(error, "user_id");
	if (!creation->organization_id)
		return nx_missing(error, "organization_id");
	return NX_OK;
}

void nx_invitation_create(struct nx_request *request)
{
	const struct nx_json *body = nx_request_json(request);
	struct creation *creation;
	struct nx_error error = {0};

	if (!body)
		return;
	creation = nx_write_new(request, sizeof(*creation), 201, creation_run);
	if (body_read(creation, body, &error) == NX_OK)
		nx_write_submit(&creation->write);
	else
		nx_refuse(request, &error);
}

/* --- answering it -------------------------------------------------------------------------- */

/* The invitation of the path, if it is there and the asker's to answer, or (`owners`) to take back. */
static enum nx_status invitation_find(struct nx_write *write, struct nx_tx *tx, bool owners,
				      struct nx_value **out, struct nx_error *error)
{
	NX_AUTO_FREE struct nx_value *found = NULL;
	int64_t owned = 0;
	bool invited;
	enum nx_status status =
		nx_record_find(&columns, tx, columns.find, nx_request_param(write->request, "invitation"),
			       "invitation", &found, error);

	if (status != NX_OK)
		return status;
	if (!found || !valid(found))
		return nx_not_found(error, "invitation");
	invited = strcmp(write->who->id, found[INVITATION_USER].text) == 0;
	if (owners)
		status = nx_sql_integer(
			tx, error, "SELECT COUNT(*) FROM organizations WHERE id = $1 AND owner_id = $2",
			NX_PARAMS(found[INVITATION_ORGANIZATION], NX_TEXT(write->who->id)), &owned);
	if (status != NX_OK)
		return status;
	if (!invited && !owned)
		return nx_not_found(error, "invitation");
	*out = NX_TAKE(found);
	return NX_OK;
}

static enum nx_status invitation_drop(struct nx_tx *tx, const struct nx_value *invitation,
				      struct nx_error *error)
{
	return nx_sql(tx, error, "DELETE FROM invitations WHERE id = $1",
		      NX_PARAMS(invitation[INVITATION_ID]));
}

static enum nx_status deletion_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	NX_AUTO_FREE struct nx_value *invitation = NULL;
	enum nx_status status = invitation_find(write, tx, true, &invitation, error);

	return status == NX_OK ? invitation_drop(tx, invitation, error) : status;
}

void nx_invitation_delete(struct nx_request *request)
{
	struct nx_write *write = nx_write_new(request, sizeof(*write), 204, deletion_run);

	nx_write_submit(write);
}

static enum nx_status acceptance_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	NX_AUTO_FREE struct nx_value *invitation = NULL;
	enum nx_status status = invitation_find(write, tx, false, &invitation, error);

	if (status == NX_OK)
		status = nx_sql(tx, error,
				"INSERT INTO memberships (organization_id, user_id) VALUES ($1, $2)",
				NX_PARAMS(invitation[INVITATION_ORGANIZATION], invitation[INVITATION_USER]));
	return status == NX_OK ? invitation_drop(tx, invitation, error) : status;
}

void nx_invitation_accept(struct nx_request *request)
{
	struct nx_write *write = nx_write_new(request, sizeof(*write), 204, acceptance_run);

	nx_write_submit(write);
}
