/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/migrate_records.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"

static bool take_record(void *context, const struct nx_row *row)
{
	struct nx_records *records = context;
	struct nx_record *record;

	if (records->count == records->room) {
		records->room = records->room ? records->room * 2 : 16;
		records->rows = nx_realloc_array(records->rows, records->room, sizeof(*records->rows));
	}
	record = &records->rows[records->count++];
	record->component = nx_strdup(nx_row_text(row, 0));
	record->number = nx_row_integer(row, 1);
	snprintf(record->checksum, sizeof(record->checksum), "%s", nx_row_text(row, 2));
	record->down = nx_strdup(nx_row_text(row, 3));
	record->name = nx_strdup(nx_row_text(row, 4));
	return true;
}

enum nx_status nx_records_load(struct nx_tx *tx, struct nx_records *records, struct nx_error *error)
{
	return nx_sql_each(tx, error,
			   "SELECT component, number, checksum, down, name FROM schema_migrations"
			   " ORDER BY component, number",
			   NX_NO_PARAMS, take_record, records);
}

void nx_records_free(struct nx_records *records)
{
	for (size_t i = 0; i < records->count; i++) {
		free(records->rows[i].component);
		free(records->rows[i].down);
		free(records->rows[i].name);
	}
	free(records->rows);
	*records = (struct nx_records){0};
}

size_t nx_records_of(const struct nx_records *records, const char *component)
{
	size_t count = 0;

	for (size_t i = 0; i < records->count; i++)
		count += strcmp(records->rows[i].component, component) == 0;
	return count;
}

struct nx_migration nx_component_step(const struct nx_component *component, uint32_t index)
{
	struct nx_migration step;

	nx_table_row(&component->migrations, index, &step, sizeof(step));
	return step;
}

void nx_step_checksum(const struct nx_migration *step, char checksum[static NX_HASH_TEXT])
{
	nx_checksum(step->up, strlen(step->up), checksum);
}

enum nx_status nx_component_check(const struct nx_component *component, struct nx_error *error)
{
	for (uint32_t i = 0; i < component->migrations.count; i++) {
		struct nx_migration step = nx_component_step(component, i);

		if (step.number != i + 1)
			return nx_fail(error, NX_INVALID, NULL,
				       "%s: migrations count from 1 without a gap, but %u stands "
				       "where %u should",
				       component->name, step.number, i + 1);
		if (!step.name || !step.up || !step.down)
			return nx_fail(error, NX_INVALID, NULL,
				       "%s: migration %u lacks its name, its up or its down text",
				       component->name, step.number);
	}
	return NX_OK;
}

static const struct nx_component *find_component(const struct nx_component *components, size_t count,
						 const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(components[i].name, name) == 0)
			return &components[i];
	}
	return NULL;
}

static enum nx_status refuse_lost(const struct nx_record *record, struct nx_error *error)
{
	return nx_fail(error, NX_UNSUPPORTED, NULL,
		       "the database holds data of the plugin %s, which is not loaded: load it, or "
		       "give its data up for ever with --drop-plugin %s (--dry-run shows what that means), "
		       "which runs: %s",
		       record->component, record->component, record->down);
}

static enum nx_status check_record(const struct nx_record *record, const struct nx_component *component,
				   struct nx_error *error)
{
	char checksum[NX_HASH_TEXT];
	struct nx_migration step;

	if (record->number < 1 || record->number > component->migrations.count)
		return nx_fail(error, NX_UNSUPPORTED, NULL,
			       "the database is newer than this program: it has migration %" PRId64
			       " of %s, the program knows %u: run a newer program, or restore a backup",
			       record->number, record->component, component->migrations.count);
	step = nx_component_step(component, (uint32_t)record->number - 1);
	nx_step_checksum(&step, checksum);
	if (strcmp(checksum, record->checksum) != 0)
		return nx_fail(error, NX_UNSUPPORTED, NULL,
			       "migration %u of %s (%s) is not the one that the database has had "
			       "(checksum %.8s here, %.8s there): run the program that made the database",
			       step.number, component->name, step.name, checksum, record->checksum);
	return NX_OK;
}

enum nx_status nx_records_check(const struct nx_records *records, const struct nx_component *components,
				size_t count, struct nx_error *error)
{
	int64_t expected = 1;

	for (size_t i = 0; i < records->count; i++) {
		const struct nx_record *record = &records->rows[i];
		const struct nx_component *component = find_component(components, count, record->component);
		enum nx_status status;

		if (!component)
			return refuse_lost(record, error);
		if (i > 0 && strcmp(record->component, records->rows[i - 1].component) != 0)
			expected = 1;
		if (record->number != expected++)
			return nx_fail(error, NX_UNSUPPORTED, NULL,
				       "the table schema_migrations lacks migration %" PRId64
				       " of %s: restore it from a backup",
				       expected - 1, record->component);
		status = check_record(record, component, error);
		if (status != NX_OK)
			return status;
	}
	return NX_OK;
}
