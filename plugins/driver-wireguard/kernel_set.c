/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel_set.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <sodium.h>

enum {
	/* The most that one allowed IP needs: nest 4, family 8, address 20, mask 8. */
	ALLOWED_IP_BYTES = 40,
	/* The most that a peer needs before its first allowed IP: two nests 8, key 36, flags 8,
	 * keepalive 8, endpoint 32. */
	PEER_BYTES = 92,
};

/* A message that is being filled. The nests that are open are not NULL. */
struct set_message {
	const struct wg_set_target *target;
	const struct wg_set_sink *sink;
	struct nlmsghdr *header;
	struct nlattr *peers;
	struct nlattr *peer;
	struct nlattr *allowed_ips;
};

static struct nlmsghdr *message_begin(void *memory, const struct wg_set_target *target)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(memory);
	struct genlmsghdr *generic = mnl_nlmsg_put_extra_header(header, sizeof(*generic));

	header->nlmsg_type = target->family;
	generic->cmd = WG_CMD_SET_DEVICE;
	generic->version = WG_GENL_VERSION;
	mnl_attr_put_u32(header, WGDEVICE_A_IFINDEX, target->index);
	return header;
}

enum nx_status wg_set_device(const struct wg_set_target *target, const struct wg_settings *settings,
			     const struct wg_set_sink *sink, struct nx_error *error)
{
	union {
		struct nlmsghdr header;
		uint8_t bytes[128];
	} memory;
	struct nlmsghdr *header = message_begin(&memory, target);
	enum nx_status status;

	if (settings->private_key)
		mnl_attr_put(header, WGDEVICE_A_PRIVATE_KEY, WG_KEY_BYTES, settings->private_key->bytes);
	if (settings->listen_port)
		mnl_attr_put_u16(header, WGDEVICE_A_LISTEN_PORT, settings->listen_port);
	status = sink->send(sink->context, header, error);
	sodium_memzero(&memory, sizeof(memory));
	return status;
}

static void set_begin(struct set_message *set)
{
	set->header = message_begin(set->header, set->target);
	set->peers = mnl_attr_nest_start(set->header, WGDEVICE_A_PEERS);
}

static enum nx_status set_send(struct set_message *set, struct nx_error *error)
{
	mnl_attr_nest_end(set->header, set->peers);
	return set->sink->send(set->sink->context, set->header, error);
}

static bool set_fits(const struct set_message *set, size_t bytes)
{
	return set->header->nlmsg_len + bytes <= WG_MESSAGE_BYTES;
}

static void peer_begin(struct set_message *set, const struct wg_key *key)
{
	set->peer = mnl_attr_nest_start(set->header, 0);
	mnl_attr_put(set->header, WGPEER_A_PUBLIC_KEY, WG_KEY_BYTES, key->bytes);
}

static void peer_end(struct set_message *set)
{
	if (set->allowed_ips)
		mnl_attr_nest_end(set->header, set->allowed_ips);
	set->allowed_ips = NULL;
	mnl_attr_nest_end(set->header, set->peer);
}

static void endpoint_put(struct nlmsghdr *header, const struct nx_endpoint *endpoint)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(endpoint->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(endpoint->port)};

	if (endpoint->address.length == sizeof(v4.sin_addr)) {
		memcpy(&v4.sin_addr, endpoint->address.bytes, sizeof(v4.sin_addr));
		mnl_attr_put(header, WGPEER_A_ENDPOINT, sizeof(v4), &v4);
	} else {
		memcpy(&v6.sin6_addr, endpoint->address.bytes, sizeof(v6.sin6_addr));
		mnl_attr_put(header, WGPEER_A_ENDPOINT, sizeof(v6), &v6);
	}
}

static void allowed_ip_put(struct set_message *set, const struct nx_prefix *prefix)
{
	const uint16_t family = prefix->address.length == sizeof(struct in_addr) ? AF_INET : AF_INET6;
	struct nlattr *nest;

	if (!set->allowed_ips)
		set->allowed_ips = mnl_attr_nest_start(set->header, WGPEER_A_ALLOWEDIPS);
	nest = mnl_attr_nest_start(set->header, 0);
	mnl_attr_put_u16(set->header, WGALLOWEDIP_A_FAMILY, family);
	mnl_attr_put(set->header, WGALLOWEDIP_A_IPADDR, prefix->address.length, prefix->address.bytes);
	mnl_attr_put_u8(set->header, WGALLOWEDIP_A_CIDR_MASK, prefix->bits);
	mnl_attr_nest_end(set->header, nest);
}

/* All of the peer's allowed IPs; the fragments after the first name the peer and add to it. */
static enum nx_status allowed_ips_put(struct set_message *set, const struct nx_peer *peer,
				      const struct wg_key *key, struct nx_error *error)
{
	enum nx_status status;

	for (size_t i = 0; i < peer->prefix_count; i++) {
		if (!set_fits(set, ALLOWED_IP_BYTES)) {
			peer_end(set);
			status = set_send(set, error);
			if (status)
				return status;
			set_begin(set);
			peer_begin(set, key);
		}
		allowed_ip_put(set, &peer->prefixes[i]);
	}
	return NX_OK;
}

static enum nx_status change_put(struct set_message *set, const struct nx_peer_change *change,
				 const struct wg_key *key, struct nx_error *error)
{
	enum nx_status status = NX_OK;

	peer_begin(set, key);
	if (change->action == NX_PEER_REMOVE) {
		mnl_attr_put_u32(set->header, WGPEER_A_FLAGS, WGPEER_F_REMOVE_ME);
	} else {
		/* Replacing, the peer has none of them for a moment. */
		mnl_attr_put_u32(set->header, WGPEER_A_FLAGS,
				 change->action == NX_PEER_EXTEND ? 0 : WGPEER_F_REPLACE_ALLOWEDIPS);
		mnl_attr_put_u16(set->header, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL,
				 change->peer.keepalive_seconds);
		if (change->set_endpoint && change->peer.endpoint.port)
			endpoint_put(set->header, &change->peer.endpoint);
		status = allowed_ips_put(set, &change->peer, key, error);
	}
	if (!status)
		peer_end(set);
	return status;
}

enum nx_status wg_set_peers(const struct wg_set_target *target, const struct nx_peer_change *changes,
			    const struct wg_key *keys, size_t count, const struct wg_set_sink *sink,
			    struct nx_error *error)
{
	union {
		struct nlmsghdr header;
		uint8_t bytes[WG_MESSAGE_BYTES];
	} memory;
	struct set_message set = {.target = target, .sink = sink, .header = &memory.header};
	enum nx_status status;

	if (!count)
		return NX_OK;
	set_begin(&set);
	for (size_t i = 0; i < count; i++) {
		if (!set_fits(&set, PEER_BYTES + ALLOWED_IP_BYTES)) {
			status = set_send(&set, error);
			if (status)
				return status;
			set_begin(&set);
		}
		status = change_put(&set, &changes[i], &keys[i], error);
		if (status)
			return status;
	}
	return set_send(&set, error);
}
