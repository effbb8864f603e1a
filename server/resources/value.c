/* SPDX-License-Identifier: Apache-2.0 */
#include "server/resources/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/address.h"
#include "base/utf8.h"

static bool integer_parse(const char *text, int64_t *out)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (end == text || *end || errno)
		return false;
	*out = number;
	return true;
}

bool nx_value_fallback(const struct nx_field *field, struct nx_value *out)
{
	const char *text = field->fallback;
	int64_t number;

	if (!text)
		return false;
	switch (field->type) {
	case NX_FIELD_BOOLEAN:
		*out = NX_INT(strcmp(text, "true") == 0);
		return out->integer || strcmp(text, "false") == 0;
	case NX_FIELD_INTEGER:
		if (!integer_parse(text, &number))
			return false;
		*out = NX_INT(number);
		return true;
	case NX_FIELD_STRING:
	case NX_FIELD_ENDPOINT:
	case NX_FIELD_ADDRESS:
	case NX_FIELD_PREFIX:
		*out = NX_TEXT(text);
		return true;
	}
	return false; /* a type of a newer minor than ours, which the loader refuses */
}

bool nx_text_printable(const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		uint32_t character;
		size_t length = nx_utf8_decode(text, left, &character);

		if (length == 0 || character < 0x20 || (character >= 0x7f && character < 0xa0))
			return false;
		text += length;
		left -= length;
	}
	return true;
}

/* --- the types of a field -------------------------------------------------------- */

/* What the text of an address, a prefix or an endpoint must look like, for messages. */
static const char *expected_form(enum nx_field_type type)
{
	switch (type) {
	case NX_FIELD_ENDPOINT:
		return "address:port or [address]:port";
	case NX_FIELD_ADDRESS:
		return "an address";
	case NX_FIELD_PREFIX:
		return "address/length";
	case NX_FIELD_STRING:
	case NX_FIELD_BOOLEAN:
	case NX_FIELD_INTEGER:
		break;
	}
	return "a text";
}

static bool address_in(enum nx_field_type type, const char *text, struct nx_address *out)
{
	struct nx_endpoint endpoint;
	struct nx_prefix prefix;

	if (type == NX_FIELD_ENDPOINT && nx_endpoint_parse(text, &endpoint))
		*out = endpoint.address;
	else if (type == NX_FIELD_PREFIX && nx_prefix_parse(text, &prefix))
		*out = prefix.address;
	else
		return type == NX_FIELD_ADDRESS && nx_address_parse(text, out);
	return true;
}

static enum nx_status text_judge(const struct nx_field *field, uint8_t address_length, const char *text,
				 struct nx_error *error)
{
	struct nx_address address;

	if (strlen(text) > NX_TEXT_LIMIT)
		return nx_fail(error, NX_INVALID, field->name, "longer than %d bytes", NX_TEXT_LIMIT);
	if (!nx_text_printable(text))
		return nx_fail(error, NX_INVALID, field->name, "holds control characters");
	if (field->type == NX_FIELD_STRING || !text[0])
		return NX_OK;
	if (!address_in(field->type, text, &address))
		return nx_fail(error, NX_INVALID, field->name, "'%s' is not of the form %s", text,
			       expected_form(field->type));
	if (address_length && address.length != address_length)
		return nx_fail(error, NX_INVALID, field->name, "'%s' is of another address family", text);
	return NX_OK;
}

enum nx_status nx_value_read(const struct nx_field *field, uint8_t address_length, const struct nx_json *json,
			     struct nx_value *out, struct nx_error *error)
{
	const char *text;
	int64_t number;
	bool truth;

	if (field->type == NX_FIELD_BOOLEAN) {
		if (!nx_json_boolean(json, &truth))
			return nx_fail(error, NX_INVALID, field->name, "expected true or false");
		*out = NX_INT(truth);
		return NX_OK;
	}
	if (field->type == NX_FIELD_INTEGER) {
		if (!nx_json_integer(json, &number))
			return nx_fail(error, NX_INVALID, field->name, "expected a whole number");
		*out = NX_INT(number);
		return NX_OK;
	}
	text = nx_json_string(json);
	if (!text)
		return nx_fail(error, NX_INVALID, field->name, "expected a string");
	*out = NX_TEXT(text);
	return text_judge(field, address_length, text, error);
}

char *nx_time_format(int64_t seconds, char text[static NX_TIME_TEXT])
{
	time_t time = seconds;
	struct tm parts;

	if (!gmtime_r(&time, &parts) || !strftime(text, NX_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &parts))
		text[0] = '\0';
	return text;
}
