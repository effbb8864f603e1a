/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/ipam/pages.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "plugins/ipam/number.h"

#define HUGE_PAGE ((uintptr_t)2 << 20)
#define LARGE_TABLE ((size_t)32 << 20) /* bytes; from here on malloc() always makes a mapping of its own */

enum { CAPACITY_MINIMUM = 64 };

static uint64_t key_hash(const struct page_table *table, struct page_key key)
{
	ipam_number mixed = (ipam_number)(key.low ^ table->secret) * 0x9e3779b97f4a7c15u;
	uint64_t folded = (uint64_t)mixed ^ (uint64_t)(mixed >> 64) ^ ((uint64_t)key.high << 32 | key.high);

	mixed = (ipam_number)(folded ^ 0xd6e8feb86659fd93u) * (table->secret | 1);
	return (uint64_t)mixed ^ (uint64_t)(mixed >> 64);
}

/* The place where a key belongs: the hash scaled to the capacity, so that any capacity will do, and that
 * growing keeps the order of the places (it reads and writes memory from front to back). */
static size_t key_home(const struct page_table *table, struct page_key key)
{
	return (size_t)((ipam_number)key_hash(table, key) * table->capacity >> 64);
}

static struct page_key page_key(const struct page *page)
{
	return (struct page_key){page->low, page->high};
}

static size_t place_after(const struct page_table *table, size_t place)
{
	return place + 1 == table->capacity ? 0 : place + 1;
}

static bool page_is(const struct page *page, struct page_key key)
{
	return page->low == key.low && page->high == key.high;
}

/* The key's place, or the empty one where it would go. There is always an empty one. */
static struct page *place_of(const struct page_table *table, struct page_key key)
{
	struct page *page = &table->places[table->recent];

	if (page->word && page_is(page, key))
		return page;
	size_t place = key_home(table, key);
	page = &table->places[place];
	while (page->word && !page_is(page, key)) {
		place = place_after(table, place);
		page = &table->places[place];
	}
	return page;
}

uint64_t *page_find(const struct page_table *table, struct page_key key)
{
	if (!table->used)
		return NULL;
	struct page *page = place_of(table, key);
	return page->word ? &page->word : NULL;
}

/* Ask for huge pages: each search in a large table is at a place of its own, and would otherwise wait for the
 * translation of its address as well as for memory. A kernel that has none will do. */
static void places_widen(struct page *places, size_t capacity)
{
	uintptr_t first = ((uintptr_t)places + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	uintptr_t end = (uintptr_t)(places + capacity) & ~(HUGE_PAGE - 1);

	(void)madvise((char *)places + (first - (uintptr_t)places), end - first, MADV_HUGEPAGE);
}

static struct page *places_new(size_t capacity)
{
	struct page *places = calloc(capacity, sizeof(*places));

	if (places && capacity * sizeof(*places) >= LARGE_TABLE)
		places_widen(places, capacity);
	return places;
}

static bool table_resize(struct page_table *table, size_t capacity)
{
	struct page_table grown = {
		.places = places_new(capacity),
		.capacity = capacity,
		.used = table->used,
		.secret = table->secret,
	};

	if (!grown.places)
		return false;
	for (size_t i = 0; i < table->capacity; i++) {
		const struct page *page = &table->places[i];
		if (page->word)
			*place_of(&grown, page_key(page)) = *page;
	}
	free(table->places);
	*table = grown;
	return true;
}

bool page_reserve(struct page_table *table, size_t more)
{
	size_t capacity = table->capacity ? table->capacity : CAPACITY_MINIMUM;

	while (table->used + more > capacity / 5 * 4)
		capacity += capacity / 2;
	return capacity == table->capacity || table_resize(table, capacity);
}

uint64_t *page_add(struct page_table *table, struct page_key key)
{
	struct page *page = place_of(table, key);

	if (!page->word) {
		page->low = key.low;
		page->high = key.high;
		table->used++;
	}
	table->recent = (size_t)(page - table->places);
	return &page->word;
}

/* May the page at `from` move back to `hole`? Not when its home lies between them. */
static bool page_may_move(const struct page_table *table, size_t hole, size_t from)
{
	size_t home = key_home(table, page_key(&table->places[from]));

	return hole <= from ? home <= hole || home > from : home <= hole && home > from;
}

/* Close the hole that a removed page leaves, so that no search ever meets a grave. */
static void hole_close(struct page_table *table, size_t hole)
{
	for (size_t from = place_after(table, hole); table->places[from].word;
	     from = place_after(table, from)) {
		if (!page_may_move(table, hole, from))
			continue;
		table->places[hole] = table->places[from];
		hole = from;
	}
	table->places[hole] = (struct page){0};
}

void page_remove(struct page_table *table, struct page_key key)
{
	if (!table->used)
		return;
	struct page *page = place_of(table, key);
	if (!page->word)
		return;
	hole_close(table, (size_t)(page - table->places));
	table->used--;
	/* To fail to shrink costs memory only. */
	if (table->capacity > CAPACITY_MINIMUM && table->used < table->capacity / 5)
		table_resize(table,
			     table->capacity / 2 < CAPACITY_MINIMUM ? CAPACITY_MINIMUM : table->capacity / 2);
}

void page_free(struct page_table *table)
{
	free(table->places);
	*table = (struct page_table){.secret = table->secret};
}
