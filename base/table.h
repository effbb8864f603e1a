/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of the plugin ABI, whose rows may be shorter or longer than ours. */
#ifndef NX_BASE_TABLE_H
#define NX_BASE_TABLE_H

#include <nexodus/plugin.h>

/*
 * Copy row `index` (< table->count) into `row` of `size` bytes: what the table's rows do
 * not have is 0, what they have beyond ours is left out.
 */
void nx_table_row(const struct nx_table *table, uint32_t index, void *row, size_t size);

#endif
