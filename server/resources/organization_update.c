/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PATCH /api/organizations/{organization}: its owner. Prefixes change by renumbering alone; what is given
 * from now on follows what is changed here, what was given before stays as it is.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "server/ipam/strategy.h"
#include "server/resources/access.h"
#include "server/resources/change.h"
#include "server/resources/handlers.h"
#include "server/resources/organization.h"
#include "server/resources/reply.h"

struct update {
	struct nx_write write;
	const struct nx_json *body;
	const char *id;
	const char *name, *description; /* NULL: as they are */
	/* Of one run. */
	struct nx_value *before, *current;
};

static void update_end(struct nx_write *write)
{
	struct update *update = (struct update *)write;

	free(NX_TAKE(update->before));
	free(NX_TAKE(update->current));
}

/* What the client has asked for, on top of what is. */
static enum nx_status changes_apply(const struct update *update, struct nx_value *record,
				    struct nx_error *error)
{
	const struct nx_fields *fields = update->write.server->fields;

	if (update->name)
		record[NX_ORGANIZATION_NAME] = NX_TEXT(update->name);
	if (update->description)
		record[NX_ORGANIZATION_DESCRIPTION] = NX_TEXT(update->description);
	return nx_fields_read(fields, &fields->organizations, update->body, NX_FIELD_ON_PATCH, record, error);
}

static enum nx_status organization_store(struct update *update, struct nx_tx *tx,
					 const struct nx_value *record, struct nx_error *error)
{
	struct nx_server *server = update->write.server;
	const struct nx_columns *columns = &server->fields->organizations;
	struct nx_value params[NX_COLUMN_LIMIT];
	size_t count = nx_columns_update_params(columns, record, params);
	enum nx_status status = nx_sql(tx, error, columns->update, params, count);

	if (status != NX_OK)
		return status;
	nx_organization_write(server->fields, record, &update->write.body);
	return nx_change_announce(server, tx, NX_WATCH_ORGANIZATION, update->id,
				  record[NX_ORGANIZATION_REVISION].integer, update->write.body.data, error);
}

static enum nx_status organization_change(struct update *update, struct nx_tx *tx, struct nx_error *error)
{
	struct nx_server *server = update->write.server;
	enum nx_status status = NX_OK;

	if (update->name && strcmp(update->name, update->before[NX_ORGANIZATION_NAME].text) != 0)
		status = nx_organization_name_check(server->fields, tx, update->name, update->write.who,
						    error);
	/* From here on its row is ours: another server's change is in it, or waits. */
	if (status == NX_OK)
		status = nx_organization_advance(server, tx, update->id, &update->current, error);
	if (status == NX_OK)
		status = changes_apply(update, update->current, error);
	if (status != NX_OK)
		return status;
	update->current[NX_ORGANIZATION_CHANGED] = update->current[NX_ORGANIZATION_REVISION];
	return organization_store(update, tx, update->current, error);
}

static enum nx_status update_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	struct update *update = (struct update *)write;
	const struct nx_columns *columns = &write->server->fields->organizations;
	struct nx_value after[NX_COLUMN_LIMIT];
	enum nx_status status = nx_organization_owned(write->server->fields, tx, write->who, update->id,
						      &update->before, error);

	if (status != NX_OK)
		return status;
	memcpy(after, update->before, columns->count * sizeof(*after));
	status = changes_apply(update, after, error);
	if (status != NX_OK)
		return status;
	if (nx_record_equal(columns, update->before, after)) {
		nx_organization_write(write->server->fields, after,
				      &write->body); /* nobody needs to hear of it */
		return NX_OK;
	}
	return organization_change(update, tx, error);
}

/* What is wrong never reaches the writer. */
static enum nx_status body_read(struct update *update, struct nx_error *error)
{
	const struct nx_columns *columns = &update->write.server->fields->organizations;
	struct nx_value scratch[NX_COLUMN_LIMIT];
	enum nx_status status = nx_text_read(update->body, "name", NX_NAME_LIMIT, &update->name, error);

	if (status == NX_OK && update->name && !update->name[0])
		return nx_missing(error, "name");
	if (status == NX_OK)
		status = nx_text_read(update->body, "description", NX_DESCRIPTION_LIMIT, &update->description,
				      error);
	nx_record_blank(columns, scratch);
	if (status == NX_OK)
		status = changes_apply(update, scratch, error);
	if (status == NX_OK)
		status = nx_organization_strategies_check(update->write.server, scratch, error);
	return status;
}

void nx_organization_update(struct nx_request *request)
{
	const struct nx_json *body = nx_request_json(request);
	struct update *update;
	struct nx_error error = {0};

	if (!body)
		return;
	update = nx_write_new(request, sizeof(*update), 200, update_run);
	update->write.end = update_end;
	update->body = body;
	update->id = nx_request_param(request, "organization");
	if (body_read(update, &error) == NX_OK)
		nx_write_submit(&update->write);
	else
		nx_refuse(request, &error);
}
