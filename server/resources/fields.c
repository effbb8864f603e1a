/* SPDX-License-Identifier: Apache-2.0 */
/* Gathering what organizations and devices consist of. */
#include "server/resources/fields.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"
#include "server/resources/fields_gather.h"
#include "server/resources/fields_sql.h"
#include "server/resources/value.h"

static const struct nx_column organization_core[NX_ORGANIZATION_COLUMNS] = {
	[NX_ORGANIZATION_ID] = {.name = "id", .column = "id", .fixed = true},
	[NX_ORGANIZATION_OWNER] = {.name = "owner_id", .column = "owner_id"},
	[NX_ORGANIZATION_NAME] = {.name = "name", .column = "name"},
	[NX_ORGANIZATION_DESCRIPTION] = {.name = "description", .column = "description"},
	[NX_ORGANIZATION_CHANGED] = {.name = "revision", .column = "changed", .type = NX_COLUMN_INTEGER},
	[NX_ORGANIZATION_REVISION] = {.column = "revision", .type = NX_COLUMN_INTEGER},
	[NX_ORGANIZATION_FORGOTTEN] = {.column = "forgotten", .type = NX_COLUMN_INTEGER, .fixed = true},
	[NX_ORGANIZATION_CREATED] = {.column = "created_at", .type = NX_COLUMN_INTEGER, .fixed = true},
	[NX_ORGANIZATION_QUARANTINED] = {.column = "quarantined", .type = NX_COLUMN_INTEGER, .fixed = true},
};

static const struct nx_column device_core[NX_DEVICE_COLUMNS] = {
	[NX_DEVICE_ID] = {.name = "id", .column = "id", .fixed = true},
	[NX_DEVICE_USER] = {.name = "user_id", .column = "user_id", .fixed = true},
	[NX_DEVICE_ORGANIZATION] = {.name = "organization_id", .column = "organization_id"},
	[NX_DEVICE_PUBLIC_KEY] = {.name = "public_key", .column = "public_key", .fixed = true},
	[NX_DEVICE_DRIVER] = {.name = "driver", .column = "driver", .fixed = true},
	[NX_DEVICE_HOSTNAME] = {.name = "hostname", .column = "hostname"},
	[NX_DEVICE_OS] = {.name = "os", .column = "os"},
	[NX_DEVICE_CHILD_PREFIX] = {.name = "child_prefix", .column = "child_prefix", .type = NX_COLUMN_JSON},
	[NX_DEVICE_REVISION] = {.name = "revision", .column = "revision", .type = NX_COLUMN_INTEGER},
	[NX_DEVICE_CREATED] = {.column = "created_at", .type = NX_COLUMN_INTEGER, .fixed = true},
	[NX_DEVICE_RENUMBERING] = {.name = "renumbering", .column = "renumbering", .type = NX_COLUMN_INTEGER},
	[NX_DEVICE_RENUMBERING_SEEN] = {.name = "renumbering_seen",
					.column = "renumbering_seen",
					.type = NX_COLUMN_INTEGER},
};

/* Names in a device's JSON that stand in no column. */
static const char *const device_computed[] = {"allowed_ips", "online", "token", "deleted"};

static void column_add(struct nx_columns *columns, const struct nx_column *from)
{
	struct nx_column *column = &columns->column[columns->count++];

	*column = *from;
	if (!from->field)
		column->family = NX_NO_FAMILY;
	if (column->name) {
		column->key = nx_printf("\"%s\":", column->name);
		column->key_length = strlen(column->key);
	}
}

static void columns_start(struct nx_columns *columns, const char *table, const struct nx_column *core,
			  size_t count)
{
	columns->table = table;
	for (size_t i = 0; i < count; i++)
		column_add(columns, &core[i]);
}

/* --- families ------------------------------------------------------------------ */

enum nx_status nx_fields_family_add(struct nx_fields *fields, const struct nx_capability *capability,
				    struct nx_error *error)
{
	if (fields->family_count == NX_FAMILY_LIMIT)
		return nx_fail(error, NX_UNSUPPORTED, NULL, "more than %d address families are loaded",
			       NX_FAMILY_LIMIT);
	fields->family[fields->family_count++] = (struct nx_family){
		.key = capability->key,
		.plugin = capability->provider->plugin->name,
		.ops = capability->ops,
		.instance = capability->provider->instance,
		.organization_prefix = NX_NO_COLUMN,
		.device_prefix = NX_NO_COLUMN,
		.device_address = NX_NO_COLUMN,
		.device_supported = NX_NO_COLUMN,
		.organization_strategy = NX_NO_COLUMN,
		.organization_second = NX_NO_COLUMN,
		.device_second_prefix = NX_NO_COLUMN,
		.device_second_address = NX_NO_COLUMN,
	};
	return NX_OK;
}

static size_t family_of_plugin(const struct nx_fields *fields, const struct nx_plugin *plugin)
{
	for (size_t i = 0; i < fields->family_count; i++) {
		if (strcmp(fields->family[i].plugin, plugin->name) == 0)
			return i;
	}
	return NX_NO_FAMILY;
}

/* Where a family notes the place of the field with this meaning; NULL: a plain field. */
static size_t *family_place(struct nx_family *family, enum nx_field_meaning meaning)
{
	switch (meaning) {
	case NX_MEANING_ORGANIZATION_PREFIX:
		return &family->organization_prefix;
	case NX_MEANING_DEVICE_PREFIX:
		return &family->device_prefix;
	case NX_MEANING_DEVICE_ADDRESS:
		return &family->device_address;
	case NX_MEANING_DEVICE_SUPPORTED:
		return &family->device_supported;
	case NX_MEANING_ORGANIZATION_STRATEGY:
		return &family->organization_strategy;
	case NX_MEANING_ORGANIZATION_SECOND_PREFIX:
		return &family->organization_second;
	case NX_MEANING_DEVICE_SECOND_PREFIX:
		return &family->device_second_prefix;
	case NX_MEANING_DEVICE_SECOND_ADDRESS:
		return &family->device_second_address;
	case NX_MEANING_PLAIN:
		break;
	}
	return NULL;
}

/* All fields of a second address, or none. */
static bool seconds_whole(const struct nx_family *family)
{
	bool some = family->organization_second != NX_NO_COLUMN;

	return (family->device_second_prefix != NX_NO_COLUMN) == some &&
	       (family->device_second_address != NX_NO_COLUMN) == some;
}

static enum nx_status families_judge(const struct nx_fields *fields, struct nx_error *error)
{
	for (size_t i = 0; i < fields->family_count; i++) {
		const struct nx_family *family = &fields->family[i];

		if (family->organization_prefix == NX_NO_COLUMN || family->device_prefix == NX_NO_COLUMN ||
		    family->device_address == NX_NO_COLUMN)
			return nx_fail(
				error, NX_INVALID, NULL,
				"plugin %s provides ipam/%s without the fields of a family: it must declare "
				"an organization's prefix, a device's prefix and a device's address",
				family->plugin, family->key);
		if (!seconds_whole(family))
			return nx_fail(
				error, NX_INVALID, NULL,
				"plugin %s provides ipam/%s with some of the fields of a second address: it "
				"must declare all three, an organization's second prefix, a device's second "
				"prefix and a device's second address, or none",
				family->plugin, family->key);
	}
	return NX_OK;
}

/* --- fields -------------------------------------------------------------------- */

static bool identifier_ok(const char *text)
{
	if (!text || !islower((unsigned char)text[0]))
		return false;
	for (; *text; text++) {
		if (!islower((unsigned char)*text) && !isdigit((unsigned char)*text) && *text != '_')
			return false;
	}
	return true;
}

static bool name_taken(const struct nx_columns *columns, const struct nx_field *field, bool device)
{
	for (size_t i = 0; i < columns->count; i++) {
		if ((columns->column[i].name && strcmp(columns->column[i].name, field->name) == 0) ||
		    strcmp(columns->column[i].column, field->column) == 0)
			return true;
	}
	for (size_t i = 0; device && i < NX_COUNT(device_computed); i++) {
		if (strcmp(device_computed[i], field->name) == 0)
			return true;
	}
	return false;
}

static enum nx_status field_judge(const struct nx_columns *columns, const struct nx_plugin *plugin,
				  const struct nx_field *field, struct nx_error *error)
{
	struct nx_value fallback;

	if (!identifier_ok(field->name) || !identifier_ok(field->column))
		return nx_fail(error, NX_INVALID, NULL,
			       "plugin %s declares a field whose name or column is no lower-case identifier: "
			       "'%s', '%s'",
			       plugin->name, field->name ? field->name : "",
			       field->column ? field->column : "");
	if (field->resource != NX_RESOURCE_ORGANIZATION && field->resource != NX_RESOURCE_DEVICE)
		return nx_fail(error, NX_INVALID, NULL,
			       "plugin %s: the field '%s' is of no resource that there is", plugin->name,
			       field->name);
	if (columns->count == NX_COLUMN_LIMIT - 1)
		return nx_fail(error, NX_UNSUPPORTED, NULL,
			       "plugin %s: no room for field '%s', %s have %d at most", plugin->name,
			       field->name, columns->table, NX_COLUMN_LIMIT - 1);
	if (name_taken(columns, field, field->resource == NX_RESOURCE_DEVICE))
		return nx_fail(error, NX_CONFLICT, NULL,
			       "plugin %s declares the field '%s' (column %s) of %s, which another one has",
			       plugin->name, field->name, field->column, columns->table);
	if (!nx_value_fallback(field, &fallback))
		return nx_fail(error, NX_INVALID, NULL, "plugin %s: '%s' is no fit default of the field '%s'",
			       plugin->name, field->fallback ? field->fallback : "(none)", field->name);
	return NX_OK;
}

static enum nx_column_type column_type(enum nx_field_type type)
{
	if (type == NX_FIELD_BOOLEAN)
		return NX_COLUMN_BOOLEAN;
	return type == NX_FIELD_INTEGER ? NX_COLUMN_INTEGER : NX_COLUMN_TEXT;
}

static bool meaning_fits(const struct nx_field *field)
{
	switch (field->meaning) {
	case NX_MEANING_PLAIN:
		return true;
	case NX_MEANING_ORGANIZATION_PREFIX:
	case NX_MEANING_ORGANIZATION_SECOND_PREFIX:
		return field->resource == NX_RESOURCE_ORGANIZATION && field->type == NX_FIELD_PREFIX;
	case NX_MEANING_DEVICE_PREFIX:
	case NX_MEANING_DEVICE_SECOND_PREFIX:
		return field->resource == NX_RESOURCE_DEVICE && field->type == NX_FIELD_PREFIX;
	case NX_MEANING_DEVICE_ADDRESS:
	case NX_MEANING_DEVICE_SECOND_ADDRESS:
		return field->resource == NX_RESOURCE_DEVICE && field->type == NX_FIELD_ADDRESS;
	case NX_MEANING_DEVICE_SUPPORTED:
		return field->resource == NX_RESOURCE_DEVICE && field->type == NX_FIELD_BOOLEAN;
	case NX_MEANING_ORGANIZATION_STRATEGY:
		return field->resource == NX_RESOURCE_ORGANIZATION && field->type == NX_FIELD_STRING;
	}
	return false;
}

/* `field` is kept: it is a copy of the plugin's row, padded to our size. */
static enum nx_status field_add(struct nx_fields *fields, const struct nx_plugin *plugin,
				const struct nx_field *field, struct nx_error *error)
{
	bool device = field->resource == NX_RESOURCE_DEVICE;
	struct nx_columns *columns = device ? &fields->devices : &fields->organizations;
	size_t family = family_of_plugin(fields, plugin);
	size_t *place = family == NX_NO_FAMILY ? NULL : family_place(&fields->family[family], field->meaning);
	enum nx_status status = field_judge(columns, plugin, field, error);

	if (status != NX_OK)
		return status;
	if (!meaning_fits(field) || (field->meaning != NX_MEANING_PLAIN && !place) ||
	    (place && *place != NX_NO_COLUMN))
		return nx_fail(error, NX_INVALID, NULL,
			       "plugin %s: the field '%s' has a meaning that does not fit: of the wrong type "
			       "or resource, "
			       "said twice, or of no family of this plugin",
			       plugin->name, field->name);
	if (place)
		*place = columns->count;
	column_add(columns, &(struct nx_column){.name = field->name,
						.column = field->column,
						.type = column_type(field->type),
						.field = field,
						.plugin = plugin,
						.family = family});
	return NX_OK;
}

enum nx_status nx_fields_plugin_add(struct nx_fields *fields, const struct nx_plugin *plugin,
				    struct nx_error *error)
{
	for (uint32_t i = 0; i < plugin->fields.count; i++) {
		struct nx_field *field;
		enum nx_status status;

		if (fields->row_count == NX_COUNT(fields->row))
			return nx_fail(error, NX_UNSUPPORTED, NULL, "plugin %s: too many fields",
				       plugin->name);
		field = &fields->row[fields->row_count++];
		nx_table_row(&plugin->fields, i, field, sizeof(*field));
		status = field_add(fields, plugin, field, error);
		if (status != NX_OK)
			return status;
	}
	return NX_OK;
}

struct nx_fields *nx_fields_begin(void)
{
	struct nx_fields *fields = nx_alloc(sizeof(*fields));

	columns_start(&fields->organizations, "organizations", organization_core, NX_ORGANIZATION_COLUMNS);
	columns_start(&fields->devices, "devices", device_core, NX_DEVICE_COLUMNS);
	return fields;
}

/* A device that is new may enter the organization: for a user, and for a registration key. */
#define NEW_DEVICE " WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM devices WHERE public_key = $2)"
#define NEW_DEVICE_FOR_USER                                                                                  \
	NEW_DEVICE                                                                                           \
	" AND EXISTS (SELECT 1 FROM memberships WHERE organization_id = organizations.id AND user_id = $3)"
#define NEW_DEVICE_FOR_KEY                                                                                   \
	NEW_DEVICE                                                                                           \
	" AND EXISTS (SELECT 1 FROM registration_keys WHERE id = $3 AND organization_id = organizations.id"  \
	" AND (expires_at = 0 OR expires_at > $4) AND (single_use = 0 OR uses = 0))"
#define ADVANCE "UPDATE organizations SET revision = revision + 1"

enum nx_status nx_fields_end(struct nx_fields *fields, struct nx_error *error)
{
	enum nx_status status = families_judge(fields, error);

	if (status != NX_OK)
		return status;
	nx_columns_sql(&fields->organizations);
	nx_columns_sql(&fields->devices);
	const char *list = fields->organizations.list;
	fields->advance = nx_printf(ADVANCE " WHERE id = $1 RETURNING %s", list);
	fields->advance_for_user = nx_printf(ADVANCE NEW_DEVICE_FOR_USER " RETURNING %s", list);
	fields->advance_for_key = nx_printf(ADVANCE NEW_DEVICE_FOR_KEY " RETURNING %s", list);
	fields->enter_for_user = nx_printf("SELECT %s FROM organizations" NEW_DEVICE_FOR_USER, list);
	fields->enter_for_key = nx_printf("SELECT %s FROM organizations" NEW_DEVICE_FOR_KEY, list);
	fields->changed = nx_printf("SELECT %s FROM devices WHERE organization_id = $1 AND revision > $2"
				    " AND revision <= $3 ORDER BY revision LIMIT $4",
				    fields->devices.list);
	fields->by_key = nx_printf("SELECT %s FROM devices WHERE public_key = $1", fields->devices.list);
	return NX_OK;
}

static enum nx_status fields_gather(struct nx_fields *fields, const struct nx_plugins *plugins,
				    struct nx_error *error)
{
	const struct nx_capability *capability;
	enum nx_status status = NX_OK;

	for (size_t i = 0; status == NX_OK && (capability = nx_plugins_capability(plugins, "ipam", i)); i++)
		status = nx_fields_family_add(fields, capability, error);
	for (size_t i = 0; status == NX_OK && i < nx_plugins_count(plugins); i++)
		status = nx_fields_plugin_add(fields, nx_plugins_at(plugins, i)->plugin, error);
	return status == NX_OK ? nx_fields_end(fields, error) : status;
}

struct nx_fields *nx_fields_new(struct nx_server *server, struct nx_error *error)
{
	struct nx_fields *fields = nx_fields_begin();

	if (fields_gather(fields, server->plugins, error) == NX_OK)
		return fields;
	nx_fields_free(fields);
	return NULL;
}

static void columns_free(struct nx_columns *columns)
{
	for (size_t i = 0; i < columns->count; i++)
		free(columns->column[i].key);
	free(columns->list);
	free(columns->find);
	free(columns->insert);
	free(columns->update);
}

void nx_fields_free(struct nx_fields *fields)
{
	if (!fields)
		return;
	columns_free(&fields->organizations);
	columns_free(&fields->devices);
	free(fields->advance);
	free(fields->advance_for_user);
	free(fields->advance_for_key);
	free(fields->enter_for_user);
	free(fields->enter_for_key);
	free(fields->changed);
	free(fields->by_key);
	free(fields);
}

const struct nx_family *nx_family_of(const struct nx_fields *fields, const struct nx_address *address)
{
	for (size_t i = 0; i < fields->family_count; i++) {
		if (fields->family[i].ops->address_length == address->length)
			return &fields->family[i];
	}
	return NULL;
}

const struct nx_family *nx_family_find(const struct nx_fields *fields, const char *key)
{
	for (size_t i = 0; i < fields->family_count; i++) {
		if (strcmp(fields->family[i].key, key) == 0)
			return &fields->family[i];
	}
	return NULL;
}
