/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "message.h"

/* --- lists --------------------------------------------------------------------------------- */

/* Room for one more; NULL: no memory, which is remembered. */
static void *list_grow(struct vx_snapshot *snapshot, void *items, size_t count, size_t *room, size_t bytes)
{
	void *grown;

	if (count < *room)
		return items;
	grown = reallocarray(items, *room ? 2 * *room : 64, bytes);
	if (grown)
		*room = *room ? 2 * *room : 64;
	else
		snapshot->no_memory = true;
	return grown;
}

static void way_add(struct vx_snapshot *snapshot, const struct vx_way *way)
{
	struct vx_way *grown =
		list_grow(snapshot, snapshot->ways, snapshot->way_count, &snapshot->way_room, sizeof(*grown));

	if (!grown)
		return;
	snapshot->ways = grown;
	grown[snapshot->way_count++] = *way;
}

static void neighbour_add(struct vx_snapshot *snapshot, const struct vx_neighbour *neighbour)
{
	struct vx_neighbour *grown = list_grow(snapshot, snapshot->neighbours, snapshot->neighbour_count,
					       &snapshot->neighbour_room, sizeof(*grown));

	if (!grown)
		return;
	snapshot->neighbours = grown;
	grown[snapshot->neighbour_count++] = *neighbour;
}

static int way_order(const void *a, const void *b)
{
	const struct vx_way *left = a, *right = b;
	int order = memcmp(&left->mac, &right->mac, sizeof(left->mac));

	return order ? order : left->underlay - right->underlay;
}

static int neighbour_order(const void *a, const void *b)
{
	const struct vx_neighbour *left = a, *right = b;
	int order = left->address.length - right->address.length;

	return order ? order : memcmp(left->address.bytes, right->address.bytes, left->address.length);
}

/* --- what the kernel says -------------------------------------------------------------------- */

struct attributes {
	const struct nlattr *of[NDA_PROTOCOL + 1];
};

static void attributes_read(const struct nlmsghdr *message, struct attributes *out)
{
	const struct nlattr *attribute;

	*out = (struct attributes){0};
	mnl_attr_for_each (attribute, message, sizeof(struct ndmsg)) {
		if (mnl_attr_get_type(attribute) <= NDA_PROTOCOL)
			out->of[mnl_attr_get_type(attribute)] = attribute;
	}
}

static bool address_read(const struct nlattr *attribute, struct nx_address *out)
{
	uint16_t length = attribute ? mnl_attr_get_payload_len(attribute) : 0;

	if (length != 4 && length != 16)
		return false;
	*out = (struct nx_address){.length = (uint8_t)length};
	memcpy(out->bytes, mnl_attr_get_payload(attribute), length);
	return true;
}

static bool mac_read(const struct nlattr *attribute, struct vx_mac *out)
{
	if (!attribute || mnl_attr_get_payload_len(attribute) != VX_MAC_BYTES)
		return false;
	memcpy(out->bytes, mnl_attr_get_payload(attribute), VX_MAC_BYTES);
	return true;
}

/* The kernel tells of the bridge's entry and of the VXLAN device's one by one. */
static void way_read(void *context, const struct nlmsghdr *message)
{
	const struct ndmsg *head = mnl_nlmsg_get_payload(message);
	struct vx_snapshot *snapshot = context;
	const struct vx_tunnel *tunnel = &snapshot->driver->tunnel;
	struct attributes attributes;
	struct vx_way way = {.underlay = VX_OVER_IPV4};

	if (message->nlmsg_type != RTM_NEWNEIGH || mnl_nlmsg_get_payload_len(message) < sizeof(*head) ||
	    head->ndm_family != AF_BRIDGE || head->ndm_state & NUD_PERMANENT)
		return;
	while (way.underlay < VX_UNDERLAYS && tunnel->ports[way.underlay] != head->ndm_ifindex)
		way.underlay++;
	attributes_read(message, &attributes);
	if (way.underlay == VX_UNDERLAYS || !mac_read(attributes.of[NDA_LLADDR], &way.mac))
		return;
	way.sent = address_read(attributes.of[NDA_DST], &way.endpoint.address);
	way.bridged = !way.sent;
	way.endpoint.port = tunnel->listen_port;
	if (attributes.of[NDA_PORT] && mnl_attr_get_payload_len(attributes.of[NDA_PORT]) >= 2)
		way.endpoint.port = ntohs(mnl_attr_get_u16(attributes.of[NDA_PORT]));
	way_add(snapshot, &way);
}

static void neighbour_read(void *context, const struct nlmsghdr *message)
{
	const struct ndmsg *head = mnl_nlmsg_get_payload(message);
	struct vx_snapshot *snapshot = context;
	struct attributes attributes;
	struct vx_neighbour neighbour;

	if (message->nlmsg_type != RTM_NEWNEIGH || mnl_nlmsg_get_payload_len(message) < sizeof(*head) ||
	    head->ndm_ifindex != snapshot->driver->tunnel.index ||
	    !(head->ndm_state & (NUD_PERMANENT | NUD_NOARP)))
		return;
	attributes_read(message, &attributes);
	if (!attributes.of[NDA_PROTOCOL] || mnl_attr_get_payload_len(attributes.of[NDA_PROTOCOL]) < 1 ||
	    mnl_attr_get_u8(attributes.of[NDA_PROTOCOL]) != VX_PROTOCOL ||
	    !address_read(attributes.of[NDA_DST], &neighbour.address) ||
	    !mac_read(attributes.of[NDA_LLADDR], &neighbour.mac))
		return;
	neighbour.permanent = head->ndm_state & NUD_PERMANENT;
	neighbour_add(snapshot, &neighbour);
}

static void ways_restart(void *context)
{
	((struct vx_snapshot *)context)->way_count = 0;
}

static void neighbours_restart(void *context)
{
	((struct vx_snapshot *)context)->neighbour_count = 0;
}

/* --- all of it -------------------------------------------------------------------------------- */

static enum nx_status dump(struct vx_snapshot *snapshot, uint8_t family,
			   const struct nx_netlink_handler *handler, struct nx_error *error)
{
	const struct ndmsg head = {.ndm_family = family};
	struct vx_batch batch = {.length = 0};
	struct nlmsghdr *message = vx_message_begin(&batch, RTM_GETNEIGH, NLM_F_DUMP, &head, sizeof(head));

	vx_message_end(&batch, message);
	return snapshot->driver->services->agent->netlink(snapshot->driver->host, NETLINK_ROUTE, batch.bytes,
							  batch.length, handler, error);
}

/* Two neighbours in the list may be one way: the bridge's half and the other. */
static void ways_join(struct vx_snapshot *snapshot)
{
	size_t kept = 0;

	for (size_t i = 0; i < snapshot->way_count; i++) {
		const struct vx_way *way = &snapshot->ways[i];
		struct vx_way *last = kept ? &snapshot->ways[kept - 1] : NULL;

		if (!last || way_order(last, way) != 0) {
			snapshot->ways[kept++] = *way;
			continue;
		}
		last->bridged |= way->bridged;
		last->sent |= way->sent;
		if (way->sent)
			last->endpoint = way->endpoint;
	}
	snapshot->way_count = kept;
}

enum nx_status vx_snapshot_take(const struct vx_driver *driver, struct vx_snapshot *out,
				struct nx_error *error)
{
	struct vx_snapshot snapshot = {.driver = driver};
	const struct nx_netlink_handler ways = {
		.answer = way_read, .restart = ways_restart, .context = &snapshot};
	const struct nx_netlink_handler neighbours = {
		.answer = neighbour_read, .restart = neighbours_restart, .context = &snapshot};
	enum nx_status status = dump(&snapshot, AF_BRIDGE, &ways, error);

	if (!status)
		status = dump(&snapshot, AF_UNSPEC, &neighbours, error);
	if (!status && snapshot.no_memory)
		status = driver->services->fail(error, NX_INTERNAL, NULL,
						"no memory for the peers that stand");
	if (status) {
		vx_snapshot_release(&snapshot);
		return status;
	}
	if (snapshot.way_count)
		qsort(snapshot.ways, snapshot.way_count, sizeof(*snapshot.ways), way_order);
	if (snapshot.neighbour_count)
		qsort(snapshot.neighbours, snapshot.neighbour_count, sizeof(*snapshot.neighbours),
		      neighbour_order);
	ways_join(&snapshot);
	*out = snapshot;
	return NX_OK;
}

void vx_snapshot_release(struct vx_snapshot *snapshot)
{
	free(snapshot->ways);
	free(snapshot->neighbours);
	*snapshot = (struct vx_snapshot){0};
}

const struct vx_way *vx_snapshot_way(const struct vx_snapshot *snapshot, const struct vx_mac *mac,
				     int underlay)
{
	const struct vx_way key = {.mac = *mac, .underlay = underlay};

	return snapshot->way_count
		       ? bsearch(&key, snapshot->ways, snapshot->way_count, sizeof(key), way_order)
		       : NULL;
}

const struct vx_neighbour *vx_snapshot_neighbour(const struct vx_snapshot *snapshot,
						 const struct nx_address *address)
{
	const struct vx_neighbour key = {.address = *address};

	return snapshot->neighbour_count ? bsearch(&key, snapshot->neighbours, snapshot->neighbour_count,
						   sizeof(key), neighbour_order)
					 : NULL;
}
