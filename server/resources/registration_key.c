/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registration keys: the owner of an organization makes them, for machines to enrol with.
 * The secret is answered once; its hash is what is stored.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/secret.h"
#include "server/auth/auth.h"
#include "server/resources/access.h"
#include "server/resources/handlers.h"
#include "server/resources/list.h"
#include "server/resources/organization.h"
#include "server/resources/reply.h"

#define LIFETIME_SECONDS (7LL * 24 * 3600)
#define LIFETIME_LIMIT (10LL * 366 * 24 * 3600)

enum {
	KEY_ID,
	KEY_ORGANIZATION,
	KEY_USER,
	KEY_DESCRIPTION,
	KEY_SINGLE_USE,
	KEY_USES,
	KEY_EXPIRY,
	KEY_CREATED,
	KEY_COLUMNS,
};

#define LIST "id, organization_id, user_id, description, single_use, uses, expires_at, created_at"

static const struct nx_columns columns = {
	.table = "registration_keys",
	.count = KEY_COLUMNS,
	.column =
		{
			[KEY_ID] = {.name = "id", .column = "id"},
			[KEY_ORGANIZATION] = {.name = "organization_id", .column = "organization_id"},
			[KEY_USER] = {.name = "user_id", .column = "user_id"},
			[KEY_DESCRIPTION] = {.name = "description", .column = "description"},
			[KEY_SINGLE_USE] = {.name = "single_use",
					    .column = "single_use",
					    .type = NX_COLUMN_BOOLEAN},
			[KEY_USES] = {.name = "uses", .column = "uses", .type = NX_COLUMN_INTEGER},
			[KEY_EXPIRY] = {.name = "expiry", .column = "expires_at", .type = NX_COLUMN_TIME},
			[KEY_CREATED] = {.column = "created_at", .type = NX_COLUMN_INTEGER},
		},
	.list = (char[]){LIST},
	.find = (char[]){"SELECT " LIST " FROM registration_keys WHERE id = $1"},
};

static enum nx_status list_prepare(struct nx_request *request, struct nx_tx *tx, struct nx_list *list,
				   struct nx_error *error)
{
	const char *id = nx_request_param(request, "organization");

	list->from = "FROM registration_keys WHERE organization_id = $1";
	list->params[list->param_count++] = NX_TEXT(id);
	return nx_organization_find(nx_request_server(request)->fields, tx, nx_request_principal(request), id,
				    NULL, error);
}

void nx_registration_keys_list(struct nx_request *request)
{
	nx_list_serve(request, &columns, list_prepare);
}

/* --- making one ----------------------------------------------------------------------------- */

struct creation {
	struct nx_write write;
	const char *description;
	bool single_use;
	int64_t lifetime;
	char key[NX_TOKEN_TEXT];
	char hash[NX_HASH_TEXT];
};

static enum nx_status key_insert(const struct creation *creation, struct nx_tx *tx,
				 const struct nx_value *record, struct nx_error *error)
{
	return nx_sql(tx, error,
		      "INSERT INTO registration_keys (" LIST
		      ", hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		      NX_PARAMS(record[KEY_ID], record[KEY_ORGANIZATION], record[KEY_USER],
				record[KEY_DESCRIPTION], record[KEY_SINGLE_USE], record[KEY_USES],
				record[KEY_EXPIRY], record[KEY_CREATED], NX_TEXT(creation->hash)));
}

static enum nx_status creation_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	const struct creation *creation = (const struct creation *)write;
	const char *organization_id = nx_request_param(write->request, "organization");
	char id[NX_UUID_TEXT], key[NX_TOKEN_TEXT + 2];
	const struct nx_value record[KEY_COLUMNS] = {
		[KEY_ID] = NX_TEXT(id),
		[KEY_ORGANIZATION] = NX_TEXT(organization_id),
		[KEY_USER] = NX_TEXT(write->who->id),
		[KEY_DESCRIPTION] = NX_TEXT(creation->description),
		[KEY_SINGLE_USE] = NX_INT(creation->single_use),
		[KEY_USES] = NX_INT(0),
		[KEY_EXPIRY] = NX_INT(time(NULL) + creation->lifetime),
		[KEY_CREATED] = NX_INT(time(NULL)),
	};
	enum nx_status status =
		nx_organization_owned(write->server->fields, tx, write->who, organization_id, NULL, error);

	nx_uuid_make(id);
	if (status == NX_OK)
		status = key_insert(creation, tx, record, error);
	if (status != NX_OK)
		return status;
	nx_columns_write(&columns, record, &write->body);
	snprintf(key, sizeof(key), "\"%s\"", creation->key); /* base64url needs no escaping */
	nx_json_extend(&write->body, "key", key);
	return NX_OK;
}

static enum nx_status lifetime_read(const struct nx_json *body, int64_t *out, struct nx_error *error)
{
	const struct nx_json *value = nx_body_member(body, "expires_in");

	*out = LIFETIME_SECONDS;
	if (!value)
		return NX_OK;
	if (!nx_json_integer(value, out) || *out <= 0 || *out > LIFETIME_LIMIT)
		return nx_fail(error, NX_INVALID, "expires_in", "expected seconds, 1 to %lld",
			       LIFETIME_LIMIT);
	return NX_OK;
}

static enum nx_status body_read(struct creation *creation, const struct nx_json *body, struct nx_error *error)
{
	enum nx_status status = lifetime_read(body, &creation->lifetime, error);

	creation->description = "";
	if (status == NX_OK)
		status = nx_text_read(body, "description", NX_DESCRIPTION_LIMIT, &creation->description,
				      error);
	return status == NX_OK ? nx_flag_read(body, "single_use", &creation->single_use, error) : status;
}

void nx_registration_key_create(struct nx_request *request)
{
	const struct nx_json *body = nx_request_json(request);
	struct creation *creation;
	struct nx_error error = {0};

	if (!body)
		return;
	creation = nx_write_new(request, sizeof(*creation), 201, creation_run);
	nx_token_make(NX_TOKEN_KEY, creation->key);
	nx_token_hash(creation->key, creation->hash);
	if (body_read(creation, body, &error) == NX_OK)
		nx_write_submit(&creation->write);
	else
		nx_refuse(request, &error);
}

/* --- revoking one --------------------------------------------------------------------------- */

struct deletion {
	struct nx_write write;
	struct nx_value *record;
};

static void deletion_end(struct nx_write *write)
{
	free(NX_TAKE(((struct deletion *)write)->record));
}

static bool take(void *context, const struct nx_row *row)
{
	*(struct nx_value **)context = nx_record_copy(&columns, row);
	return false;
}

static enum nx_status deletion_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	struct deletion *deletion = (struct deletion *)write;
	const char *organization_id = nx_request_param(write->request, "organization");
	enum nx_status status =
		nx_organization_owned(write->server->fields, tx, write->who, organization_id, NULL, error);

	if (status != NX_OK)
		return status;
	status = nx_sql_one(
		tx, error,
		"DELETE FROM registration_keys WHERE organization_id = $1 AND id = $2 RETURNING " LIST,
		NX_PARAMS(NX_TEXT(organization_id), NX_TEXT(nx_request_param(write->request, "key"))), take,
		&deletion->record);
	if (status == NX_NOT_FOUND)
		return nx_not_found(error, "registration key");
	if (status == NX_OK)
		nx_columns_write(&columns, deletion->record, &write->body);
	return status;
}

static void deletion_committed(struct nx_write *write)
{
	nx_auth_forget_id(write->server, ((struct deletion *)write)->record[KEY_ID].text);
}

void nx_registration_key_delete(struct nx_request *request)
{
	struct deletion *deletion = nx_write_new(request, sizeof(*deletion), 200, deletion_run);

	deletion->write.end = deletion_end;
	deletion->write.committed = deletion_committed;
	nx_write_submit(&deletion->write);
}
