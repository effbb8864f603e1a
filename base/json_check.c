/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cJSON takes documents that are no JSON (control bytes as white space, "01", "1.",
 * invalid UTF-8, a byte order mark, …), so nothing reaches it that was not read
 * here first.
 */
#include "base/json_check.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

/* cJSON copies a number into 64 bytes, NUL included. */
#define LONGEST_NUMBER 63

struct reader {
	const char *start;
	const char *at;
	const char *end;
	const char *complaint;	     /* set once something is wrong, `at` stands there */
	char closers[NX_JSON_DEPTH]; /* what ends each open container */
	size_t depth;
};

static bool complain(struct reader *reader, const char *complaint)
{
	reader->complaint = complaint;
	return false;
}

/* The next byte, or NUL at the end (a NUL in the text fits nothing either). */
static char peek(const struct reader *reader)
{
	if (reader->at == reader->end)
		return '\0';
	return *reader->at;
}

static bool take(struct reader *reader, char wanted)
{
	if (reader->at == reader->end || *reader->at != wanted)
		return false;
	reader->at++;
	return true;
}

static void skip_space(struct reader *reader)
{
	static const char space[] = {' ', '\t', '\n', '\r'};

	while (reader->at < reader->end && memchr(space, *reader->at, sizeof(space)))
		reader->at++;
}

/* --- strings ------------------------------------------------------------------ */

/* The four hex digits of a \u escape. */
static bool read_hex4(struct reader *reader, uint32_t *out)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++) {
		char digit = peek(reader);

		if (digit >= '0' && digit <= '9')
			value = value << 4 | (uint32_t)(digit - '0');
		else if (digit >= 'a' && digit <= 'f')
			value = value << 4 | (uint32_t)(digit - 'a' + 10);
		else if (digit >= 'A' && digit <= 'F')
			value = value << 4 | (uint32_t)(digit - 'A' + 10);
		else
			return complain(reader, "\\u needs four hex digits");
		reader->at++;
	}
	*out = value;
	return true;
}

static bool read_unicode_escape(struct reader *reader)
{
	uint32_t unit;

	if (!read_hex4(reader, &unit))
		return false;
	if (unit == 0)
		return complain(reader, "a string must not hold a NUL");
	if (unit >= 0xdc00 && unit < 0xe000)
		return complain(reader, "a low surrogate stands alone");
	if (unit < 0xd800 || unit >= 0xe000)
		return true;
	if (!take(reader, '\\') || !take(reader, 'u'))
		return complain(reader, "a high surrogate stands alone");
	if (!read_hex4(reader, &unit))
		return false;
	if (unit < 0xdc00 || unit >= 0xe000)
		return complain(reader, "a high surrogate stands alone");
	return true;
}

static bool read_escape(struct reader *reader)
{
	char kind = peek(reader);

	if (kind == '\0' || !strchr("\"\\/bfnrtu", kind))
		return complain(reader, "unknown escape in a string");
	reader->at++;
	return kind == 'u' ? read_unicode_escape(reader) : true;
}

static bool read_string(struct reader *reader)
{
	if (!take(reader, '"'))
		return complain(reader, "expected a string");
	while (reader->at < reader->end) {
		uint32_t character;
		size_t length;

		if (take(reader, '"'))
			return true;
		if (take(reader, '\\')) {
			if (!read_escape(reader))
				return false;
			continue;
		}
		length = nx_utf8_decode(reader->at, (size_t)(reader->end - reader->at), &character);
		if (length == 0)
			return complain(reader, "invalid UTF-8");
		if (character < 0x20)
			return complain(reader, "a control character must be escaped");
		reader->at += length;
	}
	return complain(reader, "the string does not end");
}

/* --- numbers and words ---------------------------------------------------------- */

static bool read_digits(struct reader *reader)
{
	const char *first = reader->at;

	while (peek(reader) >= '0' && peek(reader) <= '9')
		reader->at++;
	return reader->at > first ? true : complain(reader, "expected a digit");
}

static bool read_number(struct reader *reader)
{
	const char *first = reader->at;

	take(reader, '-');
	if (!take(reader, '0') && !read_digits(reader))
		return false;
	if (take(reader, '.') && !read_digits(reader))
		return false;
	if (take(reader, 'e') || take(reader, 'E')) {
		if (!take(reader, '+'))
			take(reader, '-');
		if (!read_digits(reader))
			return false;
	}
	if (reader->at - first > LONGEST_NUMBER)
		return complain(reader, "the number is too long");
	return true;
}

static bool read_word(struct reader *reader, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
		return complain(reader, "expected a value");
	reader->at += length;
	return true;
}

static bool read_scalar(struct reader *reader)
{
	switch (peek(reader)) {
	case '"':
		return read_string(reader);
	case 't':
		return read_word(reader, "true");
	case 'f':
		return read_word(reader, "false");
	case 'n':
		return read_word(reader, "null");
	case '-':
	case '0' ... '9':
		return read_number(reader);
	default:
		return complain(reader, reader->at == reader->end ? "the document ends too early"
								  : "expected a value");
	}
}

/* --- containers ------------------------------------------------------------------- */

/* A member's name and colon, when the innermost container is an object. */
static bool read_name(struct reader *reader)
{
	if (reader->depth == 0 || reader->closers[reader->depth - 1] != '}')
		return true;
	skip_space(reader);
	if (!read_string(reader))
		return false;
	skip_space(reader);
	return take(reader, ':') ? true : complain(reader, "expected ':'");
}

/* At the start of a value: open containers down to the first scalar or empty container. */
static bool read_value(struct reader *reader)
{
	for (;;) {
		char opener;

		skip_space(reader);
		opener = peek(reader);
		if (opener != '{' && opener != '[')
			return read_scalar(reader);
		if (reader->depth == NX_JSON_DEPTH)
			return complain(reader, "too deeply nested");
		reader->at++;
		reader->closers[reader->depth++] = opener == '{' ? '}' : ']';
		skip_space(reader);
		if (peek(reader) == reader->closers[reader->depth - 1])
			return true;
		if (!read_name(reader))
			return false;
	}
}

/* After a value: close what ends here. Answers true at a comma or at the end of it all. */
static bool read_closers(struct reader *reader)
{
	while (reader->depth > 0) {
		skip_space(reader);
		if (take(reader, ','))
			return true;
		if (!take(reader, reader->closers[reader->depth - 1]))
			return complain(reader, reader->closers[reader->depth - 1] == '}'
							? "expected ',' or '}'"
							: "expected ',' or ']'");
		reader->depth--;
	}
	return true;
}

static bool read_document(struct reader *reader)
{
	do {
		if (!read_name(reader) || !read_value(reader) || !read_closers(reader))
			return false;
	} while (reader->depth > 0);
	skip_space(reader);
	return reader->at == reader->end ? true : complain(reader, "text after the end of the document");
}

enum nx_status nx_json_check(const char *text, size_t length, struct nx_error *error)
{
	struct reader reader = {.start = text, .at = text, .end = text + length};

	if (read_document(&reader))
		return NX_OK;
	return nx_fail(error, NX_INVALID, NULL, "invalid JSON at byte %td: %s", reader.at - reader.start + 1,
		       reader.complaint);
}
