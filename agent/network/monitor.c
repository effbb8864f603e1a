/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/network/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/loop.h"
#include "agent/network/netlink.h"
#include "base/memory.h"

/* Multicast groups are numbered by rtnetlink, one list for all families it knows. The last tells what routers
 * advertise about a link, such as its MTU. */
static const int groups[] = {
	RTNLGRP_LINK,	    RTNLGRP_IPV4_IFADDR,  RTNLGRP_IPV4_ROUTE,	RTNLGRP_IPV6_IFADDR,
	RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF, RTNLGRP_IPV6_IFINFO,
};

/* Datagrams of one turn of the loop: others want their turn too. */
#define BURST 256

struct nx_monitor {
	int descriptor;
	struct nx_watch *watch;
	struct nx_monitor_listener listener;
	int interface_index;
	uint32_t port;
	void *buffer;
	bool disturbed, moved, reshaped, freed; /* found in this turn */
};

/* --- events -------------------------------------------------------------------------------- */

static void link_judge(struct nx_monitor *monitor, const struct nlmsghdr *message)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*link))
		return;
	if (link->ifi_index != monitor->interface_index)
		monitor->reshaped = true;
	else if (message->nlmsg_type == RTM_DELLINK || !(link->ifi_flags & IFF_UP))
		monitor->disturbed = true;
}

static void address_judge(struct nx_monitor *monitor, const struct nlmsghdr *message)
{
	const struct ifaddrmsg *address = mnl_nlmsg_get_payload(message);

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*address))
		return;
	if ((int)address->ifa_index != monitor->interface_index)
		monitor->moved = true;
	else if (message->nlmsg_type == RTM_DELADDR)
		monitor->disturbed = true;
}

/* Each entry of a cache is told as well, and says nothing about what was configured. */
static bool route_counts(const struct rtmsg *route)
{
	return !(route->rtm_flags & RTM_F_CLONED);
}

static int route_attribute(const struct nlattr *attribute, void *context)
{
	if (mnl_attr_get_type(attribute) == RTA_OIF && mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
		*(int *)context = (int)mnl_attr_get_u32(attribute);
	return MNL_CB_OK;
}

static void route_judge(struct nx_monitor *monitor, const struct nlmsghdr *message)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	int interface = 0;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*route) || !route_counts(route))
		return;
	mnl_attr_parse(message, sizeof(*route), route_attribute, &interface);
	if (interface == monitor->interface_index && interface) {
		if (message->nlmsg_type == RTM_DELROUTE)
			monitor->disturbed = true;
		return;
	}
	monitor->reshaped = true;
	if (route->rtm_dst_len == 0)
		monitor->moved = true; /* a default route: another way out */
	else if (message->nlmsg_type == RTM_DELROUTE)
		monitor->freed = true;
}

static void message_judge(struct nx_monitor *monitor, const struct nlmsghdr *message)
{
	if (monitor->port && message->nlmsg_pid == monitor->port)
		return;
	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		link_judge(monitor, message);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		address_judge(monitor, message);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		route_judge(monitor, message);
		break;
	case RTM_NEWNETCONF:
		monitor->moved = true;
		break;
	default:
		break;
	}
}

static void datagram_judge(struct nx_monitor *monitor, size_t length)
{
	const struct nlmsghdr *message;
	size_t offset = 0;
	bool damaged;

	while ((message = nx_netlink_next(monitor->buffer, length, &offset, &damaged)))
		message_judge(monitor, message);
	monitor->disturbed |= damaged;
}

static void readable(void *context)
{
	struct nx_monitor *monitor = context;
	const struct nx_monitor_listener listener = monitor->listener;
	enum nx_status status = NX_OK;
	size_t length;
	bool lost;

	for (int i = 0; i < BURST && status == NX_OK; i++) {
		status = nx_netlink_receive(monitor->descriptor, monitor->buffer, NX_NETLINK_ROOM, &length,
					    &lost, NULL);
		if (status == NX_OK)
			datagram_judge(monitor, length);
		else if (lost || status == NX_INVALID) /* we do not know what we have missed */
			monitor->disturbed = monitor->moved = true;
	}
	bool disturbed = monitor->disturbed, moved = monitor->moved, freed = monitor->freed;
	bool reshaped = monitor->reshaped;

	monitor->disturbed = monitor->moved = monitor->reshaped = monitor->freed = false;
	if (disturbed)
		listener.disturbed(listener.context);
	if (moved)
		listener.moved(listener.context);
	if (reshaped)
		listener.reshaped(listener.context);
	if (freed)
		listener.freed(listener.context);
}

/* --- life ------------------------------------------------------------------------------------- */

static enum nx_status groups_join(int descriptor, struct nx_error *error)
{
	for (size_t i = 0; i < NX_COUNT(groups); i++) {
		/* A kernel built without a family does not have its groups. */
		if (setsockopt(descriptor, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			       sizeof(groups[i])) != 0 &&
		    errno != EINVAL && errno != ENOENT)
			return nx_fail(error, NX_INTERNAL, NULL, "netlink: group %d: %s", groups[i],
				       strerror(errno));
	}
	return NX_OK;
}

static enum nx_status monitor_open(struct nx_monitor *monitor, struct nx_error *error)
{
	const struct sockaddr_nl name = {.nl_family = AF_NETLINK};
	const int room = 4 << 20;

	monitor->descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (monitor->descriptor < 0 ||
	    bind(monitor->descriptor, (const struct sockaddr *)&name, sizeof(name)) != 0)
		return nx_fail(error, NX_INTERNAL, NULL, "netlink socket: %s", strerror(errno));
	/* Our own thousands of routes are told to us as well. */
	(void)setsockopt(monitor->descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	return groups_join(monitor->descriptor, error);
}

enum nx_status nx_monitor_start(uv_loop_t *loop, const struct nx_monitor_listener *listener,
				struct nx_monitor **out, struct nx_error *error)
{
	struct nx_monitor *monitor = nx_alloc(sizeof(*monitor));
	enum nx_status status;

	monitor->listener = *listener;
	monitor->buffer = nx_alloc(NX_NETLINK_ROOM);
	status = monitor_open(monitor, error);
	if (status == NX_OK) {
		monitor->watch = nx_watch_readable(loop, monitor->descriptor, readable, monitor);
		if (!monitor->watch)
			status = nx_fail(error, NX_INTERNAL, NULL, "netlink socket cannot be watched");
	}
	if (status == NX_OK)
		*out = monitor;
	else
		nx_monitor_stop(monitor);
	return status;
}

void nx_monitor_stop(struct nx_monitor *monitor)
{
	if (!monitor)
		return;
	nx_watch_end(monitor->watch);
	if (monitor->descriptor >= 0)
		close(monitor->descriptor);
	free(monitor->buffer);
	free(monitor);
}

void nx_monitor_expect(struct nx_monitor *monitor, int interface_index, uint32_t port)
{
	monitor->interface_index = interface_index;
	monitor->port = port;
}
