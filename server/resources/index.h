/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index of things by a text: a hash table whose entries live inside the things.
 * Several things may have the same key. Not thread-safe. Keys are borrowed from the
 * things and must not change while these are in the index.
 */
#ifndef NX_SERVER_RESOURCES_INDEX_H
#define NX_SERVER_RESOURCES_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct nx_index_entry {
	struct nx_index_entry *next;
	const char *key; /* NULL: in no index */
	uint64_t hash;
};

/* Zero-initialized is empty. */
struct nx_index {
	struct nx_index_entry **buckets;
	size_t room; /* a power of two */
	size_t count;
	uint64_t secret; /* so that keys from outside cannot be made to collide */
};

void nx_index_add(struct nx_index *index, struct nx_index_entry *entry, const char *key);
void nx_index_remove(struct nx_index *index, struct nx_index_entry *entry); /* not in it: fine */
/* The first entry with the key, then the further ones; NULL at the end. */
struct nx_index_entry *nx_index_first(const struct nx_index *index, const char *key);
struct nx_index_entry *nx_index_next(const struct nx_index_entry *entry);
/* Any entry, NULL when there is none: for emptying it. */
struct nx_index_entry *nx_index_any(const struct nx_index *index);
/* Free the buckets; the things are their owner's. */
void nx_index_clear(struct nx_index *index);

/* The thing that holds an entry: nx_holder(entry, struct thing, its_entry). */
#define nx_holder(entry, type, member) ((type *)(void *)((char *)(entry)-offsetof(type, member)))

#endif
