/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- prefixes ----------------------------------------------------------------------------- */

bool vx_prefix_single(const struct nx_prefix *prefix)
{
	return prefix->bits == prefix->address.length * 8;
}

bool vx_address_same(const struct nx_address *a, const struct nx_address *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static bool prefix_same(const struct nx_prefix *a, const struct nx_prefix *b)
{
	return a->bits == b->bits && vx_address_same(&a->address, &b->address);
}

/* Prefixes come masked: their host bits are 0. */
static bool prefix_holds(const struct nx_prefix *prefix, const struct nx_address *address)
{
	unsigned bytes = prefix->bits / 8, bits = prefix->bits % 8;
	uint8_t mask = (uint8_t)(0xff00u >> bits);

	return prefix->address.length == address->length &&
	       memcmp(prefix->address.bytes, address->bytes, bytes) == 0 &&
	       (!bits || ((prefix->address.bytes[bytes] ^ address->bytes[bytes]) & mask) == 0);
}

/* --- peers --------------------------------------------------------------------------------- */

void vx_table_clear(struct vx_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->peers[i].prefixes);
	free(table->peers);
	*table = (struct vx_table){0};
}

struct vx_peer *vx_table_find(const struct vx_table *table, const char *key)
{
	for (size_t i = 0; i < table->count; i++) {
		if (strcmp(table->peers[i].key, key) == 0)
			return &table->peers[i];
	}
	return NULL;
}

struct vx_peer *vx_table_find_mac(const struct vx_table *table, const struct vx_mac *mac)
{
	for (size_t i = 0; i < table->count; i++) {
		if (vx_mac_same(&table->peers[i].mac, mac))
			return &table->peers[i];
	}
	return NULL;
}

/* One more peer, at the end; NULL: no memory. */
static struct vx_peer *peer_add(struct vx_table *table, const struct vx_mac *mac)
{
	if (!table->peers || table->count == table->room) {
		size_t room = table->room ? 2 * table->room : 16;
		struct vx_peer *grown = reallocarray(table->peers, room, sizeof(*grown));

		if (!grown)
			return NULL;
		table->peers = grown;
		table->room = room;
	}
	table->peers[table->count] = (struct vx_peer){.mac = *mac};
	return &table->peers[table->count++];
}

/* A place for the peer: its own, that of the one found in the kernel that it must be, or a new one. */
static enum nx_status peer_place(struct vx_table *table, const char *key, const struct vx_mac *mac,
				 struct vx_peer **out)
{
	struct vx_peer *peer = vx_table_find_mac(table, mac);

	if (peer && strcmp(peer->key, key) != 0 && !strchr(peer->key, ':'))
		return NX_CONFLICT;
	if (!peer)
		peer = peer_add(table, mac);
	if (!peer)
		return NX_INTERNAL;
	snprintf(peer->key, sizeof(peer->key), "%s", key);
	*out = peer;
	return NX_OK;
}

static void prefix_take(struct vx_peer *peer, const struct nx_prefix *prefix)
{
	size_t kept = 0;

	for (size_t i = 0; i < peer->prefix_count; i++) {
		if (!prefix_same(&peer->prefixes[i], prefix))
			peer->prefixes[kept++] = peer->prefixes[i];
	}
	peer->prefix_count = kept;
}

enum nx_status vx_table_set(struct vx_table *table, const struct nx_peer *told, const struct vx_mac *mac,
			    bool set_endpoint)
{
	struct nx_prefix *prefixes = calloc(told->prefix_count + 1, sizeof(*prefixes));
	struct vx_peer *peer;
	enum nx_status status = prefixes ? peer_place(table, told->public_key, mac, &peer) : NX_INTERNAL;

	if (status) {
		free(prefixes);
		return status;
	}
	for (size_t i = 0; i < told->prefix_count; i++) {
		for (size_t j = 0; j < table->count; j++)
			prefix_take(&table->peers[j], &told->prefixes[i]);
		prefixes[i] = told->prefixes[i];
	}
	free(peer->prefixes);
	peer->prefixes = prefixes;
	peer->prefix_count = told->prefix_count;
	peer->keepalive_seconds = told->keepalive_seconds;
	if (set_endpoint)
		peer->endpoint = told->endpoint;
	return NX_OK;
}

void vx_table_remove(struct vx_table *table, const char *key)
{
	struct vx_peer *peer = vx_table_find(table, key);

	if (!peer)
		return;
	free(peer->prefixes);
	*peer = table->peers[--table->count];
}

const struct vx_peer *vx_table_lookup(const struct vx_table *table, const struct nx_address *address,
				      bool *single)
{
	const struct vx_peer *best = NULL;
	const struct nx_prefix *longest = NULL;

	for (size_t i = 0; i < table->count; i++) {
		const struct vx_peer *peer = &table->peers[i];

		for (size_t j = 0; j < peer->prefix_count; j++) {
			const struct nx_prefix *prefix = &peer->prefixes[j];

			if (!prefix_holds(prefix, address) || (longest && prefix->bits <= longest->bits))
				continue;
			longest = prefix;
			best = peer;
		}
	}
	if (best)
		*single = vx_prefix_single(longest);
	return best;
}
