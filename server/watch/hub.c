/* SPDX-License-Identifier: Apache-2.0 */
#include "server/watch/hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "server/watch/hub_internal.h"

#define SECTION "watch"

static const struct nx_config_key config_keys[] = {
	{
		.name = "retention",
		.type = NX_CONFIG_DURATION,
		.fallback = "7d",
		.minimum = 60,
		.maximum = 366LL * 24 * 3600,
		.summary = "how long deletions are remembered for watchers that were away",
	},
	{
		.name = "backlog",
		.type = NX_CONFIG_INTEGER,
		.fallback = "16384",
		.minimum = 16,
		.maximum = 1000000,
		.summary = "changes that a watcher may be behind before it is cut off",
	},
};
const struct nx_table nx_watch_config_keys = NX_TABLE(config_keys);

/* Hubs by their server: notifications may come before a server has its hub, and after. */
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, nx_watch_hub) registry = LIST_HEAD_INITIALIZER(registry);

uint64_t nx_watch_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- the waker --------------------------------------------------------------------------- */

static bool has_news(const struct nx_watcher *watcher)
{
	const struct nx_tail *tail = watcher->tail;

	if (watcher->cut || tail->ended || watcher->hub->stopping)
		return true;
	if (watcher->page)
		return watcher->page->state != NX_PAGE_WAITING;
	return !watcher->live || watcher->cursor < tail->last;
}

static bool watchers_wake(struct nx_tail *tail)
{
	struct nx_watcher *watcher;
	bool woken = false;

	LIST_FOREACH (watcher, &tail->watchers, of_tail) {
		if (!watcher->waiting || !watcher->stream || !has_news(watcher))
			continue;
		watcher->waiting = false;
		nx_stream_wake(watcher->stream);
		woken = true;
	}
	return woken;
}

/* Called with the lock; wakes those who have something to read now. */
static bool dirty_wake(struct nx_watch_hub *hub)
{
	bool woken = hub->flush;
	struct nx_tail *tail;

	hub->flush = false;
	while ((tail = STAILQ_FIRST(&hub->dirty))) {
		STAILQ_REMOVE_HEAD(&hub->dirty, dirty_next);
		tail->dirty = false;
		woken |= watchers_wake(tail);
	}
	return woken;
}

static void *waker_run(void *context)
{
	struct nx_watch_hub *hub = context;
	bool stopping;

	do {
		bool woken;

		pthread_mutex_lock(&hub->lock);
		while (STAILQ_EMPTY(&hub->dirty) && !hub->flush && !hub->stopping)
			pthread_cond_wait(&hub->wake, &hub->lock);
		woken = dirty_wake(hub);
		stopping = hub->stopping;
		pthread_mutex_unlock(&hub->lock);
		if (woken)
			nx_streams_flush(hub->server);
	} while (!stopping);
	return NULL;
}

/* --- life ---------------------------------------------------------------------------------- */

static void thread_start(pthread_t *thread, void *(*run)(void *), struct nx_watch_hub *hub)
{
	if (pthread_create(thread, NULL, run, hub) != 0)
		abort(); /* as when memory cannot be had */
}

struct nx_watch_hub *nx_watch_hub_new(struct nx_server *server)
{
	struct nx_watch_hub *hub = nx_alloc(sizeof(*hub));

	hub->server = server;
	hub->retention =
		server->config ? nx_config_integer(server->config, SECTION, "retention") : 7LL * 24 * 3600;
	hub->backlog = server->config ? (size_t)nx_config_integer(server->config, SECTION, "backlog") : 16384;
	pthread_mutex_init(&hub->lock, NULL);
	pthread_cond_init(&hub->wake, NULL);
	pthread_cond_init(&hub->load, NULL);
	pthread_cond_init(&hub->left, NULL);
	LIST_INIT(&hub->all);
	STAILQ_INIT(&hub->dirty);
	STAILQ_INIT(&hub->queue);
	thread_start(&hub->waker, waker_run, hub);
	for (size_t i = 0; i < NX_LOADER_THREADS; i++)
		thread_start(&hub->loaders[i], nx_loader_run, hub);
	pthread_mutex_lock(&registry_lock);
	LIST_INSERT_HEAD(&registry, hub, registered);
	pthread_mutex_unlock(&registry_lock);
	return hub;
}

void nx_watch_stop(struct nx_watch_hub *hub)
{
	struct nx_tail *tail;
	bool stopping;

	pthread_mutex_lock(&hub->lock);
	stopping = hub->stopping;
	hub->stopping = true;
	LIST_FOREACH (tail, &hub->all, all)
		nx_tail_wake(hub, tail);
	pthread_cond_signal(&hub->wake);
	pthread_mutex_unlock(&hub->lock);
	/* Nobody wakes a stream any more once it has ended. */
	if (!stopping)
		pthread_join(hub->waker, NULL);
}

static void loaders_end(struct nx_watch_hub *hub)
{
	pthread_mutex_lock(&hub->lock);
	hub->ending = true;
	pthread_cond_broadcast(&hub->load);
	pthread_mutex_unlock(&hub->lock);
	for (size_t i = 0; i < NX_LOADER_THREADS; i++)
		pthread_join(hub->loaders[i], NULL);
}

static void jobs_free(struct nx_watch_hub *hub)
{
	struct nx_job *job;

	while ((job = STAILQ_FIRST(&hub->queue))) {
		STAILQ_REMOVE_HEAD(&hub->queue, next);
		if (job->page)
			nx_page_drop(job->page);
		free(job);
	}
}

void nx_watch_hub_free(struct nx_watch_hub *hub)
{
	if (!hub)
		return;
	pthread_mutex_lock(&registry_lock);
	LIST_REMOVE(hub, registered);
	pthread_mutex_unlock(&registry_lock);
	nx_watch_stop(hub);
	pthread_mutex_lock(&hub->lock);
	while (hub->watcher_count)
		pthread_cond_wait(&hub->left, &hub->lock);
	pthread_mutex_unlock(&hub->lock);
	loaders_end(hub);
	jobs_free(hub);
	while (!LIST_EMPTY(&hub->all))
		nx_tail_free(hub, LIST_FIRST(&hub->all));
	nx_index_clear(&hub->tails);
	nx_index_clear(&hub->by_token);
	nx_index_clear(&hub->by_principal);
	pthread_cond_destroy(&hub->left);
	pthread_cond_destroy(&hub->load);
	pthread_cond_destroy(&hub->wake);
	pthread_mutex_destroy(&hub->lock);
	free(hub);
}

/* --- changes ------------------------------------------------------------------------------- */

void nx_watch_publish(struct nx_watch_hub *hub, enum nx_watch_kind kind, bool deleted,
		      const char *organization_id, int64_t revision, const char *text, size_t length)
{
	struct nx_tail *tail;
	struct nx_line *line;

	if (!hub)
		return;
	pthread_mutex_lock(&hub->lock);
	tail = nx_tail_find(hub, organization_id);
	if (tail && (tail->last < 0 || revision == tail->last + 1)) {
		line = nx_line_new(kind, deleted, revision, length);
		memcpy(line->text, text, length);
		nx_tail_append(hub, tail, line);
	} else if (tail) {
		nx_tail_reach(hub, tail, revision); /* there is a hole before it */
	}
	pthread_mutex_unlock(&hub->lock);
}

void nx_watch_flush(struct nx_watch_hub *hub)
{
	if (!hub)
		return;
	pthread_mutex_lock(&hub->lock);
	if (!STAILQ_EMPTY(&hub->dirty))
		pthread_cond_signal(&hub->wake);
	pthread_mutex_unlock(&hub->lock);
}

void nx_watch_notified(struct nx_watch_hub *hub, const char *organization_id, int64_t revision)
{
	struct nx_tail *tail;

	if (!hub)
		return;
	pthread_mutex_lock(&hub->lock);
	tail = nx_tail_find(hub, organization_id);
	if (tail)
		nx_tail_reach(hub, tail, revision);
	pthread_mutex_unlock(&hub->lock);
}

/* Notifications were missed: any organization may have moved on. */
static void all_reach(struct nx_watch_hub *hub)
{
	struct nx_tail *tail;

	pthread_mutex_lock(&hub->lock);
	LIST_FOREACH (tail, &hub->all, all) {
		if (tail->last >= 0)
			nx_tail_reach(hub, tail, tail->last + 1);
	}
	pthread_mutex_unlock(&hub->lock);
}

/* "<organization> <revision>" */
static bool payload_read(const char *payload, char organization_id[static NX_UUID_TEXT], int64_t *revision)
{
	size_t length = strcspn(payload, " ");
	char *end;

	if (length != NX_UUID_TEXT - 1 || payload[length] != ' ')
		return false;
	memcpy(organization_id, payload, length);
	organization_id[length] = '\0';
	*revision = strtoll(payload + length + 1, &end, 10);
	return *end == '\0' && *revision > 0;
}

void nx_watch_payload(void *server, const char *payload)
{
	struct nx_watch_hub *hub;
	char organization_id[NX_UUID_TEXT];
	int64_t revision;

	pthread_mutex_lock(&registry_lock);
	LIST_FOREACH (hub, &registry, registered) {
		if (hub->server == server)
			break;
	}
	if (hub && !payload[0])
		all_reach(hub);
	else if (hub && payload_read(payload, organization_id, &revision))
		nx_watch_notified(hub, organization_id, revision);
	pthread_mutex_unlock(&registry_lock);
}

/* --- watchers, seen from outside -------------------------------------------------------------- */

void nx_watch_revoke(struct nx_watch_hub *hub, const char *token_hash)
{
	struct nx_index_entry *entry;

	if (!hub)
		return;
	pthread_mutex_lock(&hub->lock);
	for (entry = nx_index_first(&hub->by_token, token_hash); entry; entry = nx_index_next(entry))
		nx_watcher_cut(hub, nx_holder(entry, struct nx_watcher, by_token));
	pthread_mutex_unlock(&hub->lock);
}

void nx_watch_expel(struct nx_watch_hub *hub, const char *organization_id, const char *principal_id)
{
	struct nx_index_entry *entry;

	if (!hub)
		return;
	pthread_mutex_lock(&hub->lock);
	for (entry = nx_index_first(&hub->by_principal, principal_id); entry; entry = nx_index_next(entry)) {
		struct nx_watcher *watcher = nx_holder(entry, struct nx_watcher, by_principal);

		if (strcmp(watcher->tail->id, organization_id) == 0)
			nx_watcher_cut(hub, watcher);
	}
	pthread_mutex_unlock(&hub->lock);
}

void nx_watch_close(struct nx_watch_hub *hub, const char *organization_id)
{
	struct nx_tail *tail;

	if (!hub)
		return;
	pthread_mutex_lock(&hub->lock);
	tail = nx_tail_find(hub, organization_id);
	if (tail) {
		tail->ended = true;
		nx_tail_wake(hub, tail);
		pthread_cond_signal(&hub->wake);
	}
	pthread_mutex_unlock(&hub->lock);
}

bool nx_watch_online(struct nx_watch_hub *hub, const char *device_id)
{
	bool online;

	if (!hub)
		return false;
	pthread_mutex_lock(&hub->lock);
	online = nx_index_first(&hub->by_principal, device_id) != NULL;
	pthread_mutex_unlock(&hub->lock);
	return online;
}

size_t nx_watch_count(struct nx_watch_hub *hub)
{
	size_t count;

	pthread_mutex_lock(&hub->lock);
	count = hub->watcher_count;
	pthread_mutex_unlock(&hub->lock);
	return count;
}
