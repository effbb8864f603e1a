/* SPDX-License-Identifier: Apache-2.0 */
/* Writing records as JSON, straight into a buffer. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/resources/fields.h"
#include "server/resources/value.h"

static void integer_write(struct nx_buffer *out, int64_t number)
{
	char text[24];

	nx_buffer_append(out, text, (size_t)snprintf(text, sizeof(text), "%" PRId64, number));
}

static void value_write(const struct nx_column *column, const struct nx_value *value, struct nx_buffer *out)
{
	char time[NX_TIME_TEXT];

	switch (column->type) {
	case NX_COLUMN_TEXT:
		nx_json_write_string(out, value->text);
		break;
	case NX_COLUMN_INTEGER:
		integer_write(out, value->integer);
		break;
	case NX_COLUMN_COUNT:
		if (value->type == NX_VALUE_NULL)
			nx_buffer_text(out, "null");
		else
			integer_write(out, value->integer);
		break;
	case NX_COLUMN_BOOLEAN:
		nx_buffer_text(out, value->integer ? "true" : "false");
		break;
	case NX_COLUMN_JSON:
		nx_buffer_text(out, value->text[0] ? value->text : "null");
		break;
	case NX_COLUMN_TIME:
		nx_json_write_string(out, nx_time_format(value->integer, time));
		break;
	}
}

bool nx_device_supports(const struct nx_family *family, const struct nx_value *record)
{
	return family->device_supported == NX_NO_COLUMN || record[family->device_supported].integer;
}

static bool of_address(enum nx_field_meaning meaning)
{
	return meaning == NX_MEANING_DEVICE_ADDRESS || meaning == NX_MEANING_DEVICE_PREFIX ||
	       meaning == NX_MEANING_DEVICE_SECOND_ADDRESS || meaning == NX_MEANING_DEVICE_SECOND_PREFIX;
}

/* Is this column one that a device shows empty, since it cannot carry the family? */
static bool hidden(const struct nx_fields *fields, const struct nx_column *column,
		   const struct nx_value *record)
{
	if (!column->field || column->family == NX_NO_FAMILY || !of_address(column->field->meaning))
		return false;
	return !nx_device_supports(&fields->family[column->family], record);
}

const char *nx_organization_second(const struct nx_family *family, const struct nx_value *record)
{
	return family->organization_second == NX_NO_COLUMN ? "" : record[family->organization_second].text;
}

const char *nx_device_second(const struct nx_family *family, const struct nx_value *record)
{
	const char *second;

	if (family->device_second_address == NX_NO_COLUMN)
		return "";
	second = record[family->device_second_address].text;
	return strcmp(second, record[family->device_address].text) == 0 ? "" : second;
}

static void allowed_write(const struct nx_fields *fields, const struct nx_value *record,
			  struct nx_buffer *out)
{
	const char *separator = "";

	nx_buffer_text(out, "\"allowed_ips\":[");
	for (size_t i = 0; i < fields->family_count; i++) {
		const struct nx_family *family = &fields->family[i];
		const char *address = record[family->device_address].text;

		if (!address[0] || !nx_device_supports(family, record))
			continue;
		nx_buffer_printf(out, "%s\"%s/%u\"", separator, address, 8u * family->ops->address_length);
		separator = ",";
		address = nx_device_second(family, record);
		if (address[0])
			nx_buffer_printf(out, ",\"%s/%u\"", address, 8u * family->ops->address_length);
	}
	nx_buffer_text(out, "]");
}

static void member_write(const struct nx_column *column, const struct nx_value *value, struct nx_buffer *out)
{
	if (column->key)
		nx_buffer_append(out, column->key, column->key_length);
	else
		nx_buffer_printf(out, "\"%s\":", column->name);
	value_write(column, value, out);
	nx_buffer_append(out, ",", 1);
}

void nx_device_write(const struct nx_fields *fields, const struct nx_value *record, struct nx_buffer *out)
{
	static const struct nx_value nothing = {.type = NX_VALUE_TEXT, .text = ""};
	const struct nx_columns *columns = &fields->devices;

	nx_buffer_append(out, "{", 1);
	for (size_t i = 0; i < columns->count; i++) {
		const struct nx_column *column = &columns->column[i];

		if (column->name)
			member_write(column, hidden(fields, column, record) ? &nothing : &record[i], out);
	}
	allowed_write(fields, record, out);
	nx_buffer_append(out, "}", 1);
}

void nx_columns_write(const struct nx_columns *columns, const struct nx_value *record, struct nx_buffer *out)
{
	nx_buffer_append(out, "{", 1);
	for (size_t i = 0; i < columns->count; i++) {
		if (columns->column[i].name)
			member_write(&columns->column[i], &record[i], out);
	}
	out->data[out->length - 1] = '}';
}

void nx_organization_write(const struct nx_fields *fields, const struct nx_value *record,
			   struct nx_buffer *out)
{
	nx_columns_write(&fields->organizations, record, out);
}

void nx_json_extend(struct nx_buffer *out, const char *name, const char *value)
{
	out->length--; /* the object's brace */
	nx_buffer_printf(out, ",\"%s\":%s}", name, value);
}
