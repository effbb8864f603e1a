/* SPDX-License-Identifier: Apache-2.0 */
#include "server/resources/index.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/memory.h"
#include "base/secret.h"

#define FIRST_ROOM 16

_Static_assert(crypto_shorthash_KEYBYTES == 2 * sizeof(uint64_t), "the key is made of two words");

static uint64_t hash_of(const struct nx_index *index, const char *key)
{
	uint64_t words[2] = {index->secret, ~index->secret};
	unsigned char secret[crypto_shorthash_KEYBYTES];
	unsigned char out[crypto_shorthash_BYTES];
	uint64_t hash;

	memcpy(secret, words, sizeof(secret));
	crypto_shorthash(out, (const unsigned char *)key, strlen(key), secret);
	memcpy(&hash, out, sizeof(hash));
	return hash;
}

static struct nx_index_entry **bucket_of(const struct nx_index *index, uint64_t hash)
{
	return &index->buckets[hash & (index->room - 1)];
}

static void index_grow(struct nx_index *index)
{
	struct nx_index_entry **old = index->buckets;
	size_t old_room = index->room;

	if (!index->room)
		nx_random_bytes(&index->secret, sizeof(index->secret));
	index->room = old_room ? old_room * 2 : FIRST_ROOM;
	index->buckets = nx_alloc_array(index->room, sizeof(struct nx_index_entry *));
	for (size_t i = 0; i < old_room; i++) {
		while (old[i]) {
			struct nx_index_entry *entry = old[i];
			struct nx_index_entry **bucket = bucket_of(index, entry->hash);

			old[i] = entry->next;
			entry->next = *bucket;
			*bucket = entry;
		}
	}
	free(old);
}

void nx_index_add(struct nx_index *index, struct nx_index_entry *entry, const char *key)
{
	struct nx_index_entry **bucket;

	if (index->count >= index->room)
		index_grow(index);
	entry->key = key;
	entry->hash = hash_of(index, key);
	bucket = bucket_of(index, entry->hash);
	entry->next = *bucket;
	*bucket = entry;
	index->count++;
}

void nx_index_remove(struct nx_index *index, struct nx_index_entry *entry)
{
	if (!entry->key)
		return;
	for (struct nx_index_entry **at = bucket_of(index, entry->hash); *at; at = &(*at)->next) {
		if (*at != entry)
			continue;
		*at = entry->next;
		index->count--;
		break;
	}
	*entry = (struct nx_index_entry){0};
}

static struct nx_index_entry *match(struct nx_index_entry *from, uint64_t hash, const char *key)
{
	while (from && (from->hash != hash || strcmp(from->key, key) != 0))
		from = from->next;
	return from;
}

struct nx_index_entry *nx_index_first(const struct nx_index *index, const char *key)
{
	uint64_t hash;

	if (!index->count)
		return NULL;
	hash = hash_of(index, key);
	return match(*bucket_of(index, hash), hash, key);
}

struct nx_index_entry *nx_index_next(const struct nx_index_entry *entry)
{
	return match(entry->next, entry->hash, entry->key);
}

struct nx_index_entry *nx_index_any(const struct nx_index *index)
{
	for (size_t i = 0; i < index->room; i++) {
		if (index->buckets[i])
			return index->buckets[i];
	}
	return NULL;
}

void nx_index_clear(struct nx_index *index)
{
	free(index->buckets);
	*index = (struct nx_index){0};
}
