/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the user that a path names. */
#ifndef NX_SERVER_RESOURCES_USER_FIND_H
#define NX_SERVER_RESOURCES_USER_FIND_H

#include "base/secret.h"
#include "server/auth/principal.h"
#include "server/http/request.h"
#include "server/resources/fields.h"

/* The {id} of the path; "me" is who asks. */
const char *nx_user_named(struct nx_request *request);
/* A user whom the asker may see; *record as in user_columns.h, to be freed. */
enum nx_status nx_user_find(struct nx_tx *tx, const struct nx_principal *who, const char *id,
			    struct nx_value **record, struct nx_error *error);

/* Bytes of a password. */
#define NX_PASSWORD_MINIMUM 8
#define NX_PASSWORD_LIMIT 1024
/* The member `password`, judged and hashed: slow. */
enum nx_status nx_password_read(const struct nx_json *body, char hash[static NX_PASSWORD_HASH_TEXT],
				struct nx_error *error);

#endif
