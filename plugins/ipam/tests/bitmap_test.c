/* SPDX-License-Identifier: Apache-2.0 */
/* The bitmap and the table of pages, beside models that are too simple to be wrong. */
#include <stdlib.h>

#include "plugins/ipam/bitmap.h"
#include "plugins/ipam/tests/suite.h"

/* xorshift64*: the same numbers in every run, so that a failure can be repeated. */
static uint64_t random_next(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15u;

	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1du;
}

/* --- bitmap, against an array of bytes
 * ---------------------------------------------------------------------------- */

static bool model_find(const uint8_t *model, size_t size, size_t from, size_t *out)
{
	for (; from < size; from++) {
		if (!model[from]) {
			*out = from;
			return true;
		}
	}
	return false;
}

static bool finds_agree(const struct bitmap *map, const uint8_t *model, size_t size, size_t from)
{
	ipam_number found = 0;
	size_t expected = 0;
	bool any = bitmap_find(map, from, &found);

	return any == model_find(model, size, from, &expected) && (!any || found == expected);
}

/* One random step: mostly take while `filling`, mostly free otherwise. */
static void model_step(struct bitmap *map, uint8_t *model, size_t size, bool filling)
{
	size_t number = random_next() % size, next;
	bool take = random_next() % 8 != 0 ? filling : !filling;

	if (take && model[number] && model_find(model, size, number, &next))
		number = next;
	if (model[number] == take)
		return;
	model[number] = take;
	if (take) {
		CU_ASSERT_TRUE(bitmap_set(map, number));
	} else {
		bitmap_clear(map, number);
	}
	CU_ASSERT_EQUAL(bitmap_test(map, number), take);
}

/* `shown` bits are what the map is told; the numbers of the model are its first 2^bits. */
static void model_run(unsigned bits, unsigned shown, size_t steps)
{
	struct bitmap map;
	size_t size = (size_t)1 << bits;
	uint8_t *model = calloc(size, 1);

	CU_ASSERT_FATAL(model && bitmap_init(&map, shown, 42));
	for (size_t i = 0; i < steps; i++) {
		model_step(&map, model, size, i % (size * 4) < size * 3);
		if (shown == bits && i % 32 == 0)
			CU_ASSERT(finds_agree(&map, model, size, random_next() % (size + 1)));
	}
	for (size_t i = 0; i < size; i++)
		CU_ASSERT_EQUAL(bitmap_test(&map, i), model[i]);
	bitmap_free(&map);
	free(model);
}

static void test_dense_model(void)
{
	for (unsigned bits = 1; bits <= 13; bits++)
		model_run(bits, bits, 30000);
	model_run(15, 15, 150000);
}

static void test_sparse_model(void)
{
	model_run(10, 32, 100000);
	model_run(12, 64, 150000);
	model_run(12, 96, 150000);
}

/* Fill from front to back: every find gives the next number, and none after the last. */
static void fill_in_order(unsigned bits)
{
	struct bitmap map;
	ipam_number found;

	CU_ASSERT_FATAL(bitmap_init(&map, bits, 1));
	for (size_t i = 0; i < (size_t)1 << bits; i++) {
		if (!bitmap_find(&map, 0, &found) || found != i || !bitmap_set(&map, i))
			CU_FAIL_FATAL("not in order");
	}
	CU_ASSERT_FALSE(bitmap_find(&map, 0, &found));
	bitmap_clear(&map, (ipam_number)1 << (bits - 1));
	CU_ASSERT(bitmap_find(&map, 0, &found) && found == (ipam_number)1 << (bits - 1));
	bitmap_free(&map);
}

static void test_fill(void)
{
	for (unsigned bits = 1; bits <= 18; bits++)
		fill_in_order(bits);
}

/* A full run far out in a large space: the search climbs over it, in both ways up the tree. */
static void test_sparse_run(void)
{
	struct bitmap map;
	const ipam_number base = ((ipam_number)1 << 90) + 12345;
	ipam_number found;

	CU_ASSERT_FATAL(bitmap_init(&map, 96, 7));
	for (unsigned i = 0; i < 300000; i++)
		CU_ASSERT_TRUE(bitmap_set(&map, base + i));
	CU_ASSERT(bitmap_find(&map, base, &found) && found == base + 300000);
	CU_ASSERT(bitmap_find(&map, base + 299999, &found) && found == base + 300000);
	CU_ASSERT(bitmap_find(&map, base - 1, &found) && found == base - 1);
	bitmap_clear(&map, base + 77777);
	CU_ASSERT(bitmap_find(&map, base, &found) && found == base + 77777);
	for (unsigned i = 0; i < 300000; i++) {
		if (i != 77777)
			bitmap_clear(&map, base + i);
	}
	CU_ASSERT_EQUAL(map.pages.used, 0);
	CU_ASSERT_FALSE(bitmap_find(&map, (ipam_number)1 << 96, &found));
	CU_ASSERT(bitmap_find(&map, ((ipam_number)1 << 96) - 1, &found));
	CU_ASSERT_TRUE(bitmap_set(&map, ((ipam_number)1 << 96) - 1));
	CU_ASSERT_FALSE(bitmap_find(&map, ((ipam_number)1 << 96) - 1, &found));
	bitmap_free(&map);
}

/* --- pages, against an array of words
 * ------------------------------------------------------------------------------ */

enum { KEYS = 5000 };

static struct page_key key_at(size_t index)
{
	return (struct page_key){index * 0x10001, (uint32_t)(index % 7)};
}

static void page_step(struct page_table *table, uint64_t *model, size_t index)
{
	struct page_key key = key_at(index);
	uint64_t value = random_next() % 3 ? random_next() | 1 : 0;

	if (!value) {
		page_remove(table, key);
	} else {
		CU_ASSERT_TRUE(page_reserve(table, 1));
		*page_add(table, key) = value;
	}
	model[index] = value;
}

static void pages_compare(const struct page_table *table, const uint64_t *model)
{
	size_t used = 0;

	for (size_t i = 0; i < KEYS; i++) {
		const uint64_t *word = page_find(table, key_at(i));
		CU_ASSERT_EQUAL(word ? *word : 0, model[i]);
		used += model[i] != 0;
	}
	CU_ASSERT_EQUAL(table->used, used);
	CU_ASSERT(table->capacity <= 64 || table->used * 5 >= table->capacity);
	CU_ASSERT(table->used * 5 <= table->capacity * 4);
}

static void test_pages_model(void)
{
	struct page_table table = {.secret = 99};
	static uint64_t model[KEYS];

	for (size_t i = 0; i < 400000; i++) {
		/* Waves: the keys in use grow to all and shrink to a few, so that the table does too. */
		size_t wave = i / 40000 % 2 ? KEYS - i % 40000 * KEYS / 40000 : i % 40000 * KEYS / 40000 + 1;
		page_step(&table, model, random_next() % (wave ? wave : 1));
		if (i % 20000 == 0)
			pages_compare(&table, model);
	}
	pages_compare(&table, model);
	for (size_t i = 0; i < KEYS; i++)
		page_remove(&table, key_at(i));
	CU_ASSERT_EQUAL(table.used, 0);
	page_free(&table);
	CU_ASSERT_PTR_NULL(page_find(&table, key_at(0)));
}

/* At most 48 bytes a lease, even when no two share a word, up to a table that asks for huge pages. */
static void test_pages_memory(void)
{
	struct bitmap map;

	CU_ASSERT_FATAL(bitmap_init(&map, 64, 3));
	for (size_t i = 1; i <= 1100000; i++) {
		uint64_t number;
		do
			number = random_next();
		while (bitmap_test(&map, number));
		CU_ASSERT_TRUE(bitmap_set(&map, number));
		if (i > 1000 && map.pages.capacity * sizeof(struct page) > 48 * i)
			CU_FAIL_FATAL("more than 48 bytes a lease");
	}
	bitmap_free(&map);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"dense bitmaps agree with the model", test_dense_model},
		{"sparse bitmaps agree with the model", test_sparse_model},
		{"numbers come in order until the last", test_fill},
		{"a long run in a large space", test_sparse_run},
		{"pages agree with the model", test_pages_model},
		{"pages keep to their memory", test_pages_memory},
		CU_TEST_INFO_NULL,
	};

	return suite_run("bitmap", tests);
}
