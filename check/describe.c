/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin says of itself. Tables are read as far as they can be: the descriptor is not judged yet, so a
 * text may be missing, and rows too short to be read are left out.
 */
#include <stdio.h>

#include "base/memory.h"
#include "base/table.h"
#include "check/check.h"

static const char *const type_names[] = {
	[NX_CONFIG_STRING] = "string",	   [NX_CONFIG_INTEGER] = "integer", [NX_CONFIG_BOOLEAN] = "boolean",
	[NX_CONFIG_DURATION] = "duration", [NX_CONFIG_PREFIX] = "prefix",
};
static const char *const field_names[] = {
	[NX_FIELD_STRING] = "string",	  [NX_FIELD_BOOLEAN] = "boolean", [NX_FIELD_INTEGER] = "integer",
	[NX_FIELD_ENDPOINT] = "endpoint", [NX_FIELD_ADDRESS] = "address", [NX_FIELD_PREFIX] = "prefix",
};
static const char *const meaning_names[] = {
	[NX_MEANING_PLAIN] = "",
	[NX_MEANING_ORGANIZATION_PREFIX] = "the organization's prefix",
	[NX_MEANING_DEVICE_PREFIX] = "the prefix of the device's organization",
	[NX_MEANING_DEVICE_ADDRESS] = "the device's address",
	[NX_MEANING_DEVICE_SUPPORTED] = "whether the device can do the family",
};

#define NAME_OF(names, value)                                                                                \
	((size_t)(value) < NX_COUNT(names) && (names)[value] ? (names)[value] : "unknown")

static const char *text(const char *given)
{
	return given ? given : "";
}

/* Can its rows be read at all? */
static uint32_t rows_of(const struct nx_table *table, size_t least)
{
	return table->rows && table->row_size >= least && table->count <= 1024 ? table->count : 0;
}

static struct nx_json *list_new(struct nx_json *object, const char *name)
{
	struct nx_json *list = nx_json_array();

	nx_json_put(object, name, list);
	return list;
}

static struct nx_json *row_new(struct nx_json *list)
{
	struct nx_json *row = nx_json_object();

	nx_json_add(list, row);
	return row;
}

static void capabilities_describe(const struct nx_plugin *plugin, struct nx_json *out)
{
	struct nx_json *provides = list_new(out, "provides");
	struct nx_json *needs = list_new(out, "needs");

	for (uint32_t i = 0; i < rows_of(&plugin->provides, sizeof(struct nx_provide)); i++) {
		struct nx_provide provide;
		struct nx_json *row = row_new(provides);

		nx_table_row(&plugin->provides, i, &provide, sizeof(provide));
		nx_json_put_string(row, "kind", text(provide.kind));
		nx_json_put_string(row, "key", text(provide.key));
	}
	for (uint32_t i = 0; i < rows_of(&plugin->needs, sizeof(struct nx_need)); i++) {
		struct nx_need need;
		struct nx_json *row = row_new(needs);

		nx_table_row(&plugin->needs, i, &need, sizeof(need));
		nx_json_put_string(row, "kind", text(need.kind));
		nx_json_put_string(row, "key", need.key ? need.key : "*");
		nx_json_put_boolean(row, "soft", need.soft);
	}
}

static void configuration_describe(const struct nx_plugin *plugin, struct nx_json *out)
{
	struct nx_json *list = list_new(out, "configuration");

	for (uint32_t i = 0; i < rows_of(&plugin->config_keys, sizeof(struct nx_config_key)); i++) {
		struct nx_config_key key;
		struct nx_json *row = row_new(list);

		nx_table_row(&plugin->config_keys, i, &key, sizeof(key));
		nx_json_put_string(row, "name", text(key.name));
		nx_json_put_string(row, "type", NAME_OF(type_names, key.type));
		nx_json_put_string(row, "default", text(key.fallback));
		if (key.type == NX_CONFIG_INTEGER || key.type == NX_CONFIG_DURATION) {
			nx_json_put_integer(row, "minimum", key.minimum);
			nx_json_put_integer(row, "maximum", key.maximum);
		}
		nx_json_put_boolean(row, "reloadable", key.reloadable);
		if (key.flag)
			nx_json_put_string(row, "flag", key.flag);
		nx_json_put_string(row, "summary", text(key.summary));
	}
}

static void schema_describe(const struct nx_plugin *plugin, struct nx_json *out)
{
	struct nx_json *fields = list_new(out, "fields");
	struct nx_json *migrations = list_new(out, "migrations");

	for (uint32_t i = 0; i < rows_of(&plugin->fields, sizeof(struct nx_field)); i++) {
		struct nx_field field;
		struct nx_json *row = row_new(fields);

		nx_table_row(&plugin->fields, i, &field, sizeof(field));
		nx_json_put_string(row, "of",
				   field.resource == NX_RESOURCE_ORGANIZATION ? "organization" : "device");
		nx_json_put_string(row, "name", text(field.name));
		nx_json_put_string(row, "column", text(field.column));
		nx_json_put_string(row, "type", NAME_OF(field_names, field.type));
		nx_json_put_string(row, "meaning", NAME_OF(meaning_names, field.meaning));
		nx_json_put_boolean(row, "on_create", field.flags & NX_FIELD_ON_CREATE);
		nx_json_put_boolean(row, "on_patch", field.flags & NX_FIELD_ON_PATCH);
		nx_json_put_string(row, "default", text(field.fallback));
	}
	for (uint32_t i = 0; i < rows_of(&plugin->migrations, sizeof(struct nx_migration)); i++) {
		struct nx_migration migration;
		struct nx_json *row = row_new(migrations);

		nx_table_row(&plugin->migrations, i, &migration, sizeof(migration));
		nx_json_put_integer(row, "number", migration.number);
		nx_json_put_string(row, "name", text(migration.name));
	}
}

struct nx_json *describe(const struct nx_loaded *loaded)
{
	const struct nx_plugin *plugin = loaded->plugin;
	struct nx_json *out = nx_json_object();
	char abi[16];

	snprintf(abi, sizeof(abi), "%u.%u", plugin->abi_major, plugin->abi_minor);
	nx_json_put_string(out, "name", text(plugin->name));
	nx_json_put_string(out, "version", text(plugin->version));
	nx_json_put_string(out, "license", text(plugin->license));
	nx_json_put_string(out, "summary", text(plugin->summary));
	nx_json_put_string(out, "role", plugin->role == NX_ROLE_SERVER ? "server" : "agent");
	nx_json_put_string(out, "abi", abi);
	capabilities_describe(plugin, out);
	configuration_describe(plugin, out);
	schema_describe(plugin, out);
	return out;
}

/* --- in words ---------------------------------------------------------------------------------- */

static const char *of(const struct nx_json *object, const char *name)
{
	return nx_json_member_string(object, name, "");
}

static const struct nx_json *first_of(const struct nx_json *description, const char *list)
{
	return nx_json_first(nx_json_member(description, list));
}

static void capabilities_print(const struct nx_json *description, const char *list, const char *none)
{
	const struct nx_json *row = first_of(description, list);

	printf("  %-14s", list);
	if (!row)
		fputs(none, stdout);
	for (; row; row = nx_json_next(row))
		printf("%s/%s%s%s", of(row, "kind"), of(row, "key"),
		       nx_json_member_boolean(row, "soft", false) ? " (if it is there)" : "",
		       nx_json_next(row) ? ", " : "");
	puts("");
}

static void key_print(const struct nx_json *key)
{
	printf("    %s: %s", of(key, "name"), of(key, "type"));
	if (nx_json_member(key, "minimum"))
		printf(" from %lld to %lld", (long long)nx_json_member_integer(key, "minimum", 0),
		       (long long)nx_json_member_integer(key, "maximum", 0));
	printf(", default \"%s\"%s: %s\n", of(key, "default"),
	       nx_json_member_boolean(key, "reloadable", false) ? ", may change at run time" : "",
	       of(key, "summary"));
	if (nx_json_member(key, "flag"))
		printf("      also as the option --%s\n", of(key, "flag"));
}

static void field_print(const struct nx_json *field)
{
	bool created = nx_json_member_boolean(field, "on_create", false);
	bool patched = nx_json_member_boolean(field, "on_patch", false);

	printf("    %s.%s: %s, column %s, %s%s%s\n", of(field, "of"), of(field, "name"), of(field, "type"),
	       of(field, "column"),
	       created	 ? patched ? "clients write it" : "clients write it once"
	       : patched ? "clients change it"
			 : "clients read it",
	       of(field, "meaning")[0] ? "; " : "", of(field, "meaning"));
}

static void migration_print(const struct nx_json *migration)
{
	printf("    %lld: %s\n", (long long)nx_json_member_integer(migration, "number", 0),
	       of(migration, "name"));
}

static void list_print(const struct nx_json *description, const char *list,
		       void (*print)(const struct nx_json *row))
{
	const struct nx_json *row = first_of(description, list);

	printf(row ? "  %s\n" : "  %-14snone\n", list);
	for (; row; row = nx_json_next(row))
		print(row);
}

void describe_print(const struct nx_json *description)
{
	printf("  %-14s%s %s: %s\n", "plugin", of(description, "name"), of(description, "version"),
	       of(description, "summary"));
	printf("  %-14s%s\n", "licence", of(description, "license"));
	printf("  %-14s%s\n", "role", of(description, "role"));
	printf("  %-14s%s (this program: %d.%d)\n", "ABI", of(description, "abi"), NX_ABI_MAJOR,
	       NX_ABI_MINOR);
	capabilities_print(description, "provides", "no capability");
	capabilities_print(description, "needs", "no other plugin");
	list_print(description, "configuration", key_print);
	list_print(description, "fields", field_print);
	list_print(description, "migrations", migration_print);
}
