/* SPDX-License-Identifier: Apache-2.0 */
/* One who watches an organization. */
#ifndef NX_SERVER_WATCH_WATCHER_H
#define NX_SERVER_WATCH_WATCHER_H

#include "server/http/request.h"
#include "server/watch/hub.h"

struct nx_watcher;

/* What somebody wants to see of an organization. */
struct nx_watch_wish {
	unsigned kinds;	  /* enum nx_watch_kind, or'ed */
	int64_t after[2]; /* per kind (place: kind / 2), of those that are wanted: begin after this revision
			   */
	bool at_tail;	  /* no document that says "caught up" */
};

/*
 * Enter a watcher, so that from now on a revocation finds it; what it may see is to be
 * judged after that. NULL when the hub is stopping. Any thread.
 */
struct nx_watcher *nx_watcher_new(struct nx_watch_hub *hub, const char *organization_id,
				  const struct nx_principal *who, const struct nx_watch_wish *wish);
/* It may not after all. */
void nx_watcher_drop(struct nx_watcher *watcher);
/* Its token expires: seconds since 1970, 0 for never. The stream ends then. */
void nx_watcher_expires(struct nx_watcher *watcher, int64_t when);
/* Reply the stream; the request and the watcher must not be touched afterwards. */
void nx_watcher_stream(struct nx_watcher *watcher, struct nx_request *request);

/* What the stream reads, for tests; HTTP thread. As struct nx_stream_source has it. */
long nx_watcher_read(void *watcher, char *into, size_t room);

#endif
