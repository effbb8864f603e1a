/* SPDX-License-Identifier: Apache-2.0 */
#include "server/resources/fields_sql.h"

#include "base/memory.h"

static char *list_text(const struct nx_columns *columns)
{
	struct nx_buffer text = {0};

	for (size_t i = 0; i < columns->count; i++)
		nx_buffer_printf(&text, "%s%s", i ? ", " : "", columns->column[i].column);
	return nx_buffer_take(&text);
}

static char *insert_text(const struct nx_columns *columns)
{
	struct nx_buffer text = {0};

	nx_buffer_printf(&text, "INSERT INTO %s (%s) VALUES (", columns->table, columns->list);
	for (size_t i = 0; i < columns->count; i++)
		nx_buffer_printf(&text, "%s$%zu", i ? ", " : "", i + 1);
	nx_buffer_text(&text, ")");
	return nx_buffer_take(&text);
}

static char *update_text(const struct nx_columns *columns)
{
	struct nx_buffer text = {0};
	size_t number = 0;

	nx_buffer_printf(&text, "UPDATE %s SET ", columns->table);
	for (size_t i = 0; i < columns->count; i++) {
		if (columns->column[i].fixed)
			continue;
		nx_buffer_printf(&text, "%s%s = $%zu", number ? ", " : "", columns->column[i].column,
				 number + 1);
		number++;
	}
	nx_buffer_printf(&text, " WHERE id = $%zu", number + 1);
	return nx_buffer_take(&text);
}

void nx_columns_sql(struct nx_columns *columns)
{
	columns->list = list_text(columns);
	columns->find = nx_printf("SELECT %s FROM %s WHERE id = $1", columns->list, columns->table);
	columns->insert = insert_text(columns);
	columns->update = update_text(columns);
}

size_t nx_columns_update_params(const struct nx_columns *columns, const struct nx_value *record,
				struct nx_value params[static NX_COLUMN_LIMIT])
{
	size_t count = 0;

	for (size_t i = 0; i < columns->count; i++) {
		if (!columns->column[i].fixed)
			params[count++] = record[i];
	}
	params[count++] = record[0]; /* the id */
	return count;
}
