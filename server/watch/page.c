/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: what watchers that are behind the tail read on from. */
#include <stdlib.h>

#include "base/memory.h"
#include "server/watch/hub_internal.h"

/* For how long a page is handed to further watchers: long enough for all that reconnect at
 * once, short enough that they do not have much to catch up with after it. */
#define FRESH_MILLISECONDS 3000

static struct nx_page *page_new(struct nx_tail *tail, int64_t from)
{
	struct nx_page *page = nx_alloc(sizeof(*page));

	page->from = from;
	page->references = 1; /* the tail's */
	page->made = nx_watch_now();
	LIST_INSERT_HEAD(&tail->pages, page, of_tail);
	return page;
}

void nx_page_drop(struct nx_page *page)
{
	if (--page->references > 0)
		return;
	for (size_t i = 0; i < page->count; i++)
		nx_line_drop(page->lines[i]);
	free(page->lines);
	free(page);
}

static bool fresh(const struct nx_page *page, uint64_t now)
{
	if (page->state == NX_PAGE_READY)
		return now - page->made < FRESH_MILLISECONDS;
	return page->state == NX_PAGE_WAITING;
}

/* Does it bring a watcher further, or to where the tail takes over? */
static bool leads_on(const struct nx_page *page, const struct nx_tail *tail)
{
	return page->state == NX_PAGE_WAITING || page->upto > page->from ||
	       (tail->last >= 0 && page->upto >= tail->start);
}

struct nx_page *nx_page_get(struct nx_watch_hub *hub, struct nx_tail *tail, int64_t cursor)
{
	uint64_t now = nx_watch_now();
	struct nx_page *page;

	LIST_FOREACH (page, &tail->pages, of_tail) {
		if (page->from == cursor && fresh(page, now) && leads_on(page, tail))
			break;
	}
	if (!page) {
		page = page_new(tail, cursor);
		page->references++; /* the loader's */
		nx_job_add(hub, tail, page);
	}
	page->references++;
	return page;
}

void nx_pages_sweep(struct nx_tail *tail, uint64_t now)
{
	struct nx_page *page, *next;

	for (page = LIST_FIRST(&tail->pages); page; page = next) {
		next = LIST_NEXT(page, of_tail);
		if (fresh(page, now))
			continue;
		LIST_REMOVE(page, of_tail);
		nx_page_drop(page);
	}
}
