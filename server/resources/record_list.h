/* SPDX-License-Identifier: Apache-2.0 */
/* Records gathered from a query, to be worked on when it is over. */
#ifndef NX_SERVER_RESOURCES_RECORD_LIST_H
#define NX_SERVER_RESOURCES_RECORD_LIST_H

#include "server/resources/fields.h"

struct nx_record_list {
	const struct nx_columns *columns; /* set it; the rest starts as zero */
	struct nx_value **records;
	size_t count, room;
};

/* For nx_sql_each(). */
bool nx_record_list_take(void *list, const struct nx_row *row);
void nx_record_list_clean(struct nx_record_list *list);

#endif
