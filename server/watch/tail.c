/* SPDX-License-Identifier: Apache-2.0 */
/* Tails: the recent lines of an organization. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "server/watch/hub_internal.h"

/* Bytes of a tail's lines, besides the limit on their number. */
#define BYTES_LIMIT ((size_t)16 * 1024 * 1024)

struct nx_line *nx_line_new(enum nx_watch_kind kind, bool deleted, int64_t revision, size_t length)
{
	struct nx_line *line = nx_alloc(sizeof(*line) + length);

	line->references = 1;
	line->kind = kind;
	line->deleted = deleted;
	line->revision = revision;
	line->length = length;
	return line;
}

void nx_line_drop(struct nx_line *line)
{
	if (line && --line->references == 0)
		free(line);
}

/* --- the tails of a hub ------------------------------------------------------------- */

struct nx_tail *nx_tail_find(struct nx_watch_hub *hub, const char *organization_id)
{
	struct nx_index_entry *found = nx_index_first(&hub->tails, organization_id);

	return found ? nx_holder(found, struct nx_tail, by_id) : NULL;
}

struct nx_tail *nx_tail_get(struct nx_watch_hub *hub, const char *organization_id)
{
	struct nx_tail *tail = nx_tail_find(hub, organization_id);

	if (tail)
		return tail;
	tail = nx_alloc(sizeof(*tail));
	snprintf(tail->id, sizeof(tail->id), "%s", organization_id);
	tail->last = -1;
	tail->idle = nx_watch_now();
	nx_index_add(&hub->tails, &tail->by_id, tail->id);
	LIST_INSERT_HEAD(&hub->all, tail, all);
	return tail;
}

void nx_tail_free(struct nx_watch_hub *hub, struct nx_tail *tail)
{
	struct nx_page *page;

	while ((page = LIST_FIRST(&tail->pages))) {
		LIST_REMOVE(page, of_tail);
		nx_page_drop(page);
	}
	while (tail->head < tail->count)
		nx_line_drop(tail->lines[tail->head++]);
	free(tail->lines);
	if (tail->dirty)
		STAILQ_REMOVE(&hub->dirty, tail, nx_tail, dirty_next);
	LIST_REMOVE(tail, all);
	nx_index_remove(&hub->tails, &tail->by_id);
	free(tail);
}

void nx_tail_wake(struct nx_watch_hub *hub, struct nx_tail *tail)
{
	if (tail->dirty || LIST_EMPTY(&tail->watchers))
		return;
	tail->dirty = true;
	STAILQ_INSERT_TAIL(&hub->dirty, tail, dirty_next);
}

/* --- lines ---------------------------------------------------------------------------- */

void nx_tail_begin(struct nx_tail *tail, int64_t revision)
{
	if (tail->last < 0)
		tail->start = tail->last = tail->target = revision;
}

static void first_drop(struct nx_tail *tail)
{
	struct nx_line *line = tail->lines[tail->head++];

	tail->start = line->revision;
	tail->bytes -= line->length;
	nx_line_drop(line);
}

/* Room for one more behind the last: what was dropped at the front is made use of first. */
static void room_make(struct nx_tail *tail)
{
	if (tail->count < tail->room)
		return;
	if (tail->head > tail->room / 2) {
		tail->count -= tail->head;
		memmove(tail->lines, tail->lines + tail->head, tail->count * sizeof(struct nx_line *));
		tail->head = 0;
		return;
	}
	tail->room = tail->room ? tail->room * 2 : 16;
	tail->lines = nx_realloc_array(tail->lines, tail->room, sizeof(struct nx_line *));
}

void nx_tail_append(struct nx_watch_hub *hub, struct nx_tail *tail, struct nx_line *line)
{
	nx_tail_begin(tail, line->revision - 1);
	if (line->revision <= tail->last) {
		nx_line_drop(line);
		return;
	}
	room_make(tail);
	tail->lines[tail->count++] = line;
	tail->bytes += line->length;
	tail->last = line->revision;
	if (tail->target < tail->last)
		tail->target = tail->last;
	while (tail->count - tail->head > hub->backlog || tail->bytes > BYTES_LIMIT)
		first_drop(tail);
	nx_tail_wake(hub, tail);
}

struct nx_line *nx_tail_after(const struct nx_tail *tail, int64_t cursor)
{
	size_t low = tail->head, high = tail->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (tail->lines[middle]->revision <= cursor)
			low = middle + 1;
		else
			high = middle;
	}
	return low < tail->count ? tail->lines[low] : NULL;
}
