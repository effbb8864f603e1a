/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an organization went through since a revision, as far as the store knows:
 * each thing that has changed once, as it is now, and deletions, in order.
 */
#ifndef NX_SERVER_RESOURCES_HISTORY_H
#define NX_SERVER_RESOURCES_HISTORY_H

#include "server/http/request.h"
#include "server/resources/fields.h"
#include "server/watch/hub.h"

struct nx_history_item {
	int64_t revision;
	enum nx_watch_kind kind;
	bool deleted;
	size_t offset; /* of its JSON in `text` */
	size_t length;
};

struct nx_history {
	int64_t revision;  /* the organization's, when it was read */
	int64_t forgotten; /* deletions up to here are not known any more */
	int64_t upto;	   /* what is here is complete up to this revision */
	struct nx_buffer text;
	struct nx_history_item *items; /* in order of revision */
	size_t count, room;
};

/*
 * Read what came after `from`, at most about `limit` items (SIZE_MAX: all). NX_NOT_FOUND when
 * there is no such organization. Clean up after success and failure.
 */
enum nx_status nx_history_read(const struct nx_fields *fields, struct nx_tx *tx, const char *organization_id,
			       int64_t from, size_t limit, struct nx_history *out, struct nx_error *error);
void nx_history_clean(struct nx_history *history);

/* Can a client go on from this revision? Not from one whose successors are partly forgotten, nor
 * from one that never was. */
bool nx_history_resumable(int64_t from, int64_t revision, int64_t forgotten);
/* 410: says to begin at 0. */
void nx_history_refuse(struct nx_request *request, int64_t revision);

#endif
