/* SPDX-License-Identifier: Apache-2.0 */
/* Organizations: what their handlers and those of users have in common. Writer thread. */
#ifndef NX_SERVER_RESOURCES_ORGANIZATION_H
#define NX_SERVER_RESOURCES_ORGANIZATION_H

#include "base/secret.h"
#include "server/auth/principal.h"
#include "server/resources/fields.h"

#define NX_NAME_LIMIT 128
#define NX_DESCRIPTION_LIMIT 255

/* An organization to be made. */
struct nx_new_organization {
	struct nx_value record[NX_COLUMN_LIMIT];
	char id[NX_UUID_TEXT];
	char prefix[NX_FAMILY_LIMIT][NX_ADDRESS_TEXT];
};
/*
 * Read what the plugins bring: prefixes, strategies and other fields. `body` NULL: defaults
 * everywhere. Owner, name and description are the caller's to fill in. Any thread.
 */
enum nx_status nx_organization_read(const struct nx_server *server, const struct nx_json *body,
				    struct nx_new_organization *out, struct nx_error *error);
/* NX_CONFLICT when there is one of this name; the id is told to its members. */
enum nx_status nx_organization_name_check(const struct nx_fields *fields, struct nx_tx *tx, const char *name,
					  const struct nx_principal *who, struct nx_error *error);
/* Make it, and its owner a member. The name must be free. */
enum nx_status nx_organization_insert(const struct nx_fields *fields, struct nx_tx *tx,
				      struct nx_new_organization *organization, struct nx_error *error);
/* Delete it with all it holds; its watchers are told. */
enum nx_status nx_organization_remove(struct nx_server *server, struct nx_tx *tx,
				      const struct nx_value *record, struct nx_error *error);

#endif
