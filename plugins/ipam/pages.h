/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sparse array of 64-bit words: only words that are not 0 take room, 24 bytes each in an open-addressing
 * hash table that is between 8/15 and 4/5 full once it has grown (at most 45 bytes a word). The hash is
 * keyed, so that nobody outside can choose numbers that collide.
 *
 * Not safe against use on two threads at once.
 */
#ifndef IPAM_PAGES_H
#define IPAM_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which word: 64 + 32 bits. */
struct page_key {
	uint64_t low;
	uint32_t high;
};

struct page {
	uint64_t low;
	uint64_t word; /* 0: this place is empty */
	uint32_t high;
};

struct page_table {
	struct page *places;
	size_t capacity;
	size_t used;
	size_t recent;	 /* the place that was last added to: neighbours come one after the other */
	uint64_t secret; /* set by the owner before the first word comes in */
};

/* The word, or NULL when it is 0. It may be changed in place, but not to 0, until the next change of the
 * table. */
uint64_t *page_find(const struct page_table *table, struct page_key key);

/* Make room for `more` further words. False: no memory, and nothing has changed. */
bool page_reserve(struct page_table *table, size_t more);

/* The word, added when it was 0: room is reserved, and the caller at once makes it something else. */
uint64_t *page_add(struct page_table *table, struct page_key key);

/* Make the word 0. */
void page_remove(struct page_table *table, struct page_key key);

void page_free(struct page_table *table);

#endif
