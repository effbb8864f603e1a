/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

#include <stdlib.h>
#include <string.h>

/* An array with room for one more element, or NULL and the old array as it was. */
static void *array_grow(void *array, size_t count, size_t *room, size_t size)
{
	size_t wanted = *room ? *room * 2 : 4;

	if (count < *room)
		return array;
	array = reallocarray(array, wanted, size);
	if (array)
		*room = wanted;
	return array;
}

void wg_device_clear(struct wg_device *device)
{
	for (size_t i = 0; i < device->peer_count; i++)
		free(device->peers[i].prefixes);
	free(device->peers);
	memset(device, 0, sizeof(*device));
}

struct wg_peer *wg_device_peer(struct wg_device *device, const struct wg_key *public_key)
{
	struct wg_peer *peers;
	struct wg_peer *peer;

	if (device->peer_count) {
		peer = &device->peers[device->peer_count - 1];
		if (wg_key_equal(&peer->public_key, public_key))
			return peer;
	}
	peers = array_grow(device->peers, device->peer_count, &device->peer_room, sizeof(*peers));
	if (!peers)
		return NULL;
	device->peers = peers;
	peer = &peers[device->peer_count++];
	*peer = (struct wg_peer){.public_key = *public_key};
	return peer;
}

bool wg_peer_allow(struct wg_peer *peer, const struct nx_prefix *prefix)
{
	struct nx_prefix *prefixes =
		array_grow(peer->prefixes, peer->prefix_count, &peer->prefix_room, sizeof(*prefixes));

	if (!prefixes)
		return false;
	peer->prefixes = prefixes;
	prefixes[peer->prefix_count++] = *prefix;
	return true;
}
