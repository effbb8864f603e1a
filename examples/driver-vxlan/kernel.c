/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "snapshot.h"

static int underlay_of(const struct nx_endpoint *endpoint)
{
	return endpoint->address.length == 16 ? VX_OVER_IPV6 : VX_OVER_IPV4;
}

static bool endpoint_same(const struct nx_endpoint *a, const struct nx_endpoint *b)
{
	return a->port == b->port && vx_address_same(&a->address, &b->address);
}

/* --- observe ---------------------------------------------------------------------------------- */

/* The addresses that the kernel has for a peer of which nobody has told us. */
static enum nx_status stranger_take(struct vx_driver *driver, const struct vx_snapshot *snapshot,
				    const struct vx_way *way)
{
	struct nx_prefix *prefixes = calloc(snapshot->neighbour_count + 1, sizeof(*prefixes));
	char name[VX_MAC_TEXT];
	struct nx_peer peer = {.public_key = name, .endpoint = way->endpoint, .prefixes = prefixes};
	enum nx_status status = NX_INTERNAL;

	if (!prefixes)
		return status;
	vx_mac_format(&way->mac, name);
	for (size_t i = 0; i < snapshot->neighbour_count; i++) {
		const struct vx_neighbour *neighbour = &snapshot->neighbours[i];

		if (neighbour->permanent && vx_mac_same(&neighbour->mac, &way->mac))
			prefixes[peer.prefix_count++] = (struct nx_prefix){
				neighbour->address, (uint8_t)(neighbour->address.length * 8)};
	}
	status = vx_table_set(&driver->table, &peer, &way->mac, true);
	free(prefixes);
	return status;
}

static enum nx_status strangers_take(struct vx_driver *driver, const struct vx_snapshot *snapshot)
{
	enum nx_status status = NX_OK;

	for (size_t i = 0; i < snapshot->way_count && !status; i++) {
		if (!vx_table_find_mac(&driver->table, &snapshot->ways[i].mac))
			status = stranger_take(driver, snapshot, &snapshot->ways[i]);
	}
	return status;
}

/* Does the kernel do with the prefix what the table says? What it asks for, it need not have. */
static bool prefix_stands(const struct vx_snapshot *snapshot, const struct vx_peer *peer,
			  const struct nx_prefix *prefix)
{
	const struct vx_neighbour *neighbour;

	if (!vx_prefix_single(prefix))
		return true;
	neighbour = vx_snapshot_neighbour(snapshot, &prefix->address);
	return neighbour && neighbour->permanent && vx_mac_same(&neighbour->mac, &peer->mac);
}

static bool way_stands(const struct vx_way *way)
{
	return way && way->bridged && way->sent;
}

/* What is missing in the kernel is left out, so that the agent tells it again. */
static enum nx_status peer_tell(const struct vx_snapshot *snapshot, const struct vx_peer *peer,
				void (*each)(void *context, const struct nx_peer *peer), void *context)
{
	struct nx_prefix *prefixes = calloc(peer->prefix_count + 1, sizeof(*prefixes));
	const struct vx_way *way = vx_snapshot_way(snapshot, &peer->mac, underlay_of(&peer->endpoint));
	struct nx_peer view = {
		.public_key = peer->key, .keepalive_seconds = peer->keepalive_seconds, .prefixes = prefixes};

	if (!prefixes)
		return NX_INTERNAL;
	if (way_stands(way))
		view.endpoint = way->endpoint;
	for (size_t i = 0; i < peer->prefix_count; i++) {
		if (prefix_stands(snapshot, peer, &peer->prefixes[i]))
			prefixes[view.prefix_count++] = peer->prefixes[i];
	}
	each(context, &view);
	free(prefixes);
	return NX_OK;
}

enum nx_status vx_kernel_observe(struct vx_driver *driver,
				 void (*each)(void *context, const struct nx_peer *peer), void *context,
				 struct nx_error *error)
{
	struct vx_snapshot snapshot;
	enum nx_status status = vx_snapshot_take(driver, &snapshot, error);

	if (status)
		return status;
	status = strangers_take(driver, &snapshot);
	for (size_t i = 0; i < driver->table.count && !status; i++)
		status = peer_tell(&snapshot, &driver->table.peers[i], each, context);
	vx_snapshot_release(&snapshot);
	return status ? driver->services->fail(error, status, NULL, "no memory for the peers that stand")
		      : NX_OK;
}

/* --- apply ------------------------------------------------------------------------------------ */

/* What is gathered, what it is about, and the first failure of what was sent. */
struct change {
	struct vx_driver *driver;
	const struct vx_snapshot *snapshot;
	struct vx_batch batch;
	enum nx_status status;
	struct nx_error *error;
};

static void change_send(struct change *change)
{
	enum nx_status status =
		vx_batch_send(change->driver, &change->batch, "the kernel does not take a peer",
			      change->status ? NULL : change->error);

	if (!change->status)
		change->status = status;
}

static void change_room(struct change *change)
{
	if (vx_batch_full(&change->batch))
		change_send(change);
}

static void way_remove(struct change *change, const struct vx_way *way)
{
	static const uint8_t tables[] = {NTF_MASTER, NTF_SELF};

	for (size_t i = 0; i < sizeof(tables); i++) {
		const struct ndmsg head = {.ndm_family = AF_BRIDGE,
					   .ndm_ifindex = change->driver->tunnel.ports[way->underlay],
					   .ndm_flags = tables[i]};
		struct nlmsghdr *message;

		if (!(tables[i] == NTF_MASTER ? way->bridged : way->sent))
			continue;
		change_room(change);
		message = vx_message_begin(&change->batch, RTM_DELNEIGH, 0, &head, sizeof(head));
		mnl_attr_put(message, NDA_LLADDR, VX_MAC_BYTES, way->mac.bytes);
		vx_message_end(&change->batch, message);
	}
}

/* One message for both tables: the bridge takes from it the port, the VXLAN device where the peer is. */
static void way_put(struct change *change, const struct vx_peer *peer)
{
	const struct ndmsg head = {.ndm_family = AF_BRIDGE,
				   .ndm_ifindex = change->driver->tunnel.ports[underlay_of(&peer->endpoint)],
				   .ndm_state = NUD_NOARP | NUD_REACHABLE, /* neither ages nor is our own */
				   .ndm_flags = NTF_MASTER | NTF_SELF};
	struct nlmsghdr *message;

	change_room(change);
	message = vx_message_begin(&change->batch, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &head,
				   sizeof(head));
	mnl_attr_put(message, NDA_LLADDR, VX_MAC_BYTES, peer->mac.bytes);
	mnl_attr_put(message, NDA_DST, peer->endpoint.address.length, peer->endpoint.address.bytes);
	mnl_attr_put_u16(message, NDA_PORT, htons(peer->endpoint.port));
	vx_message_end(&change->batch, message);
}

/* A peer is in one underlay at a time, and nowhere while nobody knows where it is. */
static bool way_wanted(const struct change *change, const struct vx_way *way)
{
	const struct vx_peer *peer = vx_table_find_mac(&change->driver->table, &way->mac);

	return peer && peer->endpoint.port && underlay_of(&peer->endpoint) == way->underlay;
}

static void ways_change(struct change *change)
{
	const struct vx_table *table = &change->driver->table;

	for (size_t i = 0; i < change->snapshot->way_count; i++) {
		if (!way_wanted(change, &change->snapshot->ways[i]))
			way_remove(change, &change->snapshot->ways[i]);
	}
	for (size_t i = 0; i < table->count; i++) {
		const struct vx_peer *peer = &table->peers[i];
		int underlay = underlay_of(&peer->endpoint);
		const struct vx_way *way = vx_snapshot_way(change->snapshot, &peer->mac, underlay);

		if (peer->endpoint.port && change->driver->tunnel.ports[underlay] &&
		    !(way_stands(way) && endpoint_same(&way->endpoint, &peer->endpoint)))
			way_put(change, peer);
	}
}

static void neighbour_begin(const struct vx_driver *driver, struct ndmsg *head,
			    const struct nx_address *address)
{
	*head = (struct ndmsg){.ndm_family = address->length == 4 ? AF_INET : AF_INET6,
			       .ndm_ifindex = driver->tunnel.index};
}

void vx_neighbour_put(const struct vx_driver *driver, struct vx_batch *batch,
		      const struct nx_address *address, const struct vx_mac *mac, bool permanent)
{
	struct nlmsghdr *message;
	struct ndmsg head;

	neighbour_begin(driver, &head, address);
	head.ndm_state = permanent ? NUD_PERMANENT : NUD_NOARP;
	message = vx_message_begin(batch, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head));
	mnl_attr_put(message, NDA_DST, address->length, address->bytes);
	mnl_attr_put(message, NDA_LLADDR, VX_MAC_BYTES, mac->bytes);
	mnl_attr_put_u8(message, NDA_PROTOCOL, VX_PROTOCOL);
	vx_message_end(batch, message);
}

static void neighbour_remove(struct change *change, const struct nx_address *address)
{
	struct nlmsghdr *message;
	struct ndmsg head;

	neighbour_begin(change->driver, &head, address);
	message = vx_message_begin(&change->batch, RTM_DELNEIGH, 0, &head, sizeof(head));
	mnl_attr_put(message, NDA_DST, address->length, address->bytes);
	vx_message_end(&change->batch, message);
}

/* What stands leads to whom the table says now, or goes: what is an answer of ours may be out of date. */
static void neighbour_mend(struct change *change, const struct vx_neighbour *neighbour)
{
	bool single = false;
	const struct vx_peer *peer = vx_table_lookup(&change->driver->table, &neighbour->address, &single);

	change_room(change);
	if (!peer)
		neighbour_remove(change, &neighbour->address);
	else if (neighbour->permanent != single || !vx_mac_same(&neighbour->mac, &peer->mac))
		vx_neighbour_put(change->driver, &change->batch, &neighbour->address, &peer->mac, single);
}

static void neighbours_change(struct change *change)
{
	const struct vx_table *table = &change->driver->table;

	for (size_t i = 0; i < change->snapshot->neighbour_count; i++)
		neighbour_mend(change, &change->snapshot->neighbours[i]);
	for (size_t i = 0; i < table->count; i++) {
		const struct vx_peer *peer = &table->peers[i];

		for (size_t j = 0; j < peer->prefix_count; j++) {
			const struct nx_prefix *prefix = &peer->prefixes[j];

			if (!vx_prefix_single(prefix) ||
			    vx_snapshot_neighbour(change->snapshot, &prefix->address))
				continue;
			change_room(change);
			vx_neighbour_put(change->driver, &change->batch, &prefix->address, &peer->mac, true);
		}
	}
}

enum nx_status vx_kernel_apply(struct vx_driver *driver, struct nx_error *error)
{
	struct vx_snapshot snapshot;
	struct change change = {.driver = driver, .snapshot = &snapshot, .error = error};
	enum nx_status status = vx_snapshot_take(driver, &snapshot, error);

	if (status)
		return status;
	ways_change(&change);
	neighbours_change(&change);
	change_send(&change);
	vx_snapshot_release(&snapshot);
	return change.status;
}
