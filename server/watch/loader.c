/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that read from the store: pages for watchers, and what a tail lacks. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "server/resources/change.h"
#include "server/resources/history.h"
#include "server/watch/hub_internal.h"

#define SWEEP_MILLISECONDS 2000
#define PRUNE_MILLISECONDS (3600ULL * 1000)
/* How long a tail is kept that nobody watches: those who were cut off come back. */
#define IDLE_MILLISECONDS (60ULL * 1000)

void nx_job_add(struct nx_watch_hub *hub, struct nx_tail *tail, struct nx_page *page)
{
	struct nx_job *job = nx_alloc(sizeof(*job));

	job->tail = tail;
	job->page = page;
	tail->jobs++;
	STAILQ_INSERT_TAIL(&hub->queue, job, next);
	pthread_cond_signal(&hub->load);
}

void nx_tail_reach(struct nx_watch_hub *hub, struct nx_tail *tail, int64_t revision)
{
	if (tail->last < 0 || revision <= tail->last)
		return; /* nobody has read up to here yet, and will then */
	if (tail->target < revision)
		tail->target = revision;
	if (tail->filling) {
		tail->again = true;
		return;
	}
	tail->filling = true;
	nx_job_add(hub, tail, NULL);
}

/* --- reading: without the lock ------------------------------------------------------------ */

struct reading {
	const struct nx_watch_hub *hub;
	const char *organization_id;
	int64_t from;
	struct nx_history history;
};

static enum nx_status history_read(struct nx_tx *tx, void *context, struct nx_error *error)
{
	struct reading *reading = context;

	return nx_history_read(reading->hub->server->fields, tx, reading->organization_id, reading->from,
			       NX_PAGE_LINES, &reading->history, error);
}

static struct nx_line *line_of(const struct nx_history *history, const struct nx_history_item *item)
{
	struct nx_buffer text = {0};
	struct nx_line *line;

	nx_line_write(item->kind, item->deleted, history->text.data + item->offset, item->length, &text);
	line = nx_line_new(item->kind, item->deleted, item->revision, text.length);
	memcpy(line->text, text.data, text.length);
	nx_buffer_free(&text);
	return line;
}

static struct nx_line **lines_of(const struct nx_history *history)
{
	struct nx_line **lines = nx_alloc_array(history->count, sizeof(struct nx_line *));

	for (size_t i = 0; i < history->count; i++)
		lines[i] = line_of(history, &history->items[i]);
	return lines;
}

/* --- handing over: with the lock ------------------------------------------------------------ */

static void page_ready(struct nx_watch_hub *hub, struct nx_tail *tail, struct nx_page *page,
		       const struct nx_history *history, struct nx_line **lines)
{
	page->lines = lines;
	page->count = history->count;
	page->upto = history->upto;
	page->snapshot = history->revision;
	page->forgotten = history->forgotten;
	page->made = nx_watch_now();
	page->state = NX_PAGE_READY;
	if (page->upto == page->snapshot)
		nx_tail_begin(tail, page->snapshot);
	nx_tail_reach(hub, tail, page->snapshot);
}

static void tail_filled(struct nx_watch_hub *hub, struct nx_tail *tail, const struct nx_history *history,
			struct nx_line **lines)
{
	for (size_t i = 0; i < history->count; i++)
		nx_tail_append(hub, tail, lines[i]);
	free(lines);
	if (tail->last < history->upto) /* what came up to here has changed again since */
		tail->last = history->upto;
	/* What was told before it was read, and is not there, was never committed. */
	if (!tail->again && history->upto == history->revision && tail->target > tail->last)
		tail->target = tail->last;
	tail->filling = false;
	nx_tail_reach(hub, tail, tail->target);
}

static void job_fail(struct nx_tail *tail, struct nx_page *page, const struct nx_error *error)
{
	if (page)
		page->state = NX_PAGE_FAILED;
	else
		tail->filling = false; /* the next sweep tries again */
	if (error->status == NX_NOT_FOUND)
		tail->ended = true;
	else
		nx_log(NX_LOG_WARNING, "changes not read", "organization", tail->id, "reason", error->message,
		       NULL);
}

/* Called with the lock, and comes back with it. */
static void job_run(struct nx_watch_hub *hub, struct nx_job *job)
{
	struct nx_tail *tail = job->tail;
	struct reading reading = {
		.hub = hub, .organization_id = tail->id, .from = job->page ? job->page->from : tail->last};
	struct nx_error error = {0};
	struct nx_line **lines = NULL;
	enum nx_status status;

	if (!job->page)
		tail->again = false;
	pthread_mutex_unlock(&hub->lock);
	status = nx_store_read(hub->server->store, history_read, &reading, &error);
	if (status == NX_OK)
		lines = lines_of(&reading.history);
	pthread_mutex_lock(&hub->lock);
	if (status != NX_OK)
		job_fail(tail, job->page, &error);
	else if (job->page)
		page_ready(hub, tail, job->page, &reading.history, lines);
	else
		tail_filled(hub, tail, &reading.history, lines);
	nx_tail_wake(hub, tail);
	pthread_cond_signal(&hub->wake);
	tail->jobs--;
	if (job->page)
		nx_page_drop(job->page);
	nx_history_clean(&reading.history);
	free(job);
}

/* --- the thread --------------------------------------------------------------------------- */

static void sweep(struct nx_watch_hub *hub, uint64_t now)
{
	struct nx_tail *tail, *next;

	for (tail = LIST_FIRST(&hub->all); tail; tail = next) {
		next = LIST_NEXT(tail, all);
		nx_pages_sweep(tail, now);
		if (!tail->ended)
			nx_tail_reach(hub, tail, tail->target); /* a failure left it behind */
		if (LIST_EMPTY(&tail->watchers) && !tail->jobs && LIST_EMPTY(&tail->pages) &&
		    (tail->ended || now - tail->idle > IDLE_MILLISECONDS))
			nx_tail_free(hub, tail);
	}
	if (hub->next_expiry && hub->next_expiry <= time(NULL))
		nx_watchers_expire(hub, time(NULL));
	hub->next_sweep = now + SWEEP_MILLISECONDS;
}

/* What is due by now, and when it is due again. */
static void chores(struct nx_watch_hub *hub)
{
	uint64_t now = nx_watch_now();

	if (now >= hub->next_sweep)
		sweep(hub, now);
	if (now < hub->next_prune)
		return;
	hub->next_prune = now + PRUNE_MILLISECONDS;
	pthread_mutex_unlock(&hub->lock);
	nx_watch_prune(hub);
	pthread_mutex_lock(&hub->lock);
}

/* No tail, nothing to sweep: then only the pruning is waited for. */
static struct timespec chores_due(const struct nx_watch_hub *hub)
{
	uint64_t due = LIST_EMPTY(&hub->all) || hub->next_sweep > hub->next_prune ? hub->next_prune
										  : hub->next_sweep;

	return (struct timespec){.tv_sec = (time_t)(due / 1000), .tv_nsec = (long)(due % 1000) * 1000000};
}

void *nx_loader_run(void *context)
{
	struct nx_watch_hub *hub = context;

	pthread_mutex_lock(&hub->lock);
	while (!hub->ending) {
		struct nx_job *job = STAILQ_FIRST(&hub->queue);
		struct timespec due;

		if (job) {
			STAILQ_REMOVE_HEAD(&hub->queue, next);
			job_run(hub, job);
			continue;
		}
		chores(hub);
		if (!STAILQ_EMPTY(&hub->queue) || hub->ending)
			continue;
		due = chores_due(hub);
		pthread_cond_clockwait(&hub->load, &hub->lock, CLOCK_MONOTONIC, &due);
	}
	pthread_mutex_unlock(&hub->lock);
	return NULL;
}
