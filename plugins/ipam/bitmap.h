/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which numbers of 0 … 2^bits − 1 are taken, and which is the next free one, at a cost that does not depend
 * on how many are taken.
 *
 * It is a tree of 64-way words. A bit of level 0 says that a number is taken; a bit of level n + 1 says that
 * a whole word of level n is full. Up to 2^24 numbers the words stand in arrays (a little over one bit a
 * number, and memory that was never touched is not there); beyond that only words that are not 0 are kept
 * (pages.h).
 *
 * Not safe against use on two threads at once.
 */
#ifndef IPAM_BITMAP_H
#define IPAM_BITMAP_H

#include "plugins/ipam/number.h"
#include "plugins/ipam/pages.h"

enum {
	BITMAP_DENSE_BITS = 24,	 /* the most that is kept in arrays */
	BITMAP_BITS = 96,	 /* the most of all */
	BITMAP_DENSE_LEVELS = 4, /* BITMAP_DENSE_BITS / 6 */
};

struct bitmap {
	unsigned bits;
	uint64_t *words;		      /* all levels, one after the other; NULL: sparse */
	uint64_t *level[BITMAP_DENSE_LEVELS]; /* where each begins */
	struct page_table pages;
};

/* An empty one. `secret` keys the hash. False: no memory. */
bool bitmap_init(struct bitmap *map, unsigned bits, uint64_t secret);
/* An empty or zeroed one is fine. */
void bitmap_free(struct bitmap *map);

/* The numbers given to these three lie below 2^bits. */
bool bitmap_test(const struct bitmap *map, ipam_number number);
/* Take a free number. False: no memory, and nothing has changed. */
bool bitmap_set(struct bitmap *map, ipam_number number);
/* Free a taken number. */
void bitmap_clear(struct bitmap *map, ipam_number number);

/* The lowest free number that is not below `from` (which may be anything). False: there is none. */
bool bitmap_find(const struct bitmap *map, ipam_number from, ipam_number *out);

#endif
