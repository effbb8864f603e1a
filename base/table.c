/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"

#include <string.h>

void nx_table_row(const struct nx_table *table, uint32_t index, void *row, size_t size)
{
	size_t known = table->row_size < size ? table->row_size : size;
	const char *from = (const char *)table->rows + (size_t)index * table->row_size;

	memset(row, 0, size);
	memcpy(row, from, known);
}
