/* SPDX-License-Identifier: Apache-2.0 */
#include "server/watch/watcher.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "server/watch/hub_internal.h"

_Static_assert(NX_WATCH_ORGANIZATION / 2 == 0 && NX_WATCH_DEVICE / 2 == 1, "places of kinds");

/* --- coming and going --------------------------------------------------------------------- */

static int64_t first_revision(const struct nx_watch_wish *wish)
{
	int64_t first = INT64_MAX;

	for (unsigned place = 0; place < 2; place++) {
		if ((wish->kinds & 1u << place) && wish->after[place] < first)
			first = wish->after[place];
	}
	return first;
}

static struct nx_watcher *watcher_make(const struct nx_principal *who, const struct nx_watch_wish *wish)
{
	struct nx_watcher *watcher = nx_alloc(sizeof(*watcher));

	watcher->kinds = wish->kinds;
	memcpy(watcher->after, wish->after, sizeof(watcher->after));
	watcher->cursor = first_revision(wish);
	watcher->fresh = wish->after[NX_WATCH_DEVICE / 2] == 0;
	watcher->tailed = wish->at_tail;
	snprintf(watcher->principal_id, sizeof(watcher->principal_id), "%s", who->id);
	snprintf(watcher->token_hash, sizeof(watcher->token_hash), "%s", who->token_hash);
	return watcher;
}

struct nx_watcher *nx_watcher_new(struct nx_watch_hub *hub, const char *organization_id,
				  const struct nx_principal *who, const struct nx_watch_wish *wish)
{
	struct nx_watcher *watcher = watcher_make(who, wish);

	pthread_mutex_lock(&hub->lock);
	if (hub->stopping) {
		pthread_mutex_unlock(&hub->lock);
		free(watcher);
		return NULL;
	}
	watcher->hub = hub;
	watcher->tail = nx_tail_get(hub, organization_id);
	watcher->tail->watcher_count++;
	LIST_INSERT_HEAD(&watcher->tail->watchers, watcher, of_tail);
	nx_index_add(&hub->by_token, &watcher->by_token, watcher->token_hash);
	nx_index_add(&hub->by_principal, &watcher->by_principal, watcher->principal_id);
	hub->watcher_count++;
	pthread_mutex_unlock(&hub->lock);
	return watcher;
}

void nx_watcher_drop(struct nx_watcher *watcher)
{
	struct nx_watch_hub *hub = watcher->hub;

	pthread_mutex_lock(&hub->lock);
	LIST_REMOVE(watcher, of_tail);
	watcher->tail->watcher_count--;
	watcher->tail->idle = nx_watch_now();
	nx_index_remove(&hub->by_token, &watcher->by_token);
	nx_index_remove(&hub->by_principal, &watcher->by_principal);
	nx_line_drop(watcher->line);
	if (watcher->page)
		nx_page_drop(watcher->page);
	if (--hub->watcher_count == 0)
		pthread_cond_signal(&hub->left);
	pthread_mutex_unlock(&hub->lock);
	free(watcher);
}

/* --- being cut off: with the lock ---------------------------------------------------------- */

void nx_watcher_cut(struct nx_watch_hub *hub, struct nx_watcher *watcher)
{
	watcher->cut = true;
	if (!watcher->waiting || !watcher->stream || hub->stopping)
		return;
	watcher->waiting = false;
	nx_stream_wake(watcher->stream);
	hub->flush = true;
	pthread_cond_signal(&hub->wake);
}

void nx_watchers_expire(struct nx_watch_hub *hub, int64_t now)
{
	struct nx_tail *tail;
	struct nx_watcher *watcher;
	int64_t next = 0;

	LIST_FOREACH (tail, &hub->all, all) {
		LIST_FOREACH (watcher, &tail->watchers, of_tail) {
			if (!watcher->expires_at || watcher->cut)
				continue;
			if (watcher->expires_at <= now)
				nx_watcher_cut(hub, watcher);
			else if (!next || watcher->expires_at < next)
				next = watcher->expires_at;
		}
	}
	hub->next_expiry = next;
}

/* --- the next line: with the lock ------------------------------------------------------------ */

static bool wanted(const struct nx_watcher *watcher, const struct nx_line *line)
{
	if (!(watcher->kinds & line->kind) || line->revision <= watcher->after[line->kind / 2])
		return false;
	return !line->deleted || !watcher->fresh || line->revision > watcher->deletions;
}

/* The first page tells a watcher that starts from nothing which deletions it need not hear of. */
static void page_begin(struct nx_watcher *watcher)
{
	if (watcher->fresh && watcher->deletions == 0)
		watcher->deletions = watcher->page->snapshot;
}

/* What is left of the page; NULL at its end, with the cursor behind it. */
static struct nx_line *page_next(struct nx_watcher *watcher)
{
	struct nx_page *page = watcher->page;

	page_begin(watcher);
	while (watcher->place < page->count) {
		struct nx_line *line = page->lines[watcher->place++];

		if (wanted(watcher, line))
			return line;
	}
	watcher->cursor = page->upto;
	watcher->page = NULL;
	watcher->place = 0;
	nx_page_drop(page);
	return NULL;
}

static struct nx_line *tail_next(struct nx_watcher *watcher)
{
	struct nx_line *line;

	while ((line = nx_tail_after(watcher->tail, watcher->cursor))) {
		watcher->cursor = line->revision;
		if (wanted(watcher, line))
			return line;
	}
	return NULL;
}

static bool within_tail(const struct nx_watcher *watcher)
{
	return watcher->tail->last >= 0 && watcher->cursor >= watcher->tail->start;
}

/* Deletions after the watcher's revision were forgotten while it was being served. */
static bool page_gapped(const struct nx_watcher *watcher)
{
	return !watcher->fresh && watcher->page->forgotten > watcher->page->from;
}

/* NULL: nothing now (`live`: caught up), or never again (`cut`). */
static struct nx_line *next_line(struct nx_watcher *watcher)
{
	struct nx_watch_hub *hub = watcher->hub;

	for (;;) {
		struct nx_line *line;

		if (!watcher->page && within_tail(watcher)) {
			line = tail_next(watcher);
			watcher->live = watcher->live || !line;
			return line;
		}
		if (watcher->live || watcher->tail->ended) {
			watcher->cut = true; /* too slow, or nothing left to read from */
			return NULL;
		}
		if (!watcher->page)
			watcher->page = nx_page_get(hub, watcher->tail, watcher->cursor);
		if (watcher->page->state == NX_PAGE_WAITING)
			return NULL;
		if (watcher->page->state == NX_PAGE_FAILED || page_gapped(watcher)) {
			watcher->cut = true;
			return NULL;
		}
		line = page_next(watcher);
		if (line)
			return line;
	}
}

/* --- reading --------------------------------------------------------------------------------- */

/* The document that says that the client has caught up, and up to where. */
static struct nx_line *tail_line(const struct nx_watcher *watcher)
{
	char text[64];
	int length = snprintf(text, sizeof(text), "{\"type\":\"tail\",\"revision\":%" PRId64 "}\n",
			      watcher->cursor);
	struct nx_line *line = nx_line_new(NX_WATCH_DEVICE, false, watcher->cursor, (size_t)length);

	memcpy(line->text, text, (size_t)length);
	return line;
}

static bool line_take(struct nx_watcher *watcher)
{
	struct nx_line *line = next_line(watcher);

	if (line) {
		line->references++;
	} else if (watcher->live && !watcher->tailed && !watcher->cut) {
		line = tail_line(watcher);
		watcher->tailed = true;
	}
	watcher->line = line;
	watcher->offset = 0;
	return line != NULL;
}

static size_t line_copy(struct nx_watcher *watcher, char *into, size_t room)
{
	struct nx_line *line = watcher->line;
	size_t length = line->length - watcher->offset;

	if (length > room)
		length = room;
	memcpy(into, line->text + watcher->offset, length);
	watcher->offset += length;
	if (watcher->offset == line->length) {
		watcher->line = NULL;
		nx_line_drop(line);
	}
	return length;
}

static long lines_copy(struct nx_watcher *watcher, char *into, size_t room)
{
	size_t used = 0;

	while (used < room && !watcher->cut && (watcher->line || line_take(watcher)))
		used += line_copy(watcher, into + used, room - used);
	return (long)used;
}

long nx_watcher_read(void *context, char *into, size_t room)
{
	struct nx_watcher *watcher = context;
	struct nx_watch_hub *hub = watcher->hub;
	long length;

	pthread_mutex_lock(&hub->lock);
	length = lines_copy(watcher, into, room);
	if (length == 0 && (hub->stopping || (watcher->tail->ended && !watcher->cut)))
		length = -1;
	else if (length == 0 && watcher->cut)
		length = -2;
	watcher->waiting = length == 0;
	pthread_mutex_unlock(&hub->lock);
	return length;
}

static void watcher_close(void *context)
{
	nx_watcher_drop(context);
}

static void watcher_started(void *context, struct nx_stream *stream)
{
	struct nx_watcher *watcher = context;

	pthread_mutex_lock(&watcher->hub->lock);
	watcher->stream = stream;
	pthread_mutex_unlock(&watcher->hub->lock);
}

void nx_watcher_expires(struct nx_watcher *watcher, int64_t when)
{
	struct nx_watch_hub *hub = watcher->hub;

	if (!when)
		return;
	pthread_mutex_lock(&hub->lock);
	watcher->expires_at = when;
	if (!hub->next_expiry || when < hub->next_expiry)
		hub->next_expiry = when;
	pthread_mutex_unlock(&hub->lock);
}

void nx_watcher_stream(struct nx_watcher *watcher, struct nx_request *request)
{
	const struct nx_stream_source source = {
		.read = nx_watcher_read,
		.close = watcher_close,
		.context = watcher,
	};

	nx_reply_stream(request, "application/json", &source, watcher_started);
}
