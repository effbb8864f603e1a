/* SPDX-License-Identifier: Apache-2.0 */
/* Users as other parts of the server make them: at first start, by an administrator, at the
 * first sight of a user of an outside issuer. */
#ifndef NX_SERVER_RESOURCES_USER_H
#define NX_SERVER_RESOURCES_USER_H

#include "base/error.h"
#include "base/secret.h"
#include "server/server.h"

/*
 * Make a user, the organization of their own ("<username>'s organization", default
 * prefixes and what plugins say otherwise) and the membership, in the transaction under way.
 *
 * `id` answers the new user's id. `password_hash` is nx_password_hash()'s text, "" for a
 * user who signs in elsewhere. NX_INVALID (field "username") for a name that is empty,
 * longer than 128 bytes or holds control characters; NX_CONFLICT (with the id of the one
 * that has it) when the name is taken. After a failure the command must end with it.
 */
enum nx_status nx_user_create(struct nx_server *server, struct nx_tx *tx, const char *username,
			      const char *password_hash, bool administrator, char id[static NX_UUID_TEXT],
			      struct nx_error *error);

#endif
