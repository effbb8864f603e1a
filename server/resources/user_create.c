/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/users and /api/users/{id}/password. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"
#include "server/resources/device.h"
#include "server/resources/handlers.h"
#include "server/resources/organization.h"
#include "server/resources/reply.h"
#include "server/resources/user.h"
#include "server/resources/user_columns.h"
#include "server/resources/user_find.h"

enum nx_status nx_password_read(const struct nx_json *body, char hash[static NX_PASSWORD_HASH_TEXT],
				struct nx_error *error)
{
	const struct nx_json *value = nx_body_member(body, "password");
	const char *password = nx_json_string(value);

	if (!value)
		return nx_missing(error, "password");
	if (!password)
		return nx_fail(error, NX_INVALID, "password", "expected a string");
	if (strlen(password) < NX_PASSWORD_MINIMUM || strlen(password) > NX_PASSWORD_LIMIT)
		return nx_fail(error, NX_INVALID, "password", "it must have %d to %d bytes",
			       NX_PASSWORD_MINIMUM, NX_PASSWORD_LIMIT);
	return nx_password_hash(password, hash, error);
}

/* --- a new user ------------------------------------------------------------------------------ */

struct creation {
	struct nx_write write;
	const char *username;
	bool administrator;
	char password_hash[NX_PASSWORD_HASH_TEXT];
};

static enum nx_status creation_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	struct creation *creation = (struct creation *)write;
	char id[NX_UUID_TEXT];
	enum nx_status status = nx_user_create(write->server, tx, creation->username, creation->password_hash,
					       creation->administrator, id, error);
	const struct nx_value record[] = {
		[NX_USER_ID] = NX_TEXT(id),
		[NX_USER_NAME] = NX_TEXT(creation->username),
		[NX_USER_ADMINISTRATOR] = NX_INT(creation->administrator),
	};

	if (status == NX_OK)
		nx_columns_write(&nx_user_columns, record, &write->body);
	return status;
}

static enum nx_status creation_read(struct creation *creation, const struct nx_json *body,
				    struct nx_error *error)
{
	enum nx_status status;

	if (!creation->write.who->administrator)
		return nx_fail(error, NX_DENIED, NULL, "only an administrator may make users");
	status = nx_text_read(body, "username", NX_NAME_LIMIT, &creation->username, error);
	if (status != NX_OK)
		return status;
	if (!creation->username || !creation->username[0])
		return nx_missing(error, "username");
	status = nx_flag_read(body, "administrator", &creation->administrator, error);
	return status == NX_OK ? nx_password_read(body, creation->password_hash, error) : status;
}

void nx_user_create_request(struct nx_request *request)
{
	const struct nx_json *body = nx_request_json(request);
	struct creation *creation;
	struct nx_error error = {0};

	if (!body)
		return;
	creation = nx_write_new(request, sizeof(*creation), 201, creation_run);
	if (creation_read(creation, body, &error) == NX_OK)
		nx_write_submit(&creation->write);
	else
		nx_refuse(request, &error);
}

/* --- a password -------------------------------------------------------------------------------- */

struct password {
	struct nx_write write;
	char hash[NX_PASSWORD_HASH_TEXT];
};

/* Whoever signed in with the old one has to do so again, but for who asks. */
static enum nx_status password_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	const struct password *password = (const struct password *)write;
	NX_AUTO_FREE struct nx_value *user = NULL;
	const char *id = nx_user_named(write->request);
	enum nx_status status = nx_user_find(tx, write->who, id, &user, error);

	if (status == NX_OK && strcmp(id, write->who->id) != 0 && !write->who->administrator)
		return nx_fail(error, NX_DENIED, NULL,
			       "only the user or an administrator may set the password");
	if (status == NX_OK)
		status = nx_sql(tx, error, "UPDATE users SET password_hash = $1 WHERE id = $2",
				NX_PARAMS(NX_TEXT(password->hash), NX_TEXT(id)));
	if (status == NX_OK)
		status = nx_tokens_revoke(
			write->server, tx,
			"SELECT hash FROM tokens WHERE user_id = $1 AND kind = 'user' AND hash <> $2",
			NX_PARAMS(NX_TEXT(id), NX_TEXT(write->who->token_hash)), error);
	if (status == NX_OK)
		status = nx_sql(tx, error,
				"DELETE FROM tokens WHERE user_id = $1 AND kind = 'user' AND hash <> $2",
				NX_PARAMS(NX_TEXT(id), NX_TEXT(write->who->token_hash)));
	return status;
}

void nx_user_password(struct nx_request *request)
{
	const struct nx_json *body = nx_request_json(request);
	struct password *password;
	struct nx_error error = {0};

	if (!body)
		return;
	password = nx_write_new(request, sizeof(*password), 204, password_run);
	if (nx_password_read(body, password->hash, &error) == NX_OK)
		nx_write_submit(&password->write);
	else
		nx_refuse(request, &error);
}
