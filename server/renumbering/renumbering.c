/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of "renumberings". */
#include "server/renumbering/renumbering.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/watch/hub.h"

static const char *const state_names[NX_RENUMBERING_STATES] = {
	[NX_RENUMBERING_STARTING] = "starting",	  [NX_RENUMBERING_ASKING] = "asking",
	[NX_RENUMBERING_STARTED] = "started",	  [NX_RENUMBERING_COMMITTING] = "committing",
	[NX_RENUMBERING_COMMITTED] = "committed", [NX_RENUMBERING_RETURNING] = "returning",
	[NX_RENUMBERING_RETURNED] = "returned",	  [NX_RENUMBERING_CLEARING] = "clearing",
	[NX_RENUMBERING_ENDED] = "ended",
};

/* What `outcome` says of one that was rolled back; that of any other is "". */
#define ROLLED_BACK "rolled back"

const char *nx_renumbering_state_name(enum nx_renumbering_state state)
{
	return state_names[state];
}

bool nx_renumbering_passing(enum nx_renumbering_state state)
{
	switch (state) {
	case NX_RENUMBERING_STARTING:
	case NX_RENUMBERING_ASKING:
	case NX_RENUMBERING_COMMITTING:
	case NX_RENUMBERING_RETURNING:
	case NX_RENUMBERING_CLEARING:
		return true;
	default:
		return false;
	}
}

/* --- reading -------------------------------------------------------------------------------- */

#define COLUMNS                                                                                              \
	"organization_id, family, state, outcome, old_prefix, new_prefix, old_strategy, new_strategy, "      \
	"keeps,"                                                                                             \
	" stage, turned, done_to, problem, ends_at, started_at"

static const struct nx_family *family_find(const struct nx_fields *fields, const char *key)
{
	const struct nx_family *family = nx_family_find(fields, key);

	return family && family->organization_second != NX_NO_COLUMN ? family : NULL;
}

static enum nx_renumbering_state state_find(const char *name)
{
	size_t state = 0;

	while (state < NX_RENUMBERING_ENDED && strcmp(state_names[state], name) != 0)
		state++;
	return (enum nx_renumbering_state)state;
}

static void text_take(char *out, size_t room, const struct nx_row *row, size_t column)
{
	snprintf(out, room, "%s", nx_row_text(row, column));
}

static bool row_take(void *context, const struct nx_row *row)
{
	struct nx_renumbering_list *list = context;
	struct nx_renumbering *out = &list->rows[list->count];

	*out = (struct nx_renumbering){.family = family_find(list->fields, nx_row_text(row, 1))};
	if (!out->family || !nx_prefix_parse(nx_row_text(row, 4), &out->old_prefix) ||
	    !nx_prefix_parse(nx_row_text(row, 5), &out->new_prefix))
		return true; /* its family is not loaded: what is to become of it, waits */
	text_take(out->organization_id, sizeof(out->organization_id), row, 0);
	out->state = state_find(nx_row_text(row, 2));
	out->rolled_back = *nx_row_text(row, 3) != '\0';
	text_take(out->old_strategy, sizeof(out->old_strategy), row, 6);
	text_take(out->new_strategy, sizeof(out->new_strategy), row, 7);
	out->keeps = nx_row_integer(row, 8) != 0;
	out->stage = nx_row_integer(row, 9);
	out->turned = nx_row_integer(row, 10);
	text_take(out->done_to, sizeof(out->done_to), row, 11);
	text_take(out->problem, sizeof(out->problem), row, 12);
	out->ends_at = nx_row_integer(row, 13);
	out->started_at = nx_row_integer(row, 14);
	return ++list->count < NX_RENUMBERINGS_LIMIT;
}

enum nx_status nx_renumbering_list(const struct nx_fields *fields, struct nx_tx *tx,
				   const char *organization_id, struct nx_renumbering_list *out,
				   struct nx_error *error)
{
	out->fields = fields;
	out->count = 0;
	return nx_sql_each(tx, error,
			   "SELECT " COLUMNS
			   " FROM renumberings WHERE organization_id = $1 ORDER BY started_at, family",
			   NX_PARAMS(NX_TEXT(organization_id)), row_take, out);
}

enum nx_status nx_renumbering_due(const struct nx_fields *fields, struct nx_tx *tx, const char *after,
				  struct nx_renumbering_list *out, struct nx_error *error)
{
	out->fields = fields;
	out->count = 0;
	return nx_sql_each(tx, error,
			   "SELECT " COLUMNS " FROM renumberings WHERE state NOT IN ('started', 'ended')"
			   " AND (state NOT IN ('committed', 'returned') OR ends_at <= $1)"
			   " AND organization_id > $2 ORDER BY organization_id",
			   NX_PARAMS(NX_INT(time(NULL)), NX_TEXT(after)), row_take, out);
}

enum nx_status nx_renumbering_find(const struct nx_fields *fields, struct nx_tx *tx,
				   const char *organization_id, struct nx_renumbering *out,
				   struct nx_error *error)
{
	NX_AUTO_FREE struct nx_renumbering_list *list = nx_alloc(sizeof(*list));
	enum nx_status status = nx_renumbering_list(fields, tx, organization_id, list, error);

	if (status != NX_OK)
		return status;
	for (size_t i = 0; i < list->count; i++) {
		if (list->rows[i].state == NX_RENUMBERING_ENDED)
			continue;
		*out = list->rows[i];
		return NX_OK;
	}
	return nx_fail(error, NX_NOT_FOUND, NULL, "the organization is not being renumbered");
}

/* --- writing -------------------------------------------------------------------------------- */

enum nx_status nx_renumbering_insert(struct nx_tx *tx, const struct nx_renumbering *row,
				     struct nx_error *error)
{
	char old_prefix[NX_ADDRESS_TEXT], new_prefix[NX_ADDRESS_TEXT];
	enum nx_status status = nx_sql(
		tx, error,
		"DELETE FROM renumberings WHERE organization_id = $1 AND family = $2 AND state = 'ended'",
		NX_PARAMS(NX_TEXT(row->organization_id), NX_TEXT(row->family->key)));

	if (status != NX_OK)
		return status;
	return nx_sql(tx, error,
		      "INSERT INTO renumberings (" COLUMNS ") VALUES"
		      " ($1, $2, $3, '', $4, $5, $6, $7, $8, $9, 0, '', '', 0, $10)",
		      NX_PARAMS(NX_TEXT(row->organization_id), NX_TEXT(row->family->key),
				NX_TEXT(state_names[row->state]),
				NX_TEXT(nx_prefix_format(&row->old_prefix, old_prefix)),
				NX_TEXT(nx_prefix_format(&row->new_prefix, new_prefix)),
				NX_TEXT(row->old_strategy), NX_TEXT(row->new_strategy), NX_INT(row->keeps),
				NX_INT(row->stage), NX_INT(row->started_at)));
}

enum nx_status nx_renumbering_advance(struct nx_tx *tx, const struct nx_renumbering *row,
				      enum nx_renumbering_state was, const char *done_to, bool *changed,
				      struct nx_error *error)
{
	int64_t rows = 0;
	enum nx_status status = nx_sql_changed(
		tx, error,
		"UPDATE renumberings SET state = $1, outcome = $2, stage = $3, turned = $4, done_to = $5,"
		" problem = $6, ends_at = $7"
		" WHERE organization_id = $8 AND family = $9 AND state = $10 AND done_to = $11",
		NX_PARAMS(NX_TEXT(state_names[row->state]), NX_TEXT(row->rolled_back ? ROLLED_BACK : ""),
			  NX_INT(row->stage), NX_INT(row->turned), NX_TEXT(row->done_to),
			  NX_TEXT(row->problem), NX_INT(row->ends_at), NX_TEXT(row->organization_id),
			  NX_TEXT(row->family->key), NX_TEXT(state_names[was]), NX_TEXT(done_to)),
		&rows);

	*changed = rows > 0;
	return status;
}

/* --- who has taken it up -------------------------------------------------------------------- */

enum nx_status nx_renumbering_count(struct nx_tx *tx, const struct nx_fields *fields,
				    const struct nx_renumbering *row, struct nx_renumbering_count *out,
				    struct nx_error *error)
{
	const char *address = fields->devices.column[row->family->device_address].column;
	const char *second = fields->devices.column[row->family->device_second_address].column;
	NX_AUTO_FREE char *devices =
		nx_printf("SELECT COUNT(*) FROM devices WHERE organization_id = $1 AND %s <> ''", address);
	NX_AUTO_FREE char *ready =
		nx_printf("SELECT COUNT(*) FROM devices WHERE organization_id = $1 AND %s <> '' AND %s <> ''",
			  address, second);
	NX_AUTO_FREE char *acknowledged =
		nx_printf("SELECT COUNT(*) FROM devices WHERE organization_id = $1 AND %s <> ''"
			  " AND renumbering = $2 AND renumbering_seen = $3",
			  second);
	enum nx_status status =
		nx_sql_integer(tx, error, devices, NX_PARAMS(NX_TEXT(row->organization_id)), &out->devices);

	if (status == NX_OK)
		status = nx_sql_integer(tx, error, ready, NX_PARAMS(NX_TEXT(row->organization_id)),
					&out->ready);
	if (status == NX_OK)
		status = nx_sql_integer(
			tx, error, acknowledged,
			NX_PARAMS(NX_TEXT(row->organization_id), NX_INT(row->stage), NX_INT(row->stage)),
			&out->acknowledged);
	return status;
}

struct waiting {
	bool (*each)(void *context, const char *id, const char *hostname);
	void *context;
};

static bool waiting_take(void *context, const struct nx_row *row)
{
	const struct waiting *waiting = context;

	return waiting->each(waiting->context, nx_row_text(row, 0), nx_row_text(row, 1));
}

enum nx_status nx_renumbering_waiting(struct nx_tx *tx, const struct nx_fields *fields,
				      const struct nx_renumbering *row,
				      bool (*each)(void *context, const char *id, const char *hostname),
				      void *context, struct nx_error *error)
{
	const char *second = fields->devices.column[row->family->device_second_address].column;
	struct waiting waiting = {each, context};
	NX_AUTO_FREE char *sql =
		nx_printf("SELECT id, hostname FROM devices WHERE organization_id = $1"
			  " AND %s <> '' AND NOT (renumbering = $2 AND renumbering_seen = $3)"
			  " ORDER BY id",
			  second);

	return nx_sql_each(tx, error, sql,
			   NX_PARAMS(NX_TEXT(row->organization_id), NX_INT(row->stage), NX_INT(row->stage)),
			   waiting_take, &waiting);
}

struct online {
	struct nx_server *server;
	size_t count;
};

static bool online_count(void *context, const char *id, const char *hostname)
{
	struct online *online = context;

	(void)hostname;
	online->count += nx_watch_online(online->server->watch, id);
	return true;
}

enum nx_status nx_renumbering_waiting_online(struct nx_server *server, struct nx_tx *tx,
					     const struct nx_renumbering *row, size_t *out,
					     struct nx_error *error)
{
	struct online online = {.server = server};
	enum nx_status status = nx_renumbering_waiting(tx, server->fields, row, online_count, &online, error);

	*out = online.count;
	return status;
}

enum nx_status nx_renumbering_waiting_known(struct nx_tx *tx, const struct nx_fields *fields,
					    const struct nx_renumbering *row, int64_t *out,
					    struct nx_error *error)
{
	const char *second = fields->devices.column[row->family->device_second_address].column;
	NX_AUTO_FREE char *sql =
		nx_printf("SELECT COUNT(*) FROM devices WHERE organization_id = $1 AND %s <> ''"
			  " AND renumbering_seen <> 0 AND NOT (renumbering = $2 AND renumbering_seen = $3)",
			  second);

	return nx_sql_integer(
		tx, error, sql,
		NX_PARAMS(NX_TEXT(row->organization_id), NX_INT(row->stage), NX_INT(row->stage)), out);
}
