/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A WireGuard device as it is: what both parsers (the kernel's dump, the
 * configuration socket's answer) fill. Zero-initialized is empty.
 */
#ifndef NX_WIREGUARD_DEVICE_H
#define NX_WIREGUARD_DEVICE_H

#include <nexodus/address.h>

#include "key.h"

struct wg_peer {
	struct wg_key public_key;
	struct nx_endpoint endpoint; /* port 0: none known */
	uint16_t keepalive_seconds;
	int64_t last_handshake; /* seconds since 1970; 0: never */
	uint64_t received_bytes;
	uint64_t sent_bytes;
	struct nx_prefix *prefixes; /* allowed IPs */
	size_t prefix_count;
	size_t prefix_room;
};

struct wg_device {
	bool has_key; /* a private key is set, and this is its public half */
	struct wg_key public_key;
	uint16_t listen_port; /* 0: none yet */
	struct wg_peer *peers;
	size_t peer_count;
	size_t peer_room;
};

/* Free what the device holds and leave it empty; as an attribute, at the end of the scope. */
void wg_device_clear(struct wg_device *device);
#define WG_AUTO_DEVICE __attribute__((cleanup(wg_device_clear)))

/*
 * The peer to go on with: the last one when it has this key (an answer may come
 * in several parts), otherwise a new one. NULL: no memory. Valid until the next call.
 */
struct wg_peer *wg_device_peer(struct wg_device *device, const struct wg_key *public_key);

/* False: no memory. */
bool wg_peer_allow(struct wg_peer *peer, const struct nx_prefix *prefix);

#endif
