/* SPDX-License-Identifier: Apache-2.0 */
#include "peers.h"

#include <stdio.h>
#include <stdlib.h>

#include "interface.h"

enum nx_status wg_peers_observe(const struct wg_driver *driver,
				void (*each)(void *context, const struct nx_peer *peer), void *context,
				struct nx_error *error)
{
	struct wg_device device WG_AUTO_DEVICE = {0};
	enum nx_status status = wg_interface_read(driver, &device, error);

	for (size_t i = 0; !status && i < device.peer_count; i++) {
		const struct wg_peer *peer = &device.peers[i];
		char text[WG_KEY_TEXT];

		each(context, &(struct nx_peer){
				      .public_key = wg_key_format(&peer->public_key, text),
				      .endpoint = peer->endpoint,
				      .keepalive_seconds = peer->keepalive_seconds,
				      .prefixes = peer->prefixes,
				      .prefix_count = peer->prefix_count,
			      });
	}
	return status;
}

enum nx_status wg_peers_status(const struct wg_driver *driver,
			       void (*each)(void *context, const struct nx_peer_status *status),
			       void *context, struct nx_error *error)
{
	struct wg_device device WG_AUTO_DEVICE = {0};
	enum nx_status status = wg_interface_read(driver, &device, error);

	for (size_t i = 0; !status && i < device.peer_count; i++) {
		const struct wg_peer *peer = &device.peers[i];
		char text[WG_KEY_TEXT];

		each(context, &(struct nx_peer_status){
				      .size = sizeof(struct nx_peer_status),
				      .public_key = wg_key_format(&peer->public_key, text),
				      .endpoint = peer->endpoint,
				      .last_handshake = peer->last_handshake,
				      .received_bytes = peer->received_bytes,
				      .sent_bytes = peer->sent_bytes,
			      });
	}
	return status;
}

static bool address_valid(const struct nx_address *address)
{
	return address->length == 4 || address->length == 16;
}

/* NULL, or what is wrong with a peer that is to be set. */
static const char *peer_judge(const struct nx_peer_change *change)
{
	const struct nx_peer *peer = &change->peer;

	if (change->set_endpoint && peer->endpoint.port && !address_valid(&peer->endpoint.address))
		return "has an endpoint that is neither IPv4 nor IPv6";
	for (size_t i = 0; i < peer->prefix_count; i++) {
		const struct nx_prefix *prefix = &peer->prefixes[i];

		if (!address_valid(&prefix->address) || prefix->bits > 8 * prefix->address.length)
			return "has an allowed IP that is neither IPv4 nor IPv6, or too long";
	}
	return NULL;
}

/* NULL and the key, or what is wrong with the change. */
static const char *change_judge(const struct nx_peer_change *change, struct wg_key *key)
{
	const char *reason;

	/* Someone may have added a peer with a key that we never would: it can be removed. */
	if (change->action == NX_PEER_REMOVE)
		return wg_key_parse(change->peer.public_key, key) ? NULL : "is no WireGuard public key";
	if (change->action != NX_PEER_SET && change->action != NX_PEER_EXTEND)
		return "is to be changed in an unknown way";
	reason = wg_public_key_parse(change->peer.public_key, key);
	return reason ? reason : peer_judge(change);
}

static enum nx_status changes_judge(const struct wg_driver *driver, const struct nx_peer_change *changes,
				    struct wg_key *keys, size_t count, struct nx_error *error)
{
	for (size_t i = 0; i < count; i++) {
		const char *reason = change_judge(&changes[i], &keys[i]);

		if (!reason)
			continue;
		driver->services->fail(error, NX_INVALID, "public_key", "peer %.48s %s",
				       changes[i].peer.public_key, reason);
		if (error)
			snprintf(error->id, sizeof(error->id), "%s", changes[i].peer.public_key);
		return NX_INVALID;
	}
	return NX_OK;
}

enum nx_status wg_peers_apply(const struct wg_driver *driver, const struct nx_peer_change *changes,
			      size_t count, struct nx_error *error)
{
	struct wg_key *keys;
	enum nx_status status;

	if (!driver->tunnel.backend)
		return driver->services->fail(error, NX_UNAVAILABLE, NULL, "no WireGuard interface is up");
	if (!count)
		return NX_OK;
	keys = calloc(count, sizeof(*keys));
	if (!keys)
		return wg_no_memory(driver, error);
	status = changes_judge(driver, changes, keys, count, error);
	if (!status)
		status = driver->tunnel.backend->apply(driver, &driver->tunnel, changes, keys, count, error);
	free(keys);
	return status;
}
