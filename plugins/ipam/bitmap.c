/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/ipam/bitmap.h"

#include <stdlib.h>

#define FULL UINT64_MAX

enum { WORD_BITS = 6 }; /* a word counts 2^6 things */

/* How many things level `level` has a bit for: numbers on level 0, words of the level below on the others. */
static ipam_number level_count(const struct bitmap *map, unsigned level)
{
	unsigned above = level * WORD_BITS;

	return map->bits > above ? ipam_number_count(map->bits - above) : 1;
}

static size_t level_words(const struct bitmap *map, unsigned level)
{
	return (size_t)((level_count(map, level) + 63) >> WORD_BITS);
}

static unsigned level_total(const struct bitmap *map)
{
	return map->bits <= WORD_BITS ? 1 : (map->bits + WORD_BITS - 1) / WORD_BITS;
}

static uint64_t bit_of(ipam_number index)
{
	return UINT64_C(1) << (unsigned)(index & 63);
}

/* At most 90 bits say which word, so that 6 of the key's 96 are left for the level. */
static struct page_key word_key(unsigned level, ipam_number index)
{
	return (struct page_key){(uint64_t)index, (uint32_t)(index >> 64) | level << 26};
}

static uint64_t *word_find(const struct bitmap *map, unsigned level, ipam_number index)
{
	if (map->words)
		return &map->level[level][index];
	return page_find(&map->pages, word_key(level, index));
}

static uint64_t word_value(const struct bitmap *map, unsigned level, ipam_number index)
{
	const uint64_t *word = word_find(map, level, index);

	return word ? *word : 0;
}

static uint64_t *word_add(struct bitmap *map, unsigned level, ipam_number index)
{
	if (map->words)
		return &map->level[level][index];
	return page_add(&map->pages, word_key(level, index));
}

static bool dense_init(struct bitmap *map)
{
	size_t total = level_words(map, 0);

	for (unsigned level = 1; level < level_total(map); level++)
		total += level_words(map, level);
	map->words = calloc(total, sizeof(*map->words));
	if (!map->words)
		return false;
	map->level[0] = map->words;
	for (unsigned level = 1; level < level_total(map); level++)
		map->level[level] = map->level[level - 1] + level_words(map, level - 1);
	return true;
}

bool bitmap_init(struct bitmap *map, unsigned bits, uint64_t secret)
{
	*map = (struct bitmap){.bits = bits, .pages.secret = secret};
	return bits > BITMAP_DENSE_BITS || dense_init(map);
}

void bitmap_free(struct bitmap *map)
{
	free(map->words);
	page_free(&map->pages);
	*map = (struct bitmap){0};
}

bool bitmap_test(const struct bitmap *map, ipam_number number)
{
	return (word_value(map, 0, number >> WORD_BITS) & bit_of(number)) != 0;
}

bool bitmap_set(struct bitmap *map, ipam_number number)
{
	unsigned levels = level_total(map);

	/* Each level may need a word; with the room for all of them nothing can fail half-way. */
	if (!map->words && !page_reserve(&map->pages, levels))
		return false;
	for (unsigned level = 0; level < levels; level++) {
		uint64_t *word = word_add(map, level, number >> WORD_BITS);
		*word |= bit_of(number);
		if (*word != FULL)
			break;
		number >>= WORD_BITS;
	}
	return true;
}

void bitmap_clear(struct bitmap *map, ipam_number number)
{
	for (unsigned level = 0; level < level_total(map); level++) {
		uint64_t *word = word_find(map, level, number >> WORD_BITS);
		if (!word)
			return;
		bool was_full = *word == FULL;
		if (*word == bit_of(number) && !map->words)
			page_remove(&map->pages, word_key(level, number >> WORD_BITS));
		else
			*word &= ~bit_of(number);
		if (!was_full)
			return;
		number >>= WORD_BITS;
	}
}

/* The lowest free number under bit `index` of level `level`, which is known to have one. */
static ipam_number lowest_under(const struct bitmap *map, unsigned level, ipam_number index)
{
	while (level-- > 0)
		index = index << WORD_BITS | (unsigned)__builtin_ctzll(~word_value(map, level, index));
	return index;
}

bool bitmap_find(const struct bitmap *map, ipam_number from, ipam_number *out)
{
	ipam_number index = from;

	/* Climb until a word has something free to the right of where we came from. */
	for (unsigned level = 0; index < level_count(map, level); level++) {
		uint64_t rest = ~word_value(map, level, index >> WORD_BITS) & FULL << (unsigned)(index & 63);
		if (rest) {
			index = (index & ~(ipam_number)63) | (unsigned)__builtin_ctzll(rest);
			if (index >= level_count(map, level))
				return false; /* bits past the end of the topmost word */
			*out = lowest_under(map, level, index);
			return true;
		}
		index = (index >> WORD_BITS) + 1;
	}
	return false;
}
