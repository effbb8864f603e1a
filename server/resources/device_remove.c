/* SPDX-License-Identifier: Apache-2.0 */
/* Announcing devices, and taking them away with all that hangs on them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"
#include "server/auth/auth.h"
#include "server/ipam/lease.h"
#include "server/resources/change.h"
#include "server/resources/device.h"
#include "server/resources/record_list.h"

enum nx_status nx_device_announce(struct nx_server *server, struct nx_tx *tx, const struct nx_value *record,
				  struct nx_buffer *out, struct nx_error *error)
{
	size_t start = out->length;

	nx_device_write(server->fields, record, out);
	return nx_change_announce(server, tx, NX_WATCH_DEVICE, record[NX_DEVICE_ORGANIZATION].text,
				  record[NX_DEVICE_REVISION].integer, out->data + start, error);
}

enum nx_status nx_device_announce_gone(struct nx_server *server, struct nx_tx *tx,
				       const struct nx_value *record, int64_t revision,
				       struct nx_error *error)
{
	struct nx_buffer json = {0};
	enum nx_status status;

	nx_buffer_printf(&json,
			 "{\"id\":\"%s\",\"revision\":%" PRId64 ",\"public_key\":", record[NX_DEVICE_ID].text,
			 revision);
	nx_json_write_string(&json, record[NX_DEVICE_PUBLIC_KEY].text);
	nx_buffer_text(&json, "}");
	status = nx_change_forget(server, tx, NX_WATCH_DEVICE, record[NX_DEVICE_ORGANIZATION].text, revision,
				  json.data, error);
	nx_buffer_free(&json);
	return status;
}

enum nx_status nx_device_remove(struct nx_server *server, struct nx_tx *tx, const struct nx_value *record,
				struct nx_error *error)
{
	const char *id = record[NX_DEVICE_ID].text;
	int64_t revision;
	enum nx_status status = nx_revision_next(tx, record[NX_DEVICE_ORGANIZATION].text, &revision, error);

	if (status == NX_OK)
		status = nx_leases_end(server->leases, tx, id, error);
	if (status == NX_OK)
		status = nx_tokens_revoke(server, tx, "SELECT hash FROM tokens WHERE device_id = $1",
					  NX_PARAMS(NX_TEXT(id)), error);
	if (status == NX_OK)
		status = nx_sql(tx, error, "DELETE FROM devices WHERE id = $1", NX_PARAMS(NX_TEXT(id)));
	if (status == NX_OK)
		status = nx_device_announce_gone(server, tx, record, revision, error);
	return status;
}

/* --- several ----------------------------------------------------------------------------- */

enum nx_status nx_devices_remove(struct nx_server *server, struct nx_tx *tx, const char *where,
				 const struct nx_value *params, size_t count, struct nx_error *error)
{
	struct nx_record_list list = {.columns = &server->fields->devices};
	NX_AUTO_FREE char *sql = nx_printf("SELECT %s FROM devices WHERE %s", list.columns->list, where);
	enum nx_status status = nx_sql_each(tx, error, sql, params, count, nx_record_list_take, &list);

	for (size_t i = 0; status == NX_OK && i < list.count; i++)
		status = nx_device_remove(server, tx, list.records[i], error);
	nx_record_list_clean(&list);
	return status;
}

/* --- tokens --------------------------------------------------------------------------------- */

struct revocation {
	struct nx_server *server;
	size_t count;
	char (*hash)[NX_HASH_TEXT];
};

static bool hash_gather(void *context, const struct nx_row *row)
{
	struct revocation *revocation = context;

	revocation->hash =
		nx_realloc_array(revocation->hash, revocation->count + 1, sizeof(*revocation->hash));
	snprintf(revocation->hash[revocation->count++], NX_HASH_TEXT, "%s", nx_row_text(row, 0));
	return true;
}

static void revocation_end(void *context, enum nx_tx_end end)
{
	struct revocation *revocation = context;

	for (size_t i = 0; end != NX_TX_ROLLED_BACK && i < revocation->count; i++) {
		nx_auth_forget(revocation->server, revocation->hash[i]);
		nx_watch_revoke(revocation->server->watch, revocation->hash[i]);
	}
	free(revocation->hash);
	free(revocation);
}

enum nx_status nx_tokens_revoke(struct nx_server *server, struct nx_tx *tx, const char *sql,
				const struct nx_value *params, size_t count, struct nx_error *error)
{
	struct revocation *revocation = nx_alloc(sizeof(*revocation));

	revocation->server = server;
	nx_tx_at_end(tx, revocation_end, revocation);
	return nx_sql_each(tx, error, sql, params, count, hash_gather, revocation);
}
