/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /api/devices: a user or a registration key enrols a device.
 *
 * A device that sends a token of its own making can repeat its registration: the
 * same key with the same token is the same device, whatever became of the first
 * answer, and uses up no registration key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/secret.h"
#include "server/auth/auth.h"
#include "server/ipam/asking.h"
#include "server/ipam/strategies.h"
#include "server/resources/access.h"
#include "server/resources/change.h"
#include "server/resources/device.h"
#include "server/resources/device_claim.h"
#include "server/resources/handlers.h"
#include "server/resources/reply.h"

struct registration {
	struct nx_write write;
	/* As asked for. */
	struct nx_value record[NX_COLUMN_LIMIT];
	struct nx_address wanted[NX_FAMILY_LIMIT];
	struct nx_child_prefixes children;
	char public_key[NX_PUBLIC_KEY_TEXT];
	const char *organization_id; /* NULL: none named */
	const char *token;	     /* the device's own making; NULL: none */
	char made_token[NX_TOKEN_TEXT];
	char token_hash[NX_HASH_TEXT];
	char id[NX_UUID_TEXT];
	struct nx_asking asking;
	/* As it became, in one run. */
	char organization[40]; /* as long as a principal's */
	struct nx_value *organization_record;
	struct nx_device_texts texts;
};

static void registration_end(struct nx_write *write)
{
	struct registration *registration = (struct registration *)write;

	free(NX_TAKE(registration->organization_record));
}

/* --- where to, and who may ------------------------------------------------------------- */

static bool take_id(void *context, const struct nx_row *row)
{
	snprintf(context, NX_UUID_TEXT, "%s", nx_row_text(row, 0));
	return true;
}

/* The only organization of a user, or the first of their own. */
static enum nx_status organization_default(struct nx_tx *tx, const char *user_id,
					   char out[static NX_UUID_TEXT], struct nx_error *error)
{
	enum nx_status status = nx_sql_one(
		tx, error,
		"SELECT o.id FROM organizations o JOIN memberships m ON m.organization_id = o.id WHERE "
		"m.user_id = $1"
		" AND (o.owner_id = $2 OR (SELECT COUNT(*) FROM memberships WHERE user_id = $3) = 1)"
		" ORDER BY o.created_at, o.id LIMIT 1",
		NX_PARAMS(NX_TEXT(user_id), NX_TEXT(user_id), NX_TEXT(user_id)), take_id, out);

	return status == NX_NOT_FOUND ? nx_missing(error, "organization_id") : status;
}

static enum nx_status organization_choose(struct registration *registration, struct nx_tx *tx,
					  struct nx_error *error)
{
	const struct nx_principal *who = registration->write.who;
	const char *named = registration->organization_id;

	if (who->kind == NX_PRINCIPAL_KEY && named && strcmp(named, who->organization_id) != 0)
		return nx_fail(error, NX_DENIED, NULL,
			       "the registration key is bound to another organization");
	if (who->kind == NX_PRINCIPAL_KEY)
		named = who->organization_id;
	if (!named)
		return organization_default(tx, who->user_id, registration->organization, error);
	snprintf(registration->organization, sizeof(registration->organization), "%s", named);
	return NX_OK;
}

static bool take_organization(void *context, const struct nx_row *row)
{
	struct registration *registration = context;

	registration->organization_record =
		nx_record_copy(&registration->write.server->fields->organizations, row);
	return false;
}

static size_t entry_params(const struct registration *registration, struct nx_value params[static 4])
{
	const struct nx_principal *who = registration->write.who;
	bool key = who->kind == NX_PRINCIPAL_KEY;

	params[0] = NX_TEXT(registration->organization);
	params[1] = NX_TEXT(registration->public_key);
	params[2] = NX_TEXT(key ? who->id : who->user_id);
	params[3] = NX_INT(time(NULL));
	return key ? 4 : 3;
}

/*
 * Where addresses come from a strategy that blocks it is asked before anything is written, so that what
 * is committed together with this is not run again for it. Whoever may not enter asks nobody.
 */
static enum nx_status addresses_foresee(struct registration *registration, struct nx_tx *tx,
					struct nx_error *error)
{
	struct nx_server *server = registration->write.server;
	const struct nx_fields *fields = server->fields;
	bool key = registration->write.who->kind == NX_PRINCIPAL_KEY;
	struct nx_value params[4];
	enum nx_status status;

	if (!nx_strategies_expected(server->strategies, registration->organization))
		return NX_OK;
	status = nx_sql_one(tx, error, key ? fields->enter_for_key : fields->enter_for_user, params,
			    entry_params(registration, params), take_organization, registration);
	if (status == NX_OK)
		status = nx_device_addresses_foresee(server, registration->organization_record,
						     registration->wanted, registration->record,
						     &registration->asking, error);
	free(NX_TAKE(registration->organization_record));
	return status == NX_NOT_FOUND ? NX_OK : status; /* why not is found out later */
}

/*
 * The organization's next revision, if all that must be so is so. That it is one statement
 * keeps the writer from waiting for the database more than once a registration; why there
 * was no row is looked into when there was none.
 */
static enum nx_status organization_enter(struct registration *registration, struct nx_tx *tx,
					 struct nx_error *error)
{
	const struct nx_fields *fields = registration->write.server->fields;
	bool key = registration->write.who->kind == NX_PRINCIPAL_KEY;
	struct nx_value params[4];
	size_t count = entry_params(registration, params);

	return nx_sql_one(tx, error, key ? fields->advance_for_key : fields->advance_for_user, params, count,
			  take_organization, registration);
}

/* Why not: the device is there already, or who asks is not let in. */
static enum nx_status entry_explain(struct registration *registration, struct nx_tx *tx,
				    struct nx_error *error)
{
	struct nx_write *write = &registration->write;
	const struct nx_device_claim claim = {
		.who = write->who,
		.public_key = registration->public_key,
		.organization_id = registration->organization_id,
		.token_hash = registration->token ? registration->token_hash : NULL,
	};
	enum nx_status status = nx_device_claim(write->server->fields, tx, &claim, &write->body, error);

	if (status == NX_OK)
		write->status = 200;
	if (status != NX_NOT_FOUND)
		return status;
	if (write->who->kind == NX_PRINCIPAL_KEY)
		return nx_fail(error, NX_DENIED, NULL,
			       "the registration key has been used already, or has expired");
	return nx_not_found(error, "organization");
}

/* Use up a registration key: in the transaction that makes the device, so once is once. */
static enum nx_status key_redeem(const struct registration *registration, struct nx_tx *tx,
				 struct nx_error *error)
{
	if (registration->write.who->kind != NX_PRINCIPAL_KEY)
		return NX_OK;
	return nx_sql(tx, error, "UPDATE registration_keys SET uses = uses + 1 WHERE id = $1",
		      NX_PARAMS(NX_TEXT(registration->write.who->id)));
}

/* --- making it --------------------------------------------------------------------------- */

static enum nx_status token_write(const struct registration *registration, struct nx_tx *tx,
				  const struct nx_value *record, struct nx_error *error)
{
	enum nx_status status = nx_sql(tx, error,
				       "INSERT INTO tokens (hash, kind, user_id, device_id, expires_at, "
				       "created_at) VALUES ($1, 'device', $2, $3, 0, $4)",
				       NX_PARAMS(NX_TEXT(registration->token_hash), record[NX_DEVICE_USER],
						 record[NX_DEVICE_ID], record[NX_DEVICE_CREATED]));

	if (status == NX_CONFLICT)
		nx_fail(error, NX_CONFLICT, "token", "another device has this token: make another one");
	return status;
}

static enum nx_status device_insert(struct registration *registration, struct nx_tx *tx,
				    const struct nx_value *record, struct nx_error *error)
{
	struct nx_server *server = registration->write.server;
	const struct nx_columns *columns = &server->fields->devices;
	enum nx_status status = nx_sql(tx, error, columns->insert, record, columns->count);

	if (status == NX_OK)
		status = nx_device_addresses_write(server, tx, record, &registration->texts, error);
	if (status == NX_OK)
		status = token_write(registration, tx, record, error);
	if (status == NX_OK)
		status = nx_device_announce(server, tx, record, &registration->write.body, error);
	return status;
}

static enum nx_status device_make(struct registration *registration, struct nx_tx *tx, struct nx_error *error)
{
	struct nx_server *server = registration->write.server;
	const struct nx_value *organization = registration->organization_record;
	struct nx_value record[NX_COLUMN_LIMIT];
	enum nx_status status = nx_child_prefixes_check(server->fields, tx, organization, registration->id,
							&registration->children, error);

	memcpy(record, registration->record, sizeof(record));
	record[NX_DEVICE_ORGANIZATION] = NX_TEXT(registration->organization);
	record[NX_DEVICE_REVISION] = organization[NX_ORGANIZATION_REVISION];
	record[NX_DEVICE_CREATED] = NX_INT(time(NULL));
	if (status == NX_OK)
		status = nx_device_addresses_choose(server, tx, organization, registration->wanted, record,
						    &registration->asking, &registration->texts, error);
	if (status == NX_OK)
		status = device_insert(registration, tx, record, error);
	return status == NX_OK ? key_redeem(registration, tx, error) : status;
}

static void token_show(struct registration *registration)
{
	struct nx_buffer text = {0};

	nx_json_write_string(&text, registration->made_token);
	nx_json_extend(&registration->write.body, "token", text.data);
	nx_wipe(text.data, text.length);
	nx_buffer_free(&text);
}

static enum nx_status registration_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	struct registration *registration = (struct registration *)write;
	enum nx_status status = organization_choose(registration, tx, error);

	write->status = 201;
	if (status == NX_OK)
		status = addresses_foresee(registration, tx, error);
	if (status != NX_OK)
		return status;
	status = organization_enter(registration, tx, error);
	if (status == NX_NOT_FOUND)
		return entry_explain(registration, tx, error);
	if (status == NX_OK)
		status = device_make(registration, tx, error);
	if (status == NX_OK && !registration->token)
		token_show(registration);
	return status;
}

/* --- what is asked for ------------------------------------------------------------------- */

static enum nx_status token_read(struct registration *registration, const struct nx_json *body,
				 struct nx_error *error)
{
	enum nx_status status = nx_text_read(body, "token", NX_TOKEN_TEXT, &registration->token, error);

	if (status != NX_OK)
		return status;
	if (registration->token && !nx_token_check(NX_TOKEN_DEVICE, registration->token))
		return nx_fail(error, NX_INVALID, "token",
			       "expected " NX_TOKEN_DEVICE
			       " and 43 characters of base64url: 256 random bits");
	if (!registration->token)
		nx_token_make(NX_TOKEN_DEVICE, registration->made_token);
	nx_token_hash(registration->token ? registration->token : registration->made_token,
		      registration->token_hash);
	return NX_OK;
}

static enum nx_status texts_read(struct registration *registration, const struct nx_json *body,
				 struct nx_error *error)
{
	struct nx_value *record = registration->record;
	enum nx_status status =
		nx_text_read(body, "hostname", NX_HOSTNAME_LIMIT, &record[NX_DEVICE_HOSTNAME].text, error);

	if (status == NX_OK)
		status = nx_text_read(body, "os", NX_OS_LIMIT, &record[NX_DEVICE_OS].text, error);
	if (status == NX_OK)
		status = nx_id_read(body, "organization_id", &registration->organization_id, error);
	return status;
}

static enum nx_status addresses_read(struct registration *registration, const struct nx_json *body,
				     struct nx_error *error)
{
	const struct nx_fields *fields = registration->write.server->fields;
	enum nx_status status = NX_OK;

	for (size_t i = 0; status == NX_OK && i < fields->family_count; i++)
		status = nx_address_read(fields, &fields->family[i], body, &registration->wanted[i], error);
	return status;
}

static enum nx_status body_read(struct registration *registration, const struct nx_json *body,
				struct nx_error *error)
{
	struct nx_server *server = registration->write.server;
	struct nx_value *record = registration->record;
	const char *driver = NULL;
	enum nx_status status = nx_device_key_read(server, body, &driver, registration->public_key, error);

	if (status == NX_OK)
		status = texts_read(registration, body, error);
	if (status == NX_OK)
		status = token_read(registration, body, error);
	if (status == NX_OK)
		status = addresses_read(registration, body, error);
	if (status == NX_OK)
		status = nx_child_prefixes_read(registration->write.request, body, &registration->children,
						error);
	if (status == NX_OK)
		status = nx_fields_read(server->fields, &server->fields->devices, body, NX_FIELD_ON_CREATE,
					record, error);
	if (status != NX_OK)
		return status;
	record[NX_DEVICE_ID] = NX_TEXT(registration->id);
	record[NX_DEVICE_USER] = NX_TEXT(registration->write.who->user_id);
	record[NX_DEVICE_PUBLIC_KEY] = NX_TEXT(registration->public_key);
	record[NX_DEVICE_DRIVER] = NX_TEXT(driver);
	record[NX_DEVICE_CHILD_PREFIX] = NX_TEXT(registration->children.text);
	return nx_device_relay_check(server, record, error);
}

void nx_device_create(struct nx_request *request)
{
	const struct nx_json *body = nx_request_json(request);
	struct registration *registration;
	struct nx_error error = {0};

	if (!body)
		return;
	registration = nx_write_new(request, sizeof(*registration), 201, registration_run);
	registration->write.end = registration_end;
	registration->write.asking = &registration->asking;
	nx_uuid_make(registration->id);
	nx_record_blank(&registration->write.server->fields->devices, registration->record);
	if (body_read(registration, body, &error) == NX_OK)
		nx_write_submit(&registration->write);
	else
		nx_refuse(request, &error);
}
