/* SPDX-License-Identifier: Apache-2.0 */
/* PATCH /api/devices/{id}: its owner, or the device itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"
#include "server/auth/auth.h"
#include "server/ipam/asking.h"
#include "server/ipam/lease.h"
#include "server/resources/access.h"
#include "server/resources/change.h"
#include "server/resources/device.h"
#include "server/resources/handlers.h"
#include "server/resources/reply.h"

struct update {
	struct nx_write write;
	const struct nx_json *body;
	const char *id;
	const char *organization_id; /* where it is to go; NULL: stay */
	const char *hostname, *os;   /* NULL: as they are */
	struct nx_child_prefixes children;
	struct nx_asking asking;
	int64_t seen; /* the stage of a renumbering that the agent has taken up; 0: it says nothing */
	/* Of one run. */
	struct nx_value *before;
	struct nx_value *organization;
	struct nx_value after[NX_COLUMN_LIMIT]; /* borrows from before, organization, texts and body */
	struct nx_device_texts texts;
	bool moved;
};

static void update_end(struct nx_write *write)
{
	struct update *update = (struct update *)write;

	free(NX_TAKE(update->before));
	free(NX_TAKE(update->organization));
}

/* --- moving to another organization ------------------------------------------------------ */

static enum nx_status move_check(struct update *update, struct nx_tx *tx, struct nx_error *error)
{
	const struct nx_principal *who = update->write.who;
	bool member;
	enum nx_status status;

	update->moved = update->organization_id &&
			strcmp(update->organization_id, update->before[NX_DEVICE_ORGANIZATION].text) != 0;
	if (!update->moved)
		return NX_OK;
	if (who->kind != NX_PRINCIPAL_USER)
		return nx_fail(error, NX_DENIED, NULL,
			       "only the owner of a device may move it to another organization");
	status = nx_member_check(tx, update->organization_id, who->id, &member, error);
	return status == NX_OK && !member ? nx_not_found(error, "organization") : status;
}

static void addresses_leave(const struct nx_family *family, struct nx_value *record)
{
	record[family->device_address] = NX_TEXT("");
	if (family->device_second_address == NX_NO_COLUMN)
		return;
	record[family->device_second_address] = record[family->device_second_prefix] = NX_TEXT("");
}

/* Leave the old organization: its watchers see the device go. */
static enum nx_status move_out(struct update *update, struct nx_tx *tx, struct nx_error *error)
{
	struct nx_server *server = update->write.server;
	int64_t revision;
	enum nx_status status =
		nx_revision_next(tx, update->before[NX_DEVICE_ORGANIZATION].text, &revision, error);

	if (status == NX_OK)
		status = nx_leases_end(server->leases, tx, update->id, error);
	if (status == NX_OK)
		status = nx_device_announce_gone(server, tx, update->before, revision, error);
	for (size_t i = 0; i < server->fields->family_count; i++)
		addresses_leave(&server->fields->family[i], update->after);
	update->after[NX_DEVICE_RENUMBERING] = update->after[NX_DEVICE_RENUMBERING_SEEN] = NX_INT(0);
	update->after[NX_DEVICE_ORGANIZATION] = NX_TEXT(update->organization_id);
	return status;
}

static void update_committed(struct nx_write *write)
{
	const struct update *update = (const struct update *)write;

	if (!update->moved)
		return;
	nx_auth_forget_id(write->server, update->id);
	nx_watch_expel(write->server->watch, update->before[NX_DEVICE_ORGANIZATION].text, update->id);
}

/* --- changing ------------------------------------------------------------------------------ */

/* What the client has asked for, on top of what is. */
static enum nx_status changes_apply(struct update *update, struct nx_error *error)
{
	const struct nx_fields *fields = update->write.server->fields;
	struct nx_value *after = update->after;

	memcpy(after, update->before, fields->devices.count * sizeof(*after));
	if (update->hostname)
		after[NX_DEVICE_HOSTNAME] = NX_TEXT(update->hostname);
	if (update->os)
		after[NX_DEVICE_OS] = NX_TEXT(update->os);
	if (update->children.given)
		after[NX_DEVICE_CHILD_PREFIX] = NX_TEXT(update->children.text);
	/* What is told late, of a stage that is over, acknowledges nothing. */
	if (update->seen == after[NX_DEVICE_RENUMBERING].integer)
		after[NX_DEVICE_RENUMBERING_SEEN] = NX_INT(update->seen);
	return nx_fields_read(fields, &fields->devices, update->body, NX_FIELD_ON_PATCH, after, error);
}

/* Has the host begun to support a family in which it never had an address? */
static bool addresses_due(const struct update *update)
{
	const struct nx_fields *fields = update->write.server->fields;

	for (size_t i = 0; i < fields->family_count; i++) {
		if (nx_device_supports(&fields->family[i], update->after) &&
		    !nx_device_supports(&fields->family[i], update->before))
			return true;
	}
	return update->moved;
}

static enum nx_status children_check(struct update *update, struct nx_tx *tx, struct nx_error *error)
{
	const struct nx_fields *fields = update->write.server->fields;
	struct nx_child_prefixes children = {0};

	if (!update->children.given && !update->moved)
		return NX_OK;
	nx_child_prefixes_parse(update->after[NX_DEVICE_CHILD_PREFIX].text, &children);
	return nx_child_prefixes_check(fields, tx, update->organization, update->id, &children, error);
}

static enum nx_status device_store(struct update *update, struct nx_tx *tx, struct nx_error *error)
{
	struct nx_server *server = update->write.server;
	const struct nx_columns *columns = &server->fields->devices;
	struct nx_value params[NX_COLUMN_LIMIT];
	size_t count = nx_columns_update_params(columns, update->after, params);
	enum nx_status status = nx_sql(tx, error, columns->update, params, count);

	if (status == NX_OK)
		status = nx_device_addresses_write(server, tx, update->after, &update->texts, error);
	return status == NX_OK ? nx_device_announce(server, tx, update->after, &update->write.body, error)
			       : status;
}

/* From the organization's next revision on its devices are ours. Where other servers write to them too, one
 * of them may have changed this one since it was read: its addresses, while it is renumbered. */
static enum nx_status device_again(struct update *update, struct nx_tx *tx, struct nx_error *error)
{
	const struct nx_fields *fields = update->write.server->fields;
	struct nx_value *now = NULL;
	enum nx_status status;

	if (nx_tx_kind(tx) == NX_STORE_SQLITE || update->moved)
		return NX_OK;
	status = nx_device_find(fields, tx, update->write.who, update->id, &now, error);
	if (status != NX_OK)
		return status;
	free(update->before);
	update->before = now;
	return changes_apply(update, error);
}

static enum nx_status device_change(struct update *update, struct nx_tx *tx, struct nx_error *error)
{
	struct nx_server *server = update->write.server;
	enum nx_status status = update->moved ? move_out(update, tx, error) : NX_OK;

	memset(&update->texts, 0, sizeof(update->texts));
	if (status == NX_OK)
		status = nx_organization_advance(server, tx, update->after[NX_DEVICE_ORGANIZATION].text,
						 &update->organization, error);
	if (status == NX_OK)
		status = device_again(update, tx, error);
	if (status != NX_OK)
		return status;
	update->after[NX_DEVICE_REVISION] = update->organization[NX_ORGANIZATION_REVISION];
	status = children_check(update, tx, error);
	if (status == NX_OK && addresses_due(update))
		status = nx_device_addresses_choose(server, tx, update->organization, NULL, update->after,
						    &update->asking, &update->texts, error);
	return status == NX_OK ? device_store(update, tx, error) : status;
}

/* --- acknowledging a renumbering ------------------------------------------------------------ */

static bool acknowledges_only(const struct update *update)
{
	const struct nx_columns *columns = &update->write.server->fields->devices;
	struct nx_value before[NX_COLUMN_LIMIT];

	if (update->after[NX_DEVICE_RENUMBERING_SEEN].integer ==
	    update->before[NX_DEVICE_RENUMBERING_SEEN].integer)
		return false;
	memcpy(before, update->before, columns->count * sizeof(*before));
	before[NX_DEVICE_RENUMBERING_SEEN] = update->after[NX_DEVICE_RENUMBERING_SEEN];
	return nx_record_equal(columns, before, update->after);
}

/* Nobody but who renumbers needs to hear of it: of a thousand devices that acknowledge, each would be told a
 * thousand times. */
static enum nx_status acknowledge(struct update *update, struct nx_tx *tx, struct nx_error *error)
{
	nx_device_write(update->write.server->fields, update->after, &update->write.body);
	return nx_sql(tx, error, "UPDATE devices SET renumbering_seen = $1 WHERE id = $2",
		      NX_PARAMS(update->after[NX_DEVICE_RENUMBERING_SEEN], NX_TEXT(update->id)));
}

static enum nx_status seen_read(const struct nx_json *body, int64_t *out, struct nx_error *error)
{
	const struct nx_json *value = nx_body_member(body, "renumbering_seen");

	if (value && (!nx_json_integer(value, out) || *out < 0))
		return nx_fail(error, NX_INVALID, "renumbering_seen", "expected a whole number, 0 or more");
	return NX_OK;
}

static enum nx_status update_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	struct update *update = (struct update *)write;
	const struct nx_fields *fields = write->server->fields;
	enum nx_status status = nx_device_find(fields, tx, write->who, update->id, &update->before, error);

	if (status == NX_OK)
		status = changes_apply(update, error);
	if (status == NX_OK)
		status = move_check(update, tx, error);
	if (status != NX_OK)
		return status;
	if (!update->moved && acknowledges_only(update))
		return acknowledge(update, tx, error);
	if (!update->moved && nx_record_equal(&fields->devices, update->before, update->after)) {
		nx_device_write(fields, update->before, &write->body); /* nobody needs to hear of it */
		return NX_OK;
	}
	status = nx_device_relay_check(write->server, update->after, error);
	return status == NX_OK ? device_change(update, tx, error) : status;
}

/* --- what is asked for ---------------------------------------------------------------------- */

static enum nx_status body_read(struct update *update, struct nx_error *error)
{
	const struct nx_fields *fields = update->write.server->fields;
	const struct nx_json *body = update->body;
	struct nx_value scratch[NX_COLUMN_LIMIT];
	enum nx_status status = nx_text_read(body, "hostname", NX_HOSTNAME_LIMIT, &update->hostname, error);

	if (status == NX_OK)
		status = nx_text_read(body, "os", NX_OS_LIMIT, &update->os, error);
	if (status == NX_OK)
		status = nx_id_read(body, "organization_id", &update->organization_id, error);
	if (status == NX_OK)
		status = seen_read(body, &update->seen, error);
	if (status == NX_OK)
		status = nx_child_prefixes_read(update->write.request, body, &update->children, error);
	if (status == NX_OK) /* so that what is wrong never reaches the writer */
		status = nx_fields_read(fields, &fields->devices, body, NX_FIELD_ON_PATCH, scratch, error);
	return status;
}

void nx_device_update(struct nx_request *request)
{
	const struct nx_json *body = nx_request_json(request);
	struct update *update;
	struct nx_error error = {0};

	if (!body)
		return;
	update = nx_write_new(request, sizeof(*update), 200, update_run);
	update->write.end = update_end;
	update->write.committed = update_committed;
	update->write.asking = &update->asking;
	update->body = body;
	update->id = nx_request_param(request, "id");
	if (body_read(update, &error) == NX_OK)
		nx_write_submit(&update->write);
	else
		nx_refuse(request, &error);
}
