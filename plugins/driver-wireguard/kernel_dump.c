/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel_dump.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/time_types.h>
#include <linux/wireguard.h>

#include "attribute.h"

static uint8_t family_bytes(uint16_t family)
{
	if (family == AF_INET)
		return sizeof(struct in_addr);
	if (family == AF_INET6)
		return sizeof(struct in6_addr);
	return 0;
}

/* A sockaddr_in or sockaddr_in6 of exactly its size; a zone is left out. */
static bool endpoint_read(const struct wg_attribute *attribute, struct nx_endpoint *out)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct nx_endpoint endpoint = {0};

	if (wg_attribute_copy(attribute, &v4, sizeof(v4)) && v4.sin_family == AF_INET) {
		endpoint.address.length = sizeof(v4.sin_addr);
		memcpy(endpoint.address.bytes, &v4.sin_addr, sizeof(v4.sin_addr));
		endpoint.port = ntohs(v4.sin_port);
	} else if (wg_attribute_copy(attribute, &v6, sizeof(v6)) && v6.sin6_family == AF_INET6) {
		endpoint.address.length = sizeof(v6.sin6_addr);
		memcpy(endpoint.address.bytes, &v6.sin6_addr, sizeof(v6.sin6_addr));
		endpoint.port = ntohs(v6.sin6_port);
	} else {
		return false;
	}
	*out = endpoint;
	return true;
}

static bool allowed_ip_read(struct wg_span span, struct wg_peer *peer)
{
	struct wg_attribute attribute;
	struct wg_attribute address = {0};
	struct nx_prefix prefix = {0};
	uint16_t family = 0;
	uint8_t bits = UINT8_MAX;
	bool fits = true;

	while (fits && wg_attribute_next(&span, &attribute)) {
		if (attribute.type == WGALLOWEDIP_A_FAMILY)
			fits = wg_attribute_copy(&attribute, &family, sizeof(family));
		else if (attribute.type == WGALLOWEDIP_A_IPADDR)
			address = attribute;
		else if (attribute.type == WGALLOWEDIP_A_CIDR_MASK)
			fits = wg_attribute_copy(&attribute, &bits, sizeof(bits));
	}
	prefix.bits = bits;
	prefix.address.length = family_bytes(family);
	return fits && !span.length && prefix.address.length && bits <= 8 * prefix.address.length &&
	       wg_attribute_copy(&address, prefix.address.bytes, prefix.address.length) &&
	       wg_peer_allow(peer, &prefix);
}

static bool allowed_ips_read(struct wg_span span, struct wg_peer *peer)
{
	struct wg_attribute attribute;

	while (wg_attribute_next(&span, &attribute)) {
		if (!allowed_ip_read(attribute.value, peer))
			return false;
	}
	return !span.length;
}

static bool handshake_read(const struct wg_attribute *attribute, int64_t *seconds)
{
	struct __kernel_timespec time;

	if (!wg_attribute_copy(attribute, &time, sizeof(time)))
		return false;
	*seconds = time.tv_sec;
	return true;
}

static bool peer_attribute_read(const struct wg_attribute *attribute, struct wg_peer *peer)
{
	switch (attribute->type) {
	case WGPEER_A_ENDPOINT:
		return endpoint_read(attribute, &peer->endpoint);
	case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
		return wg_attribute_copy(attribute, &peer->keepalive_seconds,
					 sizeof(peer->keepalive_seconds));
	case WGPEER_A_LAST_HANDSHAKE_TIME:
		return handshake_read(attribute, &peer->last_handshake);
	case WGPEER_A_RX_BYTES:
		return wg_attribute_copy(attribute, &peer->received_bytes, sizeof(peer->received_bytes));
	case WGPEER_A_TX_BYTES:
		return wg_attribute_copy(attribute, &peer->sent_bytes, sizeof(peer->sent_bytes));
	case WGPEER_A_ALLOWEDIPS:
		return allowed_ips_read(attribute->value, peer);
	default:
		return true; /* of a newer kernel, or of no use here */
	}
}

static bool peer_key_find(struct wg_span span, struct wg_key *out)
{
	struct wg_attribute attribute;

	while (wg_attribute_next(&span, &attribute)) {
		if (attribute.type == WGPEER_A_PUBLIC_KEY)
			return wg_attribute_copy(&attribute, out->bytes, sizeof(out->bytes));
	}
	return false;
}

static bool peer_read(struct wg_span span, struct wg_device *device)
{
	struct wg_attribute attribute;
	struct wg_key public_key;
	struct wg_peer *peer;

	if (!peer_key_find(span, &public_key))
		return false;
	peer = wg_device_peer(device, &public_key);
	if (!peer)
		return false;
	while (wg_attribute_next(&span, &attribute)) {
		if (!peer_attribute_read(&attribute, peer))
			return false;
	}
	return !span.length;
}

static bool peers_read(struct wg_span span, struct wg_device *device)
{
	struct wg_attribute attribute;

	while (wg_attribute_next(&span, &attribute)) {
		if (!peer_read(attribute.value, device))
			return false;
	}
	return !span.length;
}

static bool public_key_read(const struct wg_attribute *attribute, struct wg_device *device)
{
	device->has_key = wg_attribute_copy(attribute, device->public_key.bytes, WG_KEY_BYTES);
	return device->has_key;
}

static bool device_attribute_read(const struct wg_attribute *attribute, struct wg_device *device)
{
	switch (attribute->type) {
	case WGDEVICE_A_PUBLIC_KEY:
		return public_key_read(attribute, device);
	case WGDEVICE_A_LISTEN_PORT:
		return wg_attribute_copy(attribute, &device->listen_port, sizeof(device->listen_port));
	case WGDEVICE_A_PEERS:
		return peers_read(attribute->value, device);
	default:
		return true;
	}
}

bool wg_dump_read(struct wg_device *device, const struct nlmsghdr *message, size_t available)
{
	struct wg_attribute attribute;
	struct genlmsghdr generic;
	struct wg_span rest;

	if (available < NLMSG_HDRLEN || message->nlmsg_len > available ||
	    message->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
		return false;
	rest = (struct wg_span){(const uint8_t *)message + NLMSG_HDRLEN, message->nlmsg_len - NLMSG_HDRLEN};
	memcpy(&generic, rest.data, sizeof(generic));
	if (generic.cmd != WG_CMD_GET_DEVICE)
		return false;
	rest.data += GENL_HDRLEN;
	rest.length -= GENL_HDRLEN;
	while (wg_attribute_next(&rest, &attribute)) {
		if (!device_attribute_read(&attribute, device))
			return false;
	}
	return !rest.length;
}
