/* SPDX-License-Identifier: Apache-2.0 */
#include "server/resources/change.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/secret.h"
#include "server/resources/access.h"
#include "server/resources/reply.h"

enum nx_status nx_organization_advance(struct nx_server *server, struct nx_tx *tx,
				       const char *organization_id, struct nx_value **record,
				       struct nx_error *error)
{
	return nx_record_find(&server->fields->organizations, tx, server->fields->advance, organization_id,
			      "organization", record, error);
}

enum nx_status nx_revision_next(struct nx_tx *tx, const char *organization_id, int64_t *revision,
				struct nx_error *error)
{
	enum nx_status status = nx_sql_integer(
		tx, error,
		"UPDATE organizations SET revision = revision + 1 WHERE id = $1 RETURNING revision",
		NX_PARAMS(NX_TEXT(organization_id)), revision);

	return status == NX_NOT_FOUND ? nx_not_found(error, "organization") : status;
}

/* --- telling watchers ---------------------------------------------------------------- */

const char *nx_watch_kind_name(enum nx_watch_kind kind)
{
	return kind == NX_WATCH_DEVICE ? "device" : "organization";
}

void nx_line_write(enum nx_watch_kind kind, bool deleted, const char *json, size_t length,
		   struct nx_buffer *out)
{
	nx_buffer_printf(out, "{\"kind\":\"%s\",\"type\":\"%s\",\"value\":", nx_watch_kind_name(kind),
			 deleted ? "delete" : "change");
	nx_buffer_append(out, json, length);
	nx_buffer_text(out, "}\n");
}

struct announcement {
	struct nx_watch_hub *hub;
	enum nx_watch_kind kind;
	bool deleted;
	int64_t revision;
	char organization_id[NX_UUID_TEXT];
	struct nx_buffer line;
};

static void announcement_end(void *context, enum nx_tx_end end)
{
	struct announcement *announcement = context;

	if (end == NX_TX_COMMITTED)
		nx_watch_publish(announcement->hub, announcement->kind, announcement->deleted,
				 announcement->organization_id, announcement->revision,
				 announcement->line.data, announcement->line.length);
	else if (end == NX_TX_UNKNOWN) /* the store knows, if it has it */
		nx_watch_notified(announcement->hub, announcement->organization_id, announcement->revision);
	nx_buffer_free(&announcement->line);
	free(announcement);
}

static enum nx_status announce(struct nx_server *server, struct nx_tx *tx, enum nx_watch_kind kind,
			       bool deleted, const char *organization_id, int64_t revision, const char *json,
			       struct nx_error *error)
{
	struct announcement *announcement = nx_alloc(sizeof(*announcement));
	char payload[NX_UUID_TEXT + 24];

	announcement->hub = server->watch;
	announcement->kind = kind;
	announcement->deleted = deleted;
	announcement->revision = revision;
	snprintf(announcement->organization_id, sizeof(announcement->organization_id), "%s", organization_id);
	nx_line_write(kind, deleted, json, strlen(json), &announcement->line);
	nx_tx_at_end(tx, announcement_end, announcement);
	snprintf(payload, sizeof(payload), "%s %" PRId64, organization_id, revision);
	return nx_tx_notify(tx, payload, error);
}

enum nx_status nx_change_announce(struct nx_server *server, struct nx_tx *tx, enum nx_watch_kind kind,
				  const char *organization_id, int64_t revision, const char *json,
				  struct nx_error *error)
{
	return announce(server, tx, kind, false, organization_id, revision, json, error);
}

enum nx_status nx_change_forget(struct nx_server *server, struct nx_tx *tx, enum nx_watch_kind kind,
				const char *organization_id, int64_t revision, const char *json,
				struct nx_error *error)
{
	enum nx_status status =
		nx_sql(tx, error,
		       "INSERT INTO tombstones (organization_id, revision, kind, value, created_at) VALUES "
		       "($1, $2, $3, $4, $5)",
		       NX_PARAMS(NX_TEXT(organization_id), NX_INT(revision),
				 NX_TEXT(nx_watch_kind_name(kind)), NX_TEXT(json), NX_INT(time(NULL))));

	return status == NX_OK ? announce(server, tx, kind, true, organization_id, revision, json, error)
			       : status;
}

enum nx_status nx_organization_touch(struct nx_server *server, struct nx_tx *tx, const char *organization_id,
				     struct nx_value **record, struct nx_error *error)
{
	NX_AUTO_FREE struct nx_value *touched = NULL;
	struct nx_buffer json = {0};
	enum nx_status status = nx_organization_advance(server, tx, organization_id, &touched, error);

	if (status != NX_OK)
		return status;
	touched[NX_ORGANIZATION_CHANGED] = touched[NX_ORGANIZATION_REVISION];
	status = nx_sql(tx, error, "UPDATE organizations SET changed = $1 WHERE id = $2",
			NX_PARAMS(touched[NX_ORGANIZATION_CHANGED], NX_TEXT(organization_id)));
	nx_organization_write(server->fields, touched, &json);
	if (status == NX_OK)
		status = nx_change_announce(server, tx, NX_WATCH_ORGANIZATION, organization_id,
					    touched[NX_ORGANIZATION_REVISION].integer, json.data, error);
	nx_buffer_free(&json);
	if (status == NX_OK)
		*record = NX_TAKE(touched);
	return status;
}
