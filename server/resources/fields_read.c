/* SPDX-License-Identifier: Apache-2.0 */
/* Reading request bodies into records. */
#include <string.h>

#include "base/address.h"
#include "base/secret.h"
#include "server/resources/fields.h"
#include "server/resources/value.h"

const struct nx_json *nx_body_member(const struct nx_json *body, const char *name)
{
	const struct nx_json *value = body ? nx_json_member(body, name) : NULL;

	return value && nx_json_type(value) != NX_JSON_NULL ? value : NULL;
}

static bool clients_write(const struct nx_column *column, uint32_t when)
{
	const struct nx_field *field = column->field;

	return field && (field->flags & when) &&
	       (field->meaning == NX_MEANING_PLAIN || field->meaning == NX_MEANING_DEVICE_SUPPORTED ||
		field->meaning == NX_MEANING_ORGANIZATION_STRATEGY);
}

enum nx_status nx_fields_read(const struct nx_fields *fields, const struct nx_columns *columns,
			      const struct nx_json *body, uint32_t when, struct nx_value *record,
			      struct nx_error *error)
{
	for (size_t i = 0; i < columns->count; i++) {
		const struct nx_column *column = &columns->column[i];
		const struct nx_json *value = NULL;
		uint8_t length = 0;
		enum nx_status status;

		if (column->field && when == NX_FIELD_ON_CREATE)
			nx_value_fallback(column->field, &record[i]);
		if (clients_write(column, when))
			value = nx_body_member(body, column->name);
		if (!value)
			continue;
		if (column->family != NX_NO_FAMILY)
			length = fields->family[column->family].ops->address_length;
		status = nx_value_read(column->field, length, value, &record[i], error);
		if (status != NX_OK)
			return status;
	}
	return NX_OK;
}

enum nx_status nx_text_read(const struct nx_json *body, const char *name, size_t limit, const char **out,
			    struct nx_error *error)
{
	const struct nx_json *value = nx_body_member(body, name);
	const char *text;

	if (!value)
		return NX_OK;
	text = nx_json_string(value);
	if (!text)
		return nx_fail(error, NX_INVALID, name, "expected a string");
	if (strlen(text) > limit)
		return nx_fail(error, NX_INVALID, name, "longer than %zu bytes", limit);
	if (!nx_text_printable(text))
		return nx_fail(error, NX_INVALID, name, "holds control characters");
	*out = text;
	return NX_OK;
}

enum nx_status nx_flag_read(const struct nx_json *body, const char *name, bool *out, struct nx_error *error)
{
	const struct nx_json *value = nx_body_member(body, name);

	if (value && !nx_json_boolean(value, out))
		return nx_fail(error, NX_INVALID, name, "expected true or false");
	return NX_OK;
}

enum nx_status nx_id_read(const struct nx_json *body, const char *name, const char **out,
			  struct nx_error *error)
{
	enum nx_status status = nx_text_read(body, name, NX_UUID_TEXT - 1, out, error);

	if (status == NX_OK && *out && !(*out)[0])
		*out = NULL; /* as existing clients write that they name none */
	if (status == NX_OK && *out && !nx_uuid_check(*out))
		return nx_fail(error, NX_INVALID, name, "expected a UUID");
	return status;
}

enum nx_status nx_address_read(const struct nx_fields *fields, const struct nx_family *family,
			       const struct nx_json *body, struct nx_address *wanted, struct nx_error *error)
{
	const struct nx_column *column = &fields->devices.column[family->device_address];
	const struct nx_json *value = nx_body_member(body, column->name);
	struct nx_value text;
	enum nx_status status;

	if (!value || !(column->field->flags & NX_FIELD_ON_CREATE))
		return NX_OK;
	status = nx_value_read(column->field, family->ops->address_length, value, &text, error);
	if (status == NX_OK && text.text[0])
		nx_address_parse(text.text, wanted);
	return status;
}

enum nx_status nx_prefix_read(const struct nx_fields *fields, const struct nx_family *family,
			      const struct nx_json *body, struct nx_prefix *out, struct nx_error *error)
{
	const struct nx_column *column = &fields->organizations.column[family->organization_prefix];
	const struct nx_json *value = nx_body_member(body, column->name);
	const char *text;
	enum nx_status status;

	if (!value || !(column->field->flags & NX_FIELD_ON_CREATE))
		return family->ops->prefix_default(family->instance, out, error);
	text = nx_json_string(value);
	if (!text)
		return nx_fail(error, NX_INVALID, column->name, "expected a string");
	if (!text[0])
		return nx_fail(error, NX_INVALID, column->column, NX_FIELD_NOT_PRESENT);
	status = family->ops->prefix_check(family->instance, text, out, error);
	if (status != NX_OK && error)
		strncpy(error->field, column->name, sizeof(error->field) - 1);
	return status;
}
