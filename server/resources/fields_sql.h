/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL texts of a resource, made once from its columns. */
#ifndef NX_SERVER_RESOURCES_FIELDS_SQL_H
#define NX_SERVER_RESOURCES_FIELDS_SQL_H

#include "server/resources/fields.h"

/* Fills in list, find, insert and update. Names of columns are checked identifiers by now. */
void nx_columns_sql(struct nx_columns *columns);

#endif
