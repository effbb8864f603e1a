/* SPDX-License-Identifier: Apache-2.0 */
#include "server/auth/principal_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

#define BUCKETS 8192
#define LIMIT 32768

struct entry {
	struct entry *next;
	uint64_t until;	    /* milliseconds of CLOCK_MONOTONIC */
	int64_t expires_at; /* seconds since 1970, 0: never */
	struct nx_principal principal;
};

struct nx_principal_cache {
	pthread_mutex_t lock;
	uint64_t lifetime;
	uint64_t generation;
	size_t count;
	struct entry *bucket[BUCKETS];
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The hash is hexadecimal and evenly spread already. */
static struct entry **bucket_of(struct nx_principal_cache *cache, const char *token_hash)
{
	char start[9] = "";

	memcpy(start, token_hash, strnlen(token_hash, 8));
	return &cache->bucket[strtoul(start, NULL, 16) % BUCKETS];
}

static bool is_stale(const struct entry *entry)
{
	return entry->until <= now_ms() || (entry->expires_at && entry->expires_at <= time(NULL));
}

static void entry_drop(struct nx_principal_cache *cache, struct entry **place)
{
	struct entry *entry = *place;

	*place = entry->next;
	free(entry);
	cache->count--;
}

/* Drops what `judge` says yes to. */
static void bucket_sweep(struct nx_principal_cache *cache, struct entry **place,
			 bool (*judge)(const struct entry *entry, const char *text), const char *text)
{
	while (*place) {
		if (judge(*place, text))
			entry_drop(cache, place);
		else
			place = &(*place)->next;
	}
}

static void sweep(struct nx_principal_cache *cache,
		  bool (*judge)(const struct entry *entry, const char *text), const char *text)
{
	for (size_t i = 0; i < BUCKETS; i++)
		bucket_sweep(cache, &cache->bucket[i], judge, text);
}

static bool judge_all(const struct entry *entry, const char *text)
{
	(void)entry;
	(void)text;
	return true;
}

/* What has aged, and an older copy of what comes in. */
static bool judge_stale(const struct entry *entry, const char *token_hash)
{
	return is_stale(entry) || strcmp(entry->principal.token_hash, token_hash) == 0;
}

static bool judge_hash(const struct entry *entry, const char *token_hash)
{
	return strcmp(entry->principal.token_hash, token_hash) == 0;
}

static bool judge_id(const struct entry *entry, const char *id)
{
	const struct nx_principal *principal = &entry->principal;

	return strcmp(principal->id, id) == 0 || strcmp(principal->user_id, id) == 0 ||
	       strcmp(principal->organization_id, id) == 0;
}

struct nx_principal_cache *nx_principal_cache_new(uint64_t lifetime_ms)
{
	struct nx_principal_cache *cache = nx_alloc(sizeof(*cache));

	pthread_mutex_init(&cache->lock, NULL);
	cache->lifetime = lifetime_ms;
	return cache;
}

void nx_principal_cache_free(struct nx_principal_cache *cache)
{
	if (!cache)
		return;
	sweep(cache, judge_all, NULL);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

uint64_t nx_principal_cache_generation(struct nx_principal_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	uint64_t generation = cache->generation;
	pthread_mutex_unlock(&cache->lock);
	return generation;
}

bool nx_principal_cache_find(struct nx_principal_cache *cache, const char *token_hash,
			     struct nx_principal *out)
{
	bool found = false;

	pthread_mutex_lock(&cache->lock);
	for (struct entry *entry = *bucket_of(cache, token_hash); entry && !found; entry = entry->next) {
		found = judge_hash(entry, token_hash) && !is_stale(entry);
		if (found)
			*out = entry->principal;
	}
	pthread_mutex_unlock(&cache->lock);
	return found;
}

void nx_principal_cache_store(struct nx_principal_cache *cache, const struct nx_principal *principal,
			      int64_t expires_at, uint64_t generation)
{
	struct entry *entry = nx_alloc(sizeof(*entry));
	struct entry **bucket = bucket_of(cache, principal->token_hash);

	entry->until = now_ms() + cache->lifetime;
	entry->expires_at = expires_at;
	entry->principal = *principal;
	pthread_mutex_lock(&cache->lock);
	if (cache->generation == generation) {
		if (cache->count >= LIMIT) /* rare: it fills again in a moment */
			sweep(cache, judge_all, NULL);
		bucket_sweep(cache, bucket, judge_stale, principal->token_hash);
		entry->next = *bucket;
		*bucket = NX_TAKE(entry);
		cache->count++;
	}
	pthread_mutex_unlock(&cache->lock);
	free(entry);
}

void nx_principal_cache_forget(struct nx_principal_cache *cache, const char *token_hash)
{
	pthread_mutex_lock(&cache->lock);
	cache->generation++;
	bucket_sweep(cache, bucket_of(cache, token_hash), judge_hash, token_hash);
	pthread_mutex_unlock(&cache->lock);
}

void nx_principal_cache_forget_id(struct nx_principal_cache *cache, const char *id)
{
	pthread_mutex_lock(&cache->lock);
	cache->generation++;
	sweep(cache, judge_id, id);
	pthread_mutex_unlock(&cache->lock);
}
