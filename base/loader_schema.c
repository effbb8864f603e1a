/* SPDX-License-Identifier: Apache-2.0 */
/* Judging a plugin's tables: fields and migrations. */
#include <stdalign.h>
#include <string.h>

#include "base/loader_internal.h"
#include "base/table.h"

#define LONGEST_TABLE 1024

enum nx_status loader_table_check(const struct nx_host *host, const struct nx_table *table, const char *name,
				  size_t least, struct nx_error *error)
{
	if (table->count == 0)
		return NX_OK;
	if (!table->rows || table->count > LONGEST_TABLE)
		return nx_fail(error, NX_INVALID, NULL,
			       "%s: expected 0 to %d rows in the table `%s`, found %u%s", host->path,
			       LONGEST_TABLE, name, table->count, table->rows ? "" : " at NULL");
	if (table->row_size < least || table->row_size % alignof(void *) != 0)
		return nx_fail(error, NX_INVALID, NULL,
			       "%s: expected rows of %zu bytes or more in the table `%s`, found %u",
			       host->path, least, name, table->row_size);
	return NX_OK;
}

/* --- fields --------------------------------------------------------------------------------- */

static bool is_identifier(const char *text)
{
	return text && text[0] >= 'a' && text[0] <= 'z' && strlen(text) < 64 &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static bool is_known(const struct nx_field *field)
{
	return field->resource >= NX_RESOURCE_ORGANIZATION && field->resource <= NX_RESOURCE_DEVICE &&
	       field->type >= NX_FIELD_STRING && field->type <= NX_FIELD_PREFIX &&
	       (unsigned int)field->meaning <= NX_MEANING_DEVICE_SECOND_ADDRESS &&
	       (field->flags & ~(uint32_t)(NX_FIELD_ON_CREATE | NX_FIELD_ON_PATCH)) == 0;
}

/* Both names are unique in their resource, over all plugins. */
static const struct nx_host *find_field(const struct nx_host *host, const struct nx_field *wanted,
					uint32_t rows)
{
	struct nx_field field;

	for (uint32_t i = 0; i < rows; i++) {
		nx_table_row(&host->plugin.fields, i, &field, sizeof(field));
		if (field.resource == wanted->resource &&
		    (strcmp(field.name, wanted->name) == 0 || strcmp(field.column, wanted->column) == 0))
			return host;
	}
	return NULL;
}

static const struct nx_host *find_field_owner(const struct nx_host *host, const struct nx_field *wanted,
					      uint32_t row)
{
	const struct nx_plugins *set = host->set;

	for (size_t i = 0; i < set->count; i++) {
		const struct nx_host *other = set->items[i];
		const struct nx_host *owner =
			find_field(other, wanted, other == host ? row : other->plugin.fields.count);

		if (owner)
			return owner;
	}
	return NULL;
}

static enum nx_status check_field(const struct nx_host *host, uint32_t row, struct nx_error *error)
{
	const struct nx_host *owner;
	struct nx_field field;

	nx_table_row(&host->plugin.fields, row, &field, sizeof(field));
	if (!is_identifier(field.name) || !is_identifier(field.column) || !field.fallback)
		return nx_fail(
			error, NX_INVALID, NULL,
			"%s: expected name and column ([a-z][a-z0-9_]*) and a default in field %u, found "
			"\"%.40s\", \"%.40s\"",
			host->path, row + 1, field.name ? field.name : "", field.column ? field.column : "");
	if (!is_known(&field))
		return nx_fail(
			error, NX_INVALID, NULL,
			"%s: expected a known resource, type, meaning and flags in field \"%s\", found "
			"%d, %d, %d, %u",
			host->path, field.name, (int)field.resource, (int)field.type, (int)field.meaning,
			field.flags);
	owner = find_field_owner(host, &field, row);
	if (owner)
		return nx_fail(error, NX_CONFLICT, NULL,
			       "%s: expected a field of its own, found \"%s\" (column \"%s\"), which %s has",
			       host->path, field.name, field.column, owner->path);
	return NX_OK;
}

/* --- what a pool of addresses must have ------------------------------------------------------- */

static bool provides_kind(const struct nx_host *host, const char *kind)
{
	struct nx_provide provide;

	for (uint32_t i = 0; i < host->plugin.provides.count; i++) {
		nx_table_row(&host->plugin.provides, i, &provide, sizeof(provide));
		if (strcmp(provide.kind, kind) == 0)
			return true;
	}
	return false;
}

static unsigned int count_meaning(const struct nx_host *host, enum nx_field_meaning meaning)
{
	unsigned int count = 0;

	for (uint32_t i = 0; i < host->plugin.fields.count; i++) {
		struct nx_field field;

		nx_table_row(&host->plugin.fields, i, &field, sizeof(field));
		count += field.meaning == meaning;
	}
	return count;
}

static enum nx_status check_meanings(const struct nx_host *host, struct nx_error *error)
{
	if (!provides_kind(host, "ipam"))
		return NX_OK;
	for (int meaning = NX_MEANING_ORGANIZATION_PREFIX; meaning <= NX_MEANING_DEVICE_ADDRESS; meaning++) {
		unsigned int count = count_meaning(host, (enum nx_field_meaning)meaning);

		if (count != 1)
			return nx_fail(
				error, NX_INVALID, NULL,
				"%s: expected exactly one field of meaning %d of a plugin that provides "
				"ipam, found %u",
				host->path, meaning, count);
	}
	return NX_OK;
}

/* --- migrations ---------------------------------------------------------------------------------- */

static enum nx_status check_migration(const struct nx_host *host, uint32_t row, struct nx_error *error)
{
	struct nx_migration migration;

	nx_table_row(&host->plugin.migrations, row, &migration, sizeof(migration));
	if (migration.number != row + 1)
		return nx_fail(error, NX_INVALID, NULL, "%s: expected migration %u, found number %u",
			       host->path, row + 1, migration.number);
	if (!migration.name || !migration.up || !migration.down)
		return nx_fail(error, NX_INVALID, NULL,
			       "%s: expected a name, `up` and `down` in migration %u, found no %s",
			       host->path, row + 1,
			       !migration.name ? "name"
			       : !migration.up ? "`up`"
					       : "`down`");
	return NX_OK;
}

/* Only servers have a schema. */
static enum nx_status check_role(const struct nx_host *host, struct nx_error *error)
{
	const struct nx_plugin *plugin = &host->plugin;

	if (plugin->role == NX_ROLE_SERVER || (!plugin->fields.count && !plugin->migrations.count))
		return NX_OK;
	return nx_fail(error, NX_INVALID, NULL,
		       "%s: expected no fields and no migrations of an agent's plugin, found %u and %u",
		       host->path, plugin->fields.count, plugin->migrations.count);
}

enum nx_status loader_fields_check(const struct nx_host *host, struct nx_error *error)
{
	const struct nx_table *fields = &host->plugin.fields;
	enum nx_status status = check_role(host, error);

	if (!status)
		status = loader_table_check(host, fields, "fields", LOADER_UP_TO(struct nx_field, fallback),
					    error);
	for (uint32_t row = 0; !status && row < fields->count; row++)
		status = check_field(host, row, error);
	return status ? status : check_meanings(host, error);
}

enum nx_status loader_migrations_check(const struct nx_host *host, struct nx_error *error)
{
	const struct nx_table *migrations = &host->plugin.migrations;
	enum nx_status status = check_role(host, error);

	if (!status)
		status = loader_table_check(host, migrations, "migrations",
					    LOADER_UP_TO(struct nx_migration, down), error);
	for (uint32_t row = 0; !status && row < migrations->count; row++)
		status = check_migration(host, row, error);
	return status;
}
