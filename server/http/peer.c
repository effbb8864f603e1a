/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"

#define BUCKETS 4096

struct nx_peers {
	uint64_t seed;
	LIST_HEAD(nx_peer_bucket, nx_peer) bucket[BUCKETS];
};

void nx_peer_key(const struct sockaddr *address, uint8_t key[static NX_PEER_KEY])
{
	memset(key, 0, NX_PEER_KEY);
	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)address;
		memcpy(key, &in6->sin6_addr, 8);
		key[15] = 6; /* apart from IPv4, whatever the bytes */
	} else if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;
		memcpy(key, &in->sin_addr, 4);
		key[15] = 4;
	}
}

void nx_peer_format(const struct sockaddr *address, char text[static NX_PEER_TEXT])
{
	const void *bytes = NULL;

	if (address->sa_family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	else if (address->sa_family == AF_INET)
		bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
	if (!bytes || !inet_ntop(address->sa_family, bytes, text, NX_PEER_TEXT))
		memcpy(text, "?", 2);
}

/* FNV-1a over the key, from a seed that nobody outside knows. */
static size_t key_hash(const struct nx_peers *peers, const uint8_t *key)
{
	uint64_t hash = peers->seed;

	for (size_t i = 0; i < NX_PEER_KEY; i++)
		hash = (hash ^ key[i]) * 0x100000001b3u;
	return (hash ^ hash >> 32) % BUCKETS;
}

struct nx_peers *nx_peers_new(void)
{
	struct nx_peers *peers = nx_alloc(sizeof(*peers));

	nx_random_bytes(&peers->seed, sizeof(peers->seed));
	return peers;
}

void nx_peers_free(struct nx_peers *peers)
{
	free(peers);
}

struct nx_peer *nx_peer_hold(struct nx_peers *peers, const struct sockaddr *address)
{
	uint8_t key[NX_PEER_KEY];
	struct nx_peer *peer;

	nx_peer_key(address, key);
	size_t bucket = key_hash(peers, key);
	LIST_FOREACH (peer, &peers->bucket[bucket], bucket) {
		if (memcmp(peer->key, key, NX_PEER_KEY) == 0)
			break;
	}
	if (!peer) {
		peer = nx_alloc(sizeof(*peer));
		memcpy(peer->key, key, NX_PEER_KEY);
		TAILQ_INIT(&peer->idle);
		LIST_INSERT_HEAD(&peers->bucket[bucket], peer, bucket);
	}
	peer->references++;
	return peer;
}

void nx_peer_release(struct nx_peer *peer)
{
	if (--peer->references > 0)
		return;
	LIST_REMOVE(peer, bucket);
	free(peer);
}
