/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/statement_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* FNV-1a. The texts are our own: nobody chooses them to collide. */
static uint64_t hash_text(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return hash;
}

struct nx_cached *nx_cache_find(const struct nx_statement_cache *cache, const char *sql)
{
	uint64_t hash = hash_text(sql);
	struct nx_cached *entry = cache->buckets[hash % NX_STATEMENT_LIMIT];

	while (entry && (entry->hash != hash || strcmp(entry->sql, sql) != 0))
		entry = entry->next;
	return entry;
}

bool nx_cache_full(const struct nx_statement_cache *cache)
{
	return cache->count >= NX_STATEMENT_LIMIT;
}

void nx_cache_add(struct nx_statement_cache *cache, struct nx_cached *entry, const char *sql)
{
	struct nx_cached **bucket;

	entry->hash = hash_text(sql);
	entry->sql = nx_strdup(sql);
	bucket = &cache->buckets[entry->hash % NX_STATEMENT_LIMIT];
	entry->next = *bucket;
	*bucket = entry;
	cache->count++;
}

void nx_cache_remove(struct nx_statement_cache *cache, struct nx_cached *entry)
{
	struct nx_cached **link = &cache->buckets[entry->hash % NX_STATEMENT_LIMIT];

	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	cache->count--;
	free(entry->sql);
	free(entry);
}

void nx_cache_clear(struct nx_statement_cache *cache, void (*destroy)(struct nx_cached *entry))
{
	for (size_t i = 0; i < NX_COUNT(cache->buckets); i++) {
		while (cache->buckets[i]) {
			if (destroy)
				destroy(cache->buckets[i]);
			nx_cache_remove(cache, cache->buckets[i]);
		}
	}
}
