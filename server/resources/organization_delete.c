/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DELETE /api/organizations/{organization}: its owner, with all it holds. A user keeps at
 * least one organization of their own, so that a device always has where to go.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "server/auth/auth.h"
#include "server/ipam/lease.h"
#include "server/resources/access.h"
#include "server/resources/change.h"
#include "server/resources/device.h"
#include "server/resources/handlers.h"
#include "server/resources/organization.h"
#include "server/resources/reply.h"

/* What becomes of it in memory when the transaction is committed. */
struct ending {
	struct nx_server *server;
	char organization_id[NX_UUID_TEXT];
};

static void ending_run(void *context, enum nx_tx_end end)
{
	struct ending *ending = context;

	if (end == NX_TX_COMMITTED) {
		nx_watch_close(ending->server->watch, ending->organization_id);
		nx_auth_forget_id(ending->server, ending->organization_id); /* registration keys */
	}
	free(ending);
}

/* Registered after the announcement of the deletion, so that watchers get that first. */
static void end_later(struct nx_server *server, struct nx_tx *tx, const char *organization_id)
{
	struct ending *ending = nx_alloc(sizeof(*ending));

	ending->server = server;
	memcpy(ending->organization_id, organization_id, strnlen(organization_id, NX_UUID_TEXT - 1));
	nx_tx_at_end(tx, ending_run, ending);
}

static enum nx_status announce_gone(struct nx_server *server, struct nx_tx *tx, const char *id,
				    struct nx_error *error)
{
	struct nx_buffer json = {0};
	int64_t revision;
	enum nx_status status = nx_revision_next(tx, id, &revision, error);

	if (status != NX_OK)
		return status;
	nx_buffer_printf(&json, "{\"id\":\"%s\",\"revision\":%" PRId64 "}", id, revision);
	status = nx_change_forget(server, tx, NX_WATCH_ORGANIZATION, id, revision, json.data, error);
	nx_buffer_free(&json);
	end_later(server, tx, id);
	return status;
}

enum nx_status nx_organization_remove(struct nx_server *server, struct nx_tx *tx,
				      const struct nx_value *record, struct nx_error *error)
{
	const char *id = record[NX_ORGANIZATION_ID].text;
	enum nx_status status = announce_gone(server, tx, id, error);

	if (status == NX_OK)
		status = nx_tokens_revoke(server, tx,
					  "SELECT t.hash FROM tokens t JOIN devices d ON d.id = t.device_id"
					  " WHERE d.organization_id = $1",
					  NX_PARAMS(NX_TEXT(id)), error);
	if (status == NX_OK)
		status = nx_leases_end_all(server->leases, tx, id, error);
	if (status == NX_OK)
		status = nx_sql(tx, error, "DELETE FROM devices WHERE organization_id = $1",
				NX_PARAMS(NX_TEXT(id)));
	/* Memberships, keys, invitations and tombstones go with it. */
	if (status == NX_OK)
		status = nx_sql(tx, error, "DELETE FROM organizations WHERE id = $1", NX_PARAMS(NX_TEXT(id)));
	return status;
}

static enum nx_status last_check(struct nx_tx *tx, const char *owner_id, struct nx_error *error)
{
	int64_t count = 0;
	enum nx_status status =
		nx_sql_integer(tx, error, "SELECT COUNT(*) FROM organizations WHERE owner_id = $1",
			       NX_PARAMS(NX_TEXT(owner_id)), &count);

	if (status == NX_OK && count < 2)
		return nx_fail(error, NX_DENIED, NULL,
			       "it is the last organization that you own: make another one first");
	return status;
}

static enum nx_status deletion_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	const struct nx_fields *fields = write->server->fields;
	NX_AUTO_FREE struct nx_value *record = NULL;
	enum nx_status status = nx_organization_owned(
		fields, tx, write->who, nx_request_param(write->request, "organization"), &record, error);

	if (status == NX_OK)
		status = last_check(tx, write->who->id, error);
	if (status == NX_OK)
		status = nx_organization_remove(write->server, tx, record, error);
	if (status == NX_OK)
		nx_organization_write(fields, record, &write->body);
	return status;
}

void nx_organization_delete(struct nx_request *request)
{
	struct nx_write *write = nx_write_new(request, sizeof(*write), 200, deletion_run);

	nx_write_submit(write);
}
