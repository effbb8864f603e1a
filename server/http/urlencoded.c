/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/urlencoded.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool is_text(const char *text, size_t length)
{
	while (length) {
		uint32_t character;
		size_t bytes = nx_utf8_decode(text, length, &character);
		if (bytes == 0 || character == 0)
			return false;
		text += bytes;
		length -= bytes;
	}
	return true;
}

bool nx_percent_decode(char *text, size_t length, bool plus)
{
	size_t to = 0;

	for (size_t from = 0; from < length; from++) {
		char c = text[from];
		if (c == '%') {
			int high = from + 2 < length ? hex_digit(text[from + 1]) : -1;
			int low = high >= 0 ? hex_digit(text[from + 2]) : -1;
			if (low < 0)
				return false;
			c = (char)(high << 4 | low);
			from += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		text[to++] = c;
	}
	text[to] = '\0';
	return is_text(text, to);
}

static bool pair_parse(char *text, size_t length, struct nx_pair *out)
{
	char *equals = memchr(text, '=', length);
	size_t name_length = equals ? (size_t)(equals - text) : length;
	char *value = equals ? equals + 1 : text + length;

	/* The value first: it ends where the name's NUL does when there is no '='. */
	if (!nx_percent_decode(value, length - (size_t)(value - text), true))
		return false;
	if (!nx_percent_decode(text, name_length, true))
		return false;
	*out = (struct nx_pair){.name = text, .value = value};
	return true;
}

bool nx_pairs_parse(char *text, struct nx_pairs *out)
{
	out->count = 0;
	while (*text) {
		size_t length = strcspn(text, "&");
		char *next = text[length] ? text + length + 1 : text + length;
		if (length) {
			if (out->count == NX_PAIR_LIMIT || !pair_parse(text, length, &out->pair[out->count]))
				return false;
			out->count++;
		}
		text = next;
	}
	return true;
}

const char *nx_pairs_find(const struct nx_pairs *pairs, const char *name)
{
	for (size_t i = pairs->count; i-- > 0;) {
		if (strcmp(pairs->pair[i].name, name) == 0)
			return pairs->pair[i].value;
	}
	return NULL;
}
