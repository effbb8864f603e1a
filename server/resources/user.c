/* SPDX-License-Identifier: Apache-2.0 */
#include "server/resources/user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "server/resources/organization.h"
#include "server/resources/reply.h"
#include "server/resources/user_columns.h"
#include "server/resources/value.h"

const struct nx_columns nx_user_columns = {
	.table = "users",
	.count = NX_USER_COLUMNS,
	.column =
		{
			[NX_USER_ID] = {.name = "id", .column = "id"},
			[NX_USER_NAME] = {.name = "username", .column = "username"},
			[NX_USER_ADMINISTRATOR] = {.name = "administrator",
						   .column = "administrator",
						   .type = NX_COLUMN_BOOLEAN},
		},
	.list = (char[]){"id, username, administrator"},
	.find = (char[]){"SELECT id, username, administrator FROM users WHERE id = $1"},
};

static bool take_id(void *context, const struct nx_row *row)
{
	snprintf(context, NX_UUID_TEXT, "%s", nx_row_text(row, 0));
	return true;
}

static enum nx_status username_check(struct nx_tx *tx, const char *username, struct nx_error *error)
{
	char id[NX_UUID_TEXT];
	enum nx_status status;

	if (!username[0])
		return nx_missing(error, "username");
	if (strlen(username) > NX_NAME_LIMIT)
		return nx_fail(error, NX_INVALID, "username", "longer than %d bytes", NX_NAME_LIMIT);
	if (!nx_text_printable(username))
		return nx_fail(error, NX_INVALID, "username", "holds control characters");
	status = nx_sql_one(tx, error, "SELECT id FROM users WHERE username = $1",
			    NX_PARAMS(NX_TEXT(username)), take_id, id);
	if (status == NX_NOT_FOUND)
		return NX_OK;
	return status == NX_OK ? nx_exists(error, id) : status;
}

/* Named after the user; with a part of the id behind it when somebody has that name already. */
static enum nx_status own_name(struct nx_tx *tx, const char *username, const char *user_id, char *out,
			       size_t room, struct nx_error *error)
{
	int64_t count = 0;
	enum nx_status status =
		nx_sql_integer(tx, error, "SELECT COUNT(*) FROM organizations WHERE name = $1",
			       NX_PARAMS(NX_TEXT(username)), &count);

	if (count)
		snprintf(out, room, "%s-%s", username, user_id + strlen(user_id) - 12);
	else
		snprintf(out, room, "%s", username);
	return status;
}

static enum nx_status own_organization(struct nx_server *server, struct nx_tx *tx, const char *username,
				       const char *user_id, struct nx_error *error)
{
	struct nx_new_organization organization;
	char name[NX_NAME_LIMIT + 16], description[NX_NAME_LIMIT + 32];
	enum nx_status status = nx_organization_read(server, NULL, &organization, error);

	if (status == NX_OK)
		status = own_name(tx, username, user_id, name, sizeof(name), error);
	if (status != NX_OK)
		return status;
	snprintf(description, sizeof(description), "%s's organization", username);
	organization.record[NX_ORGANIZATION_OWNER] = NX_TEXT(user_id);
	organization.record[NX_ORGANIZATION_NAME] = NX_TEXT(name);
	organization.record[NX_ORGANIZATION_DESCRIPTION] = NX_TEXT(description);
	return nx_organization_insert(server->fields, tx, &organization, error);
}

enum nx_status nx_user_create(struct nx_server *server, struct nx_tx *tx, const char *username,
			      const char *password_hash, bool administrator, char id[static NX_UUID_TEXT],
			      struct nx_error *error)
{
	enum nx_status status = username_check(tx, username, error);

	if (status != NX_OK)
		return status;
	nx_uuid_make(id);
	status = nx_sql(tx, error,
			"INSERT INTO users (id, username, password_hash, administrator, created_at) VALUES "
			"($1, $2, $3, $4, $5)",
			NX_PARAMS(NX_TEXT(id), NX_TEXT(username), NX_TEXT(password_hash),
				  NX_INT(administrator), NX_INT(time(NULL))));
	return status == NX_OK ? own_organization(server, tx, username, id, error) : status;
}
