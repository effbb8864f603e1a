/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "message.h"

/* How often the kernel asks this program about an address, a second apart, before it gives up. */
enum { QUESTIONS = 3 };

/* --- find ---------------------------------------------------------------------------------- */

static void vxlan_read(const struct nlattr *data, struct vx_link *link)
{
	const struct nlattr *attribute;

	mnl_attr_for_each_nested (attribute, data) {
		if (mnl_attr_get_type(attribute) == IFLA_VXLAN_ID && mnl_attr_get_payload_len(attribute) >= 4)
			link->vni = mnl_attr_get_u32(attribute);
		else if (mnl_attr_get_type(attribute) == IFLA_VXLAN_PORT &&
			 mnl_attr_get_payload_len(attribute) >= 2)
			link->port = ntohs(mnl_attr_get_u16(attribute));
	}
}

static void info_read(const struct nlattr *info, struct vx_link *link)
{
	const struct nlattr *attribute;

	mnl_attr_for_each_nested (attribute, info) {
		if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
			snprintf(link->kind, sizeof(link->kind), "%.*s",
				 (int)mnl_attr_get_payload_len(attribute), mnl_attr_get_str(attribute));
		else if (mnl_attr_get_type(attribute) == IFLA_INFO_DATA && strcmp(link->kind, "vxlan") == 0)
			vxlan_read(attribute, link);
	}
}

static void link_read(void *context, const struct nlmsghdr *message)
{
	const struct ifinfomsg *head = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute;
	struct vx_link *link = context;

	if (message->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(message) < sizeof(*head))
		return;
	link->index = head->ifi_index;
	link->up = head->ifi_flags & IFF_UP;
	mnl_attr_for_each (attribute, message, sizeof(*head)) {
		uint16_t type = mnl_attr_get_type(attribute), length = mnl_attr_get_payload_len(attribute);

		if (type == IFLA_MTU && length >= 4)
			link->mtu = mnl_attr_get_u32(attribute);
		else if (type == IFLA_MASTER && length >= 4)
			link->master = (int)mnl_attr_get_u32(attribute);
		else if (type == IFLA_ADDRESS && length == VX_MAC_BYTES)
			memcpy(link->mac.bytes, mnl_attr_get_payload(attribute), VX_MAC_BYTES);
		else if (type == IFLA_LINKINFO)
			info_read(attribute, link);
	}
}

/* Not through vx_batch_send(): a device that is not there is an answer, no failure. */
enum nx_status vx_link_find(const struct vx_driver *driver, const char *name, struct vx_link *out,
			    struct nx_error *error)
{
	const struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
	struct vx_link link = {0};
	const struct nx_netlink_handler handler = {.answer = link_read, .context = &link};
	struct vx_batch batch = {.length = 0};
	struct nlmsghdr *message = vx_message_begin(&batch, RTM_GETLINK, 0, &head, sizeof(head));
	enum nx_status status;

	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	vx_message_end(&batch, message);
	if (!if_nametoindex(name))
		return NX_NOT_FOUND;
	status = driver->services->agent->netlink(driver->host, NETLINK_ROUTE, batch.bytes, batch.length,
						  &handler, error);
	if (!status && !link.index)
		status = NX_NOT_FOUND;
	if (!status)
		*out = link;
	return status;
}

/* --- make ---------------------------------------------------------------------------------- */

enum nx_status vx_bridge_make(const struct vx_driver *driver, const char *name, struct nx_error *error)
{
	const struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
	struct vx_batch batch = {.length = 0};
	struct nlmsghdr *message =
		vx_message_begin(&batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	struct nlattr *info, *data;

	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	mnl_attr_put(message, IFLA_ADDRESS, VX_MAC_BYTES, driver->mac.bytes);
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_str(message, IFLA_INFO_KIND, "bridge");
	data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	mnl_attr_put_u8(message, IFLA_BR_MCAST_SNOOPING, 0);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
	vx_message_end(&batch, message);
	return vx_batch_send(driver, &batch, "the bridge cannot be made", error);
}

/* The group "::" is nobody, and makes it a device that sends over IPv6. */
enum nx_status vx_port_make(const struct vx_driver *driver, const char *name, int master, int underlay,
			    uint16_t port, struct nx_error *error)
{
	const struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
	/* Sent from the port that it listens at: a firewall that lets answers in lets the peer in. The end is
	 * not of the range, so that the last port of all cannot be had this way: the kernel then takes any.
	 */
	const uint16_t end = port < UINT16_MAX ? (uint16_t)(port + 1) : port;
	const struct ifla_vxlan_port_range range = {htons(port), htons(end)};
	const struct in6_addr nobody = IN6ADDR_ANY_INIT;
	struct vx_batch batch = {.length = 0};
	struct nlmsghdr *message =
		vx_message_begin(&batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	struct nlattr *info, *data;

	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	mnl_attr_put_u32(message, IFLA_MASTER, (uint32_t)master);
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_str(message, IFLA_INFO_KIND, "vxlan");
	data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	mnl_attr_put_u32(message, IFLA_VXLAN_ID, driver->vni);
	mnl_attr_put_u16(message, IFLA_VXLAN_PORT, htons(port));
	mnl_attr_put(message, IFLA_VXLAN_PORT_RANGE, sizeof(range), &range);
	mnl_attr_put_u8(message, IFLA_VXLAN_LEARNING, 0);
	if (underlay == VX_OVER_IPV6)
		mnl_attr_put(message, IFLA_VXLAN_GROUP6, sizeof(nobody), &nobody);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
	vx_message_end(&batch, message);
	return vx_batch_send(driver, &batch, "the VXLAN device cannot be made", error);
}

/* --- set ----------------------------------------------------------------------------------- */

enum nx_status vx_link_settle(const struct vx_driver *driver, int index, uint32_t mtu, struct nx_error *error)
{
	const struct ifinfomsg head = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct vx_batch batch = {.length = 0};
	struct nlmsghdr *message = vx_message_begin(&batch, RTM_NEWLINK, 0, &head, sizeof(head));

	mnl_attr_put_u32(message, IFLA_MTU, mtu);
	vx_message_end(&batch, message);
	return vx_batch_send(driver, &batch, "the interface cannot be set up", error);
}

/* Without link-local addresses, which nobody would use, and what the kernel sends for their sake. */
static void link_local_off(const struct vx_driver *driver, int index)
{
	const struct ifinfomsg head = {.ifi_index = index};
	struct vx_batch batch = {.length = 0};
	struct nlmsghdr *message = vx_message_begin(&batch, RTM_NEWLINK, 0, &head, sizeof(head));
	struct nlattr *families = mnl_attr_nest_start(message, IFLA_AF_SPEC);
	struct nlattr *family = mnl_attr_nest_start(message, AF_INET6);

	mnl_attr_put_u8(message, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(message, family);
	mnl_attr_nest_end(message, families);
	vx_message_end(&batch, message);
	/* A kernel without IPv6 refuses, and has none to be taken away. */
	vx_batch_send(driver, &batch, "", NULL);
}

enum nx_status vx_port_settle(const struct vx_driver *driver, int index, struct nx_error *error)
{
	static const uint16_t off[] = {IFLA_BRPORT_LEARNING, IFLA_BRPORT_UNICAST_FLOOD,
				       IFLA_BRPORT_MCAST_FLOOD, IFLA_BRPORT_BCAST_FLOOD};
	const struct ifinfomsg head = {.ifi_index = index};
	struct vx_batch batch = {.length = 0};
	struct nlmsghdr *message = vx_message_begin(&batch, RTM_NEWLINK, 0, &head, sizeof(head));
	struct nlattr *info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	struct nlattr *data;

	mnl_attr_put_str(message, IFLA_INFO_SLAVE_KIND, "bridge");
	data = mnl_attr_nest_start(message, IFLA_INFO_SLAVE_DATA);
	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++)
		mnl_attr_put_u8(message, off[i], 0);
	mnl_attr_put_u8(message, IFLA_BRPORT_ISOLATED, 1);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
	vx_message_end(&batch, message);
	link_local_off(driver, index);
	return vx_batch_send(driver, &batch, "the bridge's port cannot be set", error);
}

/*
 * Whoever can send into the mesh could otherwise become this host's default router. Netlink cannot say it. A
 * host without IPv6 has no such file; one where it cannot be written says so.
 */
static void routers_ignore(const struct vx_driver *driver, const char *name)
{
	char path[64];
	int descriptor;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra", name);
	descriptor = open(path, O_WRONLY | O_CLOEXEC);
	if ((descriptor < 0 && errno != ENOENT) || (descriptor >= 0 && write(descriptor, "0", 1) != 1))
		driver->services->log(driver->host, NX_LOG_WARNING,
				      "%s cannot be set to 0: whoever can send into the mesh can become this "
				      "host's router",
				      path);
	if (descriptor >= 0)
		close(descriptor);
}

static void questions_put(struct vx_batch *batch, uint8_t family, const char *table, int index)
{
	const struct ndtmsg head = {.ndtm_family = family};
	struct nlmsghdr *message = vx_message_begin(batch, RTM_SETNEIGHTBL, 0, &head, sizeof(head));
	struct nlattr *parameters;

	mnl_attr_put_strz(message, NDTA_NAME, table);
	parameters = mnl_attr_nest_start(message, NDTA_PARMS);
	mnl_attr_put_u32(message, NDTPA_IFINDEX, (uint32_t)index);
	mnl_attr_put_u32(message, NDTPA_UCAST_PROBES, 0);
	mnl_attr_put_u32(message, NDTPA_MCAST_PROBES, 0);
	mnl_attr_put_u32(message, NDTPA_APP_PROBES, QUESTIONS);
	mnl_attr_nest_end(message, parameters);
	vx_message_end(batch, message);
}

enum nx_status vx_bridge_settle(const struct vx_driver *driver, const char *name, int index,
				struct nx_error *error)
{
	struct vx_batch batch = {.length = 0};

	link_local_off(driver, index);
	routers_ignore(driver, name);
	questions_put(&batch, AF_INET, "arp_cache", index);
	questions_put(&batch, AF_INET6, "ndisc_cache", index);
	return vx_batch_send(driver, &batch, "the interface's neighbour discovery cannot be set", error);
}

/* --- remove -------------------------------------------------------------------------------- */

enum nx_status vx_link_delete(const struct vx_driver *driver, int index, struct nx_error *error)
{
	const struct ifinfomsg head = {.ifi_index = index};
	struct vx_batch batch = {.length = 0};
	struct nlmsghdr *message = vx_message_begin(&batch, RTM_DELLINK, 0, &head, sizeof(head));

	vx_message_end(&batch, message);
	return vx_batch_send(driver, &batch, "the interface cannot be removed", error);
}
