/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prepared statements of one connection, found again by their text. Bounded:
 * texts that are put together while the program runs must not fill the memory,
 * so the owner empties a full cache before it adds (see `full`).
 */
#ifndef NX_SERVER_STORE_STATEMENT_CACHE_H
#define NX_SERVER_STORE_STATEMENT_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NX_STATEMENT_LIMIT 256

/* The head of an engine's statement, which is one allocation. */
struct nx_cached {
	struct nx_cached *next;
	uint64_t hash;
	char *sql; /* the cache's own copy */
};

struct nx_statement_cache {
	struct nx_cached *buckets[NX_STATEMENT_LIMIT];
	size_t count;
};

struct nx_cached *nx_cache_find(const struct nx_statement_cache *cache, const char *sql);
bool nx_cache_full(const struct nx_statement_cache *cache);
void nx_cache_add(struct nx_statement_cache *cache, struct nx_cached *entry, const char *sql);
/* Takes the entry out and frees it. */
void nx_cache_remove(struct nx_statement_cache *cache, struct nx_cached *entry);
/* Frees all; `destroy` (may be NULL) is told of each before. */
void nx_cache_clear(struct nx_statement_cache *cache, void (*destroy)(struct nx_cached *entry));

#endif
