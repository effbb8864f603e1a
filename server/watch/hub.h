/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watching. Each organization that somebody watches has a tail in memory: its
 * recent changes, each serialized once as a line of the stream and shared by all
 * watchers. A watcher that is behind the tail's start reads on from the store,
 * in pages that are shared as well. Revisions of an organization have no gaps: a
 * hole in what is published (another server wrote, or an outcome was unknown) is
 * filled from the store.
 *
 * Threads: the hub has one that wakes watchers, so that a change costs its writer
 * one append, and two that read pages. Watchers are read on the HTTP thread.
 */
#ifndef NX_SERVER_WATCH_HUB_H
#define NX_SERVER_WATCH_HUB_H

#include <nexodus/error.h>

#include "server/server.h"

/* The section "watch": `retention` (how long deletions are remembered), `backlog` (how many
 * changes a watcher may be behind before it is cut off). Declared by server/main.c. */
extern const struct nx_table nx_watch_config_keys;

/* After nx_store_start(). A server without a configuration takes the defaults. */
struct nx_watch_hub *nx_watch_hub_new(struct nx_server *server);
/* End all streams at the next document, open no new ones. Any thread. */
void nx_watch_stop(struct nx_watch_hub *hub);
/* Stops, and waits until the HTTP side has closed every stream. NULL is fine. */
void nx_watch_hub_free(struct nx_watch_hub *hub);

enum nx_watch_kind {
	NX_WATCH_ORGANIZATION = 1u << 0,
	NX_WATCH_DEVICE = 1u << 1,
};

/*
 * A committed change; writer thread, in order of revision. `line` is the stream's
 * document with its newline; copied. After the last of a group: nx_watch_flush().
 */
void nx_watch_publish(struct nx_watch_hub *hub, enum nx_watch_kind kind, bool deleted,
		      const char *organization_id, int64_t revision, const char *line, size_t length);
void nx_watch_flush(struct nx_watch_hub *hub);
/* Another server has committed up to `revision`; any thread. */
void nx_watch_notified(struct nx_watch_hub *hub, const char *organization_id, int64_t revision);
/* The same from a notification of the store, for struct nx_store_options: `server` is a
 * struct nx_server, whose hub may not be there yet. */
void nx_watch_payload(void *server, const char *payload);
/* Revoked: cut off the watchers that hold this token. Any thread. */
void nx_watch_revoke(struct nx_watch_hub *hub, const char *token_hash);
/* No longer a member: cut off the watchers of this organization that a user, or the device
 * with this id, holds. Any thread. */
void nx_watch_expel(struct nx_watch_hub *hub, const char *organization_id, const char *principal_id);
/* The organization is gone: its watchers end when they have taken what was published. Any thread. */
void nx_watch_close(struct nx_watch_hub *hub, const char *organization_id);
/* The device with this id has a stream open on this server. Any thread. */
bool nx_watch_online(struct nx_watch_hub *hub, const char *device_id);
size_t nx_watch_count(struct nx_watch_hub *hub);

#endif
