/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do the migrations make the columns of the fields? Their SQL is read word by word, as far as ALTER TABLE …
 * ADD, DROP and RENAME COLUMN go: no other statement gives a table of the server another column.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/table.h"
#include "check/check.h"

#define WORD_TEXT 64
#define LONGEST_STATEMENT 24 /* words that are of interest */

struct column {
	char table[WORD_TEXT];
	char name[WORD_TEXT];
	char type[WORD_TEXT];
	bool fit; /* NOT NULL, with a default */
};

struct columns {
	struct column *items;
	size_t count;
};

struct statement {
	char words[LONGEST_STATEMENT][WORD_TEXT];
	size_t count;
};

static const char *space_skip(const char *at)
{
	for (;;) {
		at += strspn(at, " \t\r\n");
		if (strncmp(at, "--", 2) != 0)
			return at;
		at += strcspn(at, "\n");
	}
}

static size_t word_length(const char *at)
{
	size_t length = 0;

	if (*at == '\'' || *at == '"') {
		const char *end = strchr(at + 1, *at);
		return end ? (size_t)(end - at) + 1 : strlen(at);
	}
	while (isalnum((unsigned char)at[length]) || at[length] == '_')
		length++;
	return length ? length : 1;
}

/* One statement's words, quotation marks of names left out; answers where the next begins, NULL at the end.
 */
static const char *statement_read(const char *at, struct statement *out)
{
	out->count = 0;
	for (at = space_skip(at); *at && *at != ';'; at = space_skip(at)) {
		size_t length = word_length(at);
		size_t quoted = *at == '"' && length > 1;

		if (out->count < LONGEST_STATEMENT)
			snprintf(out->words[out->count++], WORD_TEXT, "%.*s", (int)(length - 2 * quoted),
				 at + quoted);
		at += length;
	}
	return *at ? at + 1 : NULL;
}

static bool word_is(const struct statement *statement, size_t index, const char *word)
{
	return index < statement->count && strcasecmp(statement->words[index], word) == 0;
}

static struct column *column_find(const struct columns *columns, const char *table, const char *name)
{
	for (size_t i = 0; i < columns->count; i++) {
		if (strcasecmp(columns->items[i].table, table) == 0 &&
		    strcasecmp(columns->items[i].name, name) == 0)
			return &columns->items[i];
	}
	return NULL;
}

static void column_add(struct columns *columns, const struct statement *statement, size_t name)
{
	struct column *column;
	bool not_null = false, fallback = false;

	columns->items = nx_realloc_array(columns->items, columns->count + 1, sizeof(*columns->items));
	column = &columns->items[columns->count++];
	*column = (struct column){0};
	memcpy(column->table, statement->words[2], WORD_TEXT);
	memcpy(column->name, statement->words[name], WORD_TEXT);
	if (name + 1 < statement->count)
		memcpy(column->type, statement->words[name + 1], WORD_TEXT);
	for (size_t i = name + 1; i < statement->count; i++) {
		not_null |= word_is(statement, i, "NOT") && word_is(statement, i + 1, "NULL");
		fallback |= word_is(statement, i, "DEFAULT");
	}
	column->fit = not_null && fallback;
}

static void statement_apply(struct columns *columns, const struct statement *statement)
{
	size_t name = word_is(statement, 4, "COLUMN") ? 5 : 4;
	struct column *found;

	if (!word_is(statement, 0, "ALTER") || !word_is(statement, 1, "TABLE") || statement->count <= name)
		return;
	if (word_is(statement, 3, "ADD")) {
		column_add(columns, statement, name);
		return;
	}
	found = column_find(columns, statement->words[2], statement->words[name]);
	if (found && word_is(statement, 3, "DROP"))
		*found = columns->items[--columns->count];
	else if (found && word_is(statement, 3, "RENAME") && word_is(statement, name + 1, "TO") &&
		 name + 2 < statement->count)
		memcpy(found->name, statement->words[name + 2], WORD_TEXT);
}

static void sql_apply(struct columns *columns, const char *sql)
{
	struct statement statement;

	while (sql) {
		sql = statement_read(sql, &statement);
		statement_apply(columns, &statement);
	}
}

static void field_judge(const struct columns *columns, const struct nx_field *field, struct nx_buffer *wrong)
{
	const char *table = field->resource == NX_RESOURCE_ORGANIZATION ? "organizations" : "devices";
	bool number = field->type == NX_FIELD_BOOLEAN || field->type == NX_FIELD_INTEGER;
	const char *type = number ? "BIGINT" : "TEXT";
	const struct column *column = column_find(columns, table, field->column);
	const char *separator = wrong->length ? "; " : "";

	if (!column)
		nx_buffer_printf(wrong,
				 "%sexpected a migration that makes the column %s of %s for the field "
				 "\"%s\", found none",
				 separator, field->column, table, field->name);
	else if (strcasecmp(column->type, type) != 0 || !column->fit)
		nx_buffer_printf(
			wrong, "%sexpected the column %s of %s to be %s NOT NULL with a DEFAULT, found %s%s",
			separator, field->column, table, type, column->type,
			column->fit ? "" : " without one of these");
}

/* All that is added goes again when the plugin is taken away. */
static void remains_judge(struct columns *columns, const struct nx_plugin *plugin, struct nx_buffer *wrong)
{
	for (uint32_t row = plugin->migrations.count; row-- > 0;) {
		struct nx_migration migration;

		nx_table_row(&plugin->migrations, row, &migration, sizeof(migration));
		sql_apply(columns, migration.down);
	}
	for (size_t i = 0; i < columns->count; i++)
		nx_buffer_printf(wrong,
				 "%sexpected that `down` drops the column %s of %s, found that it stays",
				 wrong->length ? "; " : "", columns->items[i].name, columns->items[i].table);
}

void columns_check(const struct nx_plugin *plugin, struct nx_buffer *wrong)
{
	struct columns columns = {0};

	for (uint32_t row = 0; row < plugin->migrations.count; row++) {
		struct nx_migration migration;

		nx_table_row(&plugin->migrations, row, &migration, sizeof(migration));
		sql_apply(&columns, migration.up);
	}
	for (uint32_t row = 0; row < plugin->fields.count; row++) {
		struct nx_field field;

		nx_table_row(&plugin->fields, row, &field, sizeof(field));
		field_judge(&columns, &field, wrong);
	}
	remains_judge(&columns, plugin, wrong);
	nx_cleanup_free(&columns.items);
}
