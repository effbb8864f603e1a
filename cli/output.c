/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

/* Does it move the cursor, forge a row or turn text around? C0, DEL, C1, separators, marks of direction. */
static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x200e || code == 0x200f ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/* The next character. Documents are valid UTF-8; should a byte be none, it stands for itself. */
static size_t character_next(const char *text, uint32_t *code)
{
	size_t length = nx_utf8_decode(text, strnlen(text, 4), code);

	if (length)
		return length;
	*code = (unsigned char)*text;
	return 1;
}

void cli_render_text(const char *text, struct nx_buffer *into)
{
	while (*text) {
		uint32_t code;
		size_t length = character_next(text, &code);

		if (is_control(code))
			nx_buffer_printf(into, code < 0x100 ? "\\x%02x" : "\\u%04x", code);
		else
			nx_buffer_append(into, text, length);
		text += length;
	}
}

void cli_render_value(const struct nx_json *value, struct nx_buffer *into)
{
	const char *text = nx_json_string(value);
	struct nx_buffer other = {0};

	if (!value || nx_json_type(value) == NX_JSON_NULL)
		return;
	if (!text)
		nx_json_print(value, &other);
	cli_render_text(text ? text : other.data, into);
	nx_buffer_free(&other);
}

void cli_say_value(const char *label, const struct nx_json *value)
{
	struct nx_buffer text = {0};

	if (!nx_json_string(value))
		return;
	cli_render_value(value, &text);
	fprintf(stderr, "%s%s", label, text.data ? text.data : "");
	nx_buffer_free(&text);
}

void cli_render_list(const struct nx_json *row, const char *member, struct nx_buffer *into)
{
	const struct nx_json *list = nx_json_member(row, member);
	const struct nx_json *value =
		list && nx_json_type(list) == NX_JSON_ARRAY ? nx_json_first(list) : NULL;

	for (bool first = true; value; value = nx_json_next(value), first = false) {
		if (!first)
			nx_buffer_text(into, ", ");
		cli_render_value(value, into);
	}
}

static char *cell(const struct cli_column *column, const struct nx_json *row)
{
	struct nx_buffer text = {0};

	if (column->render)
		column->render(row, &text);
	else
		cli_render_value(nx_json_member(row, column->member), &text);
	if (!text.length)
		nx_buffer_text(&text, "-");
	return nx_buffer_take(&text);
}

static size_t width(const char *text)
{
	size_t characters = 0;

	for (; *text; text++)
		characters += ((unsigned char)*text & 0xc0) != 0x80;
	return characters;
}

static void line_print(char *const *cells, const size_t *widths, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fputs(cells[i], stdout);
		if (i + 1 < count)
			printf("%*s", (int)(widths[i] - width(cells[i]) + 3), "");
	}
	putchar('\n');
}

static void table_print(const struct cli *cli, const struct nx_json *const *rows, size_t row_count,
			const struct cli_column *columns, size_t count)
{
	char **cells = nx_alloc_array((row_count + 1) * count, sizeof(*cells));
	size_t *widths = nx_alloc_array(count, sizeof(*widths));
	size_t first = cli->output == CLI_NO_HEADER ? 1 : 0;

	for (size_t c = 0; c < count; c++)
		cells[c] = nx_strdup(columns[c].heading);
	for (size_t r = 0; r < row_count; r++)
		for (size_t c = 0; c < count; c++)
			cells[(r + 1) * count + c] = cell(&columns[c], rows[r]);
	for (size_t r = first; r <= row_count; r++)
		for (size_t c = 0; c < count; c++)
			if (width(cells[r * count + c]) > widths[c])
				widths[c] = width(cells[r * count + c]);
	for (size_t r = first; r <= row_count; r++)
		line_print(&cells[r * count], widths, count);
	for (size_t i = 0; i < (row_count + 1) * count; i++)
		free(cells[i]);
	free(cells);
	free(widths);
}

/* JSON escapes C0 itself, and has line breaks outside strings; the rest stands only in strings. */
static void json_text_print(const char *text)
{
	while (*text) {
		uint32_t code;
		size_t length = character_next(text, &code);

		if (code >= 0x7f && is_control(code))
			printf("\\u%04x", code);
		else
			fwrite(text, 1, length, stdout);
		text += length;
	}
	putchar('\n');
}

static void json_print(const struct cli *cli, const struct nx_json *value)
{
	struct nx_buffer text = {0};

	if (cli->output == CLI_JSON)
		nx_json_print_pretty(value, &text);
	else
		nx_json_print(value, &text);
	json_text_print(text.data);
	nx_buffer_free(&text);
}

void cli_print(const struct cli *cli, const struct nx_json *value, const struct cli_column *columns,
	       size_t count)
{
	const struct nx_json **rows;
	size_t row_count = 1, used = 0;

	if (cli->output == CLI_JSON || cli->output == CLI_JSON_RAW) {
		json_print(cli, value);
		return;
	}
	if (nx_json_type(value) != NX_JSON_ARRAY) {
		table_print(cli, &value, 1, columns, count);
		return;
	}
	row_count = nx_json_length(value);
	rows = nx_alloc_array(row_count + 1, sizeof(struct nx_json *));
	for (const struct nx_json *row = nx_json_first(value); row; row = nx_json_next(row))
		rows[used++] = row;
	table_print(cli, rows, used, columns, count);
	free(rows);
}

int cli_show(struct cli *cli, const char *method, const char *path, const struct nx_json *body,
	     const struct cli_column *columns, size_t count)
{
	NX_AUTO_JSON struct nx_json *answer = NULL;

	if (!cli_call(cli, method, path, body, &answer))
		return CLI_FAILED;
	if (answer)
		cli_print(cli, answer, columns, count);
	return CLI_OK;
}
