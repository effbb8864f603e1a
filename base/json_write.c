/* SPDX-License-Identifier: Apache-2.0 */
/* Values and strings as JSON text. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

#define INTEGER_LIMIT 9007199254740992.0

/* --- strings ------------------------------------------------------------------- */

/* Besides what RFC 8259 §7 asks for: DEL and the C1 controls, which move a terminal's
 * cursor, and the two line separators, which end a line in JavaScript. */
static bool must_escape(uint32_t character)
{
	return character < 0x20 || character == '"' || character == '\\' ||
	       (character >= 0x7f && character < 0xa0) || character == 0x2028 || character == 0x2029;
}

static void write_escape(struct nx_buffer *out, uint32_t character)
{
	static const char named[] = "\"\\\b\f\n\r\t";
	static const char letters[] = "\"\\bfnrt";
	const char *found = character < 0x80 ? memchr(named, (int)character, sizeof(named) - 1) : NULL;

	if (found)
		nx_buffer_printf(out, "\\%c", letters[found - named]);
	else
		nx_buffer_printf(out, "\\u%04x", character);
}

void nx_json_write_string(struct nx_buffer *out, const char *text)
{
	const char *plain = text; /* start of what can be copied as it stands */
	const char *at = text;
	const char *end;

	if (!text) {
		nx_buffer_text(out, "null");
		return;
	}
	end = text + strlen(text);
	nx_buffer_append(out, "\"", 1);
	while (at < end) {
		uint32_t character;
		size_t length = nx_utf8_decode(at, (size_t)(end - at), &character);

		if (length > 0 && !must_escape(character)) {
			at += length;
			continue;
		}
		nx_buffer_append(out, plain, (size_t)(at - plain));
		if (length == 0)
			nx_buffer_text(out, "\xef\xbf\xbd"); /* U+FFFD */
		else
			write_escape(out, character);
		at += length ? length : 1;
		plain = at;
	}
	nx_buffer_append(out, plain, (size_t)(at - plain));
	nx_buffer_append(out, "\"", 1);
}

/* --- values ---------------------------------------------------------------------- */

/* The shortest form that reads back as the same number. */
static void write_number(struct nx_buffer *out, double number)
{
	char text[32];

	if (!isfinite(number)) {
		nx_buffer_text(out, "null");
		return;
	}
	if (fabs(number) <= INTEGER_LIMIT && trunc(number) == number) {
		nx_buffer_printf(out, "%lld", (long long)number);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	nx_buffer_text(out, text);
}

/* `indent` is the width of the current level; negative: compact. */
static void write_line(struct nx_buffer *out, int indent)
{
	if (indent >= 0)
		nx_buffer_printf(out, "\n%*s", indent, "");
}

static void write_value(const struct nx_json *value, struct nx_buffer *out, int indent);

static void write_container(const struct nx_json *container, struct nx_buffer *out, int indent)
{
	const struct nx_json *child = nx_json_first(container);
	const char *brackets = nx_json_type(container) == NX_JSON_OBJECT ? "{}" : "[]";
	int inner = indent < 0 ? indent : indent + 2;

	nx_buffer_append(out, &brackets[0], 1);
	if (child) {
		for (; child; child = nx_json_next(child)) {
			write_line(out, inner);
			if (brackets[0] == '{') {
				nx_json_write_string(out, nx_json_name(child));
				nx_buffer_text(out, indent < 0 ? ":" : ": ");
			}
			write_value(child, out, inner);
			if (nx_json_next(child))
				nx_buffer_append(out, ",", 1);
		}
		write_line(out, indent);
	}
	nx_buffer_append(out, &brackets[1], 1);
}

/* As deep as the tree: what was parsed is bounded, what the program builds is shallow. */
static void write_value(const struct nx_json *value, struct nx_buffer *out, int indent)
{
	bool truth = false;

	switch (nx_json_type(value)) {
	case NX_JSON_NULL:
		nx_buffer_text(out, "null");
		break;
	case NX_JSON_BOOLEAN:
		nx_json_boolean(value, &truth);
		nx_buffer_text(out, truth ? "true" : "false");
		break;
	case NX_JSON_NUMBER:
		write_number(out, cJSON_GetNumberValue((const cJSON *)value));
		break;
	case NX_JSON_STRING:
		nx_json_write_string(out, nx_json_string(value));
		break;
	case NX_JSON_ARRAY:
	case NX_JSON_OBJECT:
		write_container(value, out, indent);
		break;
	}
}

void nx_json_print(const struct nx_json *value, struct nx_buffer *out)
{
	write_value(value, out, -1);
}

void nx_json_print_pretty(const struct nx_json *value, struct nx_buffer *out)
{
	write_value(value, out, 0);
}
