/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may see and change what. What an asker may not see is NX_NOT_FOUND, what they
 * see and may not do is NX_DENIED with the reason. Run inside a transaction.
 */
#ifndef NX_SERVER_RESOURCES_ACCESS_H
#define NX_SERVER_RESOURCES_ACCESS_H

#include "server/auth/principal.h"
#include "server/resources/fields.h"

/*
 * An organization that the asker may see: a user who is a member of it, a device that
 * is in it. *record (may be NULL) is a copy to be freed.
 */
enum nx_status nx_organization_find(const struct nx_fields *fields, struct nx_tx *tx,
				    const struct nx_principal *who, const char *organization_id,
				    struct nx_value **record, struct nx_error *error);
/* The same, and the asker must own it. */
enum nx_status nx_organization_owned(const struct nx_fields *fields, struct nx_tx *tx,
				     const struct nx_principal *who, const char *organization_id,
				     struct nx_value **record, struct nx_error *error);
enum nx_status nx_member_check(struct nx_tx *tx, const char *organization_id, const char *user_id,
			       bool *member, struct nx_error *error);
/* A device that the asker may change: one of the user's own, or the device that asks itself. */
enum nx_status nx_device_find(const struct nx_fields *fields, struct nx_tx *tx,
			      const struct nx_principal *who, const char *device_id, struct nx_value **record,
			      struct nx_error *error);

/* A row as a copy, by one text parameter; NX_NOT_FOUND with the resource's name. */
enum nx_status nx_record_find(const struct nx_columns *columns, struct nx_tx *tx, const char *sql,
			      const char *key, const char *resource, struct nx_value **record,
			      struct nx_error *error);

#endif
