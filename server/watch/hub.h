/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watching. Each organization that somebody watches has a tail in memory: its
 * recent changes, each serialized once as a line of the stream and shared by all
 * watchers. A watcher that is behind the tail's start reads on from the store.
 * Revisions of an organization have no gaps: a hole in what is published (another
 * server wrote, or an outcome was unknown) is filled from the store.
 */
#ifndef NX_SERVER_WATCH_HUB_H
#define NX_SERVER_WATCH_HUB_H

#include <nexodus/error.h>

#include "server/server.h"

struct nx_watch_hub *nx_watch_hub_new(struct nx_server *server);
void nx_watch_hub_free(struct nx_watch_hub *hub); /* ends all watchers */

/*
 * A committed change; writer thread, in order of revision. `line` is the stream's
 * document with its newline; copied. After the last of a group: nx_watch_flush().
 */
void nx_watch_publish(struct nx_watch_hub *hub, const char *organization_id, int64_t revision,
		      const char *line, size_t length);
void nx_watch_flush(struct nx_watch_hub *hub);
/* Another server has committed up to `revision`; any thread. */
void nx_watch_notified(struct nx_watch_hub *hub, const char *organization_id, int64_t revision);
/* Revoked: cut off the watchers that hold this token. Any thread. */
void nx_watch_revoke(struct nx_watch_hub *hub, const char *token_hash);
/* The device with this id has a stream open on this server. Any thread. */
bool nx_watch_online(struct nx_watch_hub *hub, const char *device_id);
size_t nx_watch_count(struct nx_watch_hub *hub);

#endif
