/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes: the next revision of an organization, what watchers are told of it, and
 * what is remembered of a deletion. Writer thread, inside a command.
 */
#ifndef NX_SERVER_RESOURCES_CHANGE_H
#define NX_SERVER_RESOURCES_CHANGE_H

#include "server/resources/fields.h"
#include "server/watch/hub.h"

/*
 * Give the organization its next revision. *record, to be freed, is the organization as
 * it is now, the new revision in it. NX_NOT_FOUND when there is none.
 */
enum nx_status nx_organization_advance(struct nx_server *server, struct nx_tx *tx,
				       const char *organization_id, struct nx_value **record,
				       struct nx_error *error);
/* The same when what changes is the organization itself, in its own columns or in what is said of it
 * elsewhere: the revision is its own, and watchers are told. */
enum nx_status nx_organization_touch(struct nx_server *server, struct nx_tx *tx, const char *organization_id,
				     struct nx_value **record, struct nx_error *error);
/* The same when only the number matters. */
enum nx_status nx_revision_next(struct nx_tx *tx, const char *organization_id, int64_t *revision,
				struct nx_error *error);

/*
 * Tell watchers, on this server and others, when the transaction is committed. `json` is
 * the object that has changed.
 */
enum nx_status nx_change_announce(struct nx_server *server, struct nx_tx *tx, enum nx_watch_kind kind,
				  const char *organization_id, int64_t revision, const char *json,
				  struct nx_error *error);
/* A deletion: remembered as a tombstone, and told. `json` is what is left to be said of it. */
enum nx_status nx_change_forget(struct nx_server *server, struct nx_tx *tx, enum nx_watch_kind kind,
				const char *organization_id, int64_t revision, const char *json,
				struct nx_error *error);

/* A line of the stream. */
void nx_line_write(enum nx_watch_kind kind, bool deleted, const char *json, size_t length,
		   struct nx_buffer *out);
const char *nx_watch_kind_name(enum nx_watch_kind kind);

#endif
