/* SPDX-License-Identifier: Apache-2.0 */
#include "server/resources/history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "server/resources/access.h"

struct reading {
	const struct nx_fields *fields;
	struct nx_history *out;
	size_t rows;
};

static void item_add(struct nx_history *history, int64_t revision, enum nx_watch_kind kind, bool deleted,
		     size_t offset)
{
	if (history->count == history->room) {
		history->room = history->room ? history->room * 2 : 64;
		history->items = nx_realloc_array(history->items, history->room, sizeof(*history->items));
	}
	history->items[history->count++] = (struct nx_history_item){.revision = revision,
								    .kind = kind,
								    .deleted = deleted,
								    .offset = offset,
								    .length = history->text.length - offset};
}

static bool device_take(void *context, const struct nx_row *row)
{
	struct reading *reading = context;
	struct nx_value record[NX_COLUMN_LIMIT];
	size_t offset = reading->out->text.length;

	nx_record_borrow(&reading->fields->devices, row, record);
	nx_device_write(reading->fields, record, &reading->out->text);
	item_add(reading->out, record[NX_DEVICE_REVISION].integer, NX_WATCH_DEVICE, false, offset);
	reading->rows++;
	return true;
}

static bool tombstone_take(void *context, const struct nx_row *row)
{
	struct reading *reading = context;
	size_t offset = reading->out->text.length;
	bool device = strcmp(nx_row_text(row, 1), "device") == 0;

	nx_buffer_text(&reading->out->text, nx_row_text(row, 2));
	item_add(reading->out, nx_row_integer(row, 0), device ? NX_WATCH_DEVICE : NX_WATCH_ORGANIZATION, true,
		 offset);
	reading->rows++;
	return true;
}

static enum nx_status organization_take(struct reading *reading, struct nx_tx *tx,
					const char *organization_id, int64_t from, struct nx_error *error)
{
	const struct nx_columns *columns = &reading->fields->organizations;
	struct nx_history *out = reading->out;
	NX_AUTO_FREE struct nx_value *record = NULL;
	enum nx_status status =
		nx_record_find(columns, tx, columns->find, organization_id, "organization", &record, error);

	if (status != NX_OK)
		return status;
	out->revision = record[NX_ORGANIZATION_REVISION].integer;
	out->forgotten = record[NX_ORGANIZATION_FORGOTTEN].integer;
	if (record[NX_ORGANIZATION_CHANGED].integer > from) {
		nx_organization_write(reading->fields, record, &out->text);
		item_add(out, record[NX_ORGANIZATION_CHANGED].integer, NX_WATCH_ORGANIZATION, false, 0);
	}
	return NX_OK;
}

static int by_revision(const void *a, const void *b)
{
	const struct nx_history_item *x = a, *y = b;

	return (x->revision > y->revision) - (x->revision < y->revision);
}

/* One kind of rows; *full when there may be more of them than `limit`. */
static enum nx_status rows_take(struct reading *reading, struct nx_tx *tx, const char *sql,
				const char *organization_id, int64_t from, size_t limit,
				bool (*take)(void *context, const struct nx_row *row), bool *full,
				struct nx_error *error)
{
	int64_t bound = limit > INT32_MAX ? INT64_MAX : (int64_t)limit;
	enum nx_status status;

	reading->rows = 0;
	status = nx_sql_each(tx, error, sql,
			     NX_PARAMS(NX_TEXT(organization_id), NX_INT(from), NX_INT(reading->out->revision),
				       NX_INT(bound)),
			     take, reading);
	*full = *full || reading->rows >= limit;
	return status;
}

enum nx_status nx_history_read(const struct nx_fields *fields, struct nx_tx *tx, const char *organization_id,
			       int64_t from, size_t limit, struct nx_history *out, struct nx_error *error)
{
	struct reading reading = {.fields = fields, .out = out};
	bool full = false;
	enum nx_status status;

	nx_history_clean(out);
	status = organization_take(&reading, tx, organization_id, from, error);
	if (status != NX_OK)
		return status;
	status = rows_take(&reading, tx, fields->changed, organization_id, from, limit, device_take, &full,
			   error);
	if (status == NX_OK)
		status = rows_take(&reading, tx,
				   "SELECT revision, kind, value FROM tombstones WHERE organization_id = $1"
				   " AND revision > $2 AND revision <= $3 ORDER BY revision LIMIT $4",
				   organization_id, from, limit, tombstone_take, &full, error);
	if (status != NX_OK)
		return status;
	if (out->count)
		qsort(out->items, out->count, sizeof(*out->items), by_revision);
	/* Beyond the limit one kind may be missing what the other has. */
	if (full && out->count > limit)
		out->count = limit;
	out->upto = full ? out->items[out->count - 1].revision : out->revision;
	return NX_OK;
}

void nx_history_clean(struct nx_history *history)
{
	nx_buffer_free(&history->text);
	free(history->items);
	*history = (struct nx_history){0};
}

bool nx_history_resumable(int64_t from, int64_t revision, int64_t forgotten)
{
	return from == 0 || (from >= forgotten && from <= revision);
}

void nx_history_refuse(struct nx_request *request, int64_t revision)
{
	struct nx_buffer body = {0};

	nx_buffer_printf(&body,
			 "{\"error\":\"revision is gone\",\"field\":\"gt_revision\",\"reason\":\"what "
			 "followed that revision "
			 "is not all known any more: begin again with gt_revision 0\",\"revision\":%" PRId64
			 "}",
			 revision);
	nx_reply_json(request, 410, &body);
}
