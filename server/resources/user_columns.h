/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of users. */
#ifndef NX_SERVER_RESOURCES_USER_COLUMNS_H
#define NX_SERVER_RESOURCES_USER_COLUMNS_H

#include "server/resources/fields.h"

enum nx_user_column { NX_USER_ID, NX_USER_NAME, NX_USER_ADMINISTRATOR, NX_USER_COLUMNS };

/* What is shown of a user; `list` and `find` are set, the rest of the SQL is not. */
extern const struct nx_columns nx_user_columns;

#endif
