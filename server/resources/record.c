/* SPDX-License-Identifier: Apache-2.0 */
/* Records: the values of one row. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "server/resources/fields.h"
#include "server/resources/record_list.h"

static bool is_text(const struct nx_column *column)
{
	return column->type == NX_COLUMN_TEXT || column->type == NX_COLUMN_JSON;
}

void nx_record_borrow(const struct nx_columns *columns, const struct nx_row *row,
		      struct nx_value values[static NX_COLUMN_LIMIT])
{
	for (size_t i = 0; i < columns->count; i++)
		values[i] = is_text(&columns->column[i]) ? NX_TEXT(nx_row_text(row, i))
							 : NX_INT(nx_row_integer(row, i));
}

struct nx_value *nx_record_duplicate(const struct nx_columns *columns, const struct nx_value *record)
{
	size_t length = columns->count * sizeof(struct nx_value);
	size_t used = length;
	struct nx_value *copy;
	char *block;

	for (size_t i = 0; i < columns->count; i++)
		length += record[i].type == NX_VALUE_TEXT ? strlen(record[i].text) + 1 : 0;
	block = nx_alloc(length);
	copy = (struct nx_value *)(void *)block;
	for (size_t i = 0; i < columns->count; i++) {
		copy[i] = record[i];
		if (record[i].type != NX_VALUE_TEXT)
			continue;
		length = strlen(record[i].text) + 1;
		copy[i].text = memcpy(block + used, record[i].text, length);
		used += length;
	}
	return copy;
}

struct nx_value *nx_record_copy(const struct nx_columns *columns, const struct nx_row *row)
{
	struct nx_value values[NX_COLUMN_LIMIT];

	nx_record_borrow(columns, row, values);
	return nx_record_duplicate(columns, values);
}

static bool value_equal(const struct nx_value *a, const struct nx_value *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == NX_VALUE_TEXT)
		return strcmp(a->text, b->text) == 0;
	return a->type == NX_VALUE_NULL || a->integer == b->integer;
}

bool nx_record_equal(const struct nx_columns *columns, const struct nx_value *a, const struct nx_value *b)
{
	for (size_t i = 0; i < columns->count; i++) {
		if (!value_equal(&a[i], &b[i]))
			return false;
	}
	return true;
}

void nx_record_blank(const struct nx_columns *columns, struct nx_value record[static NX_COLUMN_LIMIT])
{
	for (size_t i = 0; i < columns->count; i++)
		record[i] = is_text(&columns->column[i]) ? NX_TEXT("") : NX_INT(0);
}

/* --- lists ------------------------------------------------------------------------ */

bool nx_record_list_take(void *context, const struct nx_row *row)
{
	struct nx_record_list *list = context;

	if (list->count == list->room) {
		list->room = list->room ? list->room * 2 : 16;
		list->records = nx_realloc_array(list->records, list->room, sizeof(struct nx_value *));
	}
	list->records[list->count++] = nx_record_copy(list->columns, row);
	return true;
}

void nx_record_list_clean(struct nx_record_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->records[i]);
	free(list->records);
	*list = (struct nx_record_list){.columns = list->columns};
}
