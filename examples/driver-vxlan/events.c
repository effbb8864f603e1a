/* SPDX-License-Identifier: Apache-2.0 */
#include "events.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "kernel.h"

/* The kernel never sends more at once; this is one thread. */
enum { ROOM = 32768 };

/* Nobody's address has no answer, and the kernel tells who sent there that it cannot be reached. */
static void question_answer(struct vx_driver *driver, struct vx_batch *batch, const struct nlmsghdr *message)
{
	const struct ndmsg *head = mnl_nlmsg_get_payload(message);
	struct nx_address address = {0};
	const struct nlattr *attribute;
	const struct vx_peer *peer;
	bool single = false;

	if (head->ndm_ifindex != driver->tunnel.index)
		return;
	mnl_attr_for_each (attribute, message, sizeof(*head)) {
		uint16_t length = mnl_attr_get_payload_len(attribute);

		if (mnl_attr_get_type(attribute) != NDA_DST || (length != 4 && length != 16))
			continue;
		address.length = (uint8_t)length;
		memcpy(address.bytes, mnl_attr_get_payload(attribute), length);
	}
	peer = address.length ? vx_table_lookup(&driver->table, &address, &single) : NULL;
	if (peer && !vx_batch_full(batch))
		vx_neighbour_put(driver, batch, &address, &peer->mac, single);
}

/* A device of ours went, or was set down: the agent asks interface_stands() then, and has it mended. */
static void loss_tell(const struct vx_driver *driver, const struct nlmsghdr *message)
{
	const struct ifinfomsg *head = mnl_nlmsg_get_payload(message);

	if (message->nlmsg_type == RTM_NEWLINK && head->ifi_flags & IFF_UP)
		return;
	for (int underlay = 0; underlay < VX_UNDERLAYS; underlay++) {
		if (head->ifi_index == driver->tunnel.ports[underlay])
			driver->services->agent->reconcile(driver->host);
	}
}

static void event_take(struct vx_driver *driver, struct vx_batch *batch, const struct nlmsghdr *message)
{
	size_t length = mnl_nlmsg_get_payload_len(message);

	if (message->nlmsg_type == RTM_GETNEIGH && length >= sizeof(struct ndmsg))
		question_answer(driver, batch, message);
	else if ((message->nlmsg_type == RTM_NEWLINK || message->nlmsg_type == RTM_DELLINK) &&
		 length >= sizeof(struct ifinfomsg))
		loss_tell(driver, message);
}

/* The length of a datagram of the kernel; 0: there is none. What was lost is asked again after a second. */
static size_t datagram_receive(int descriptor, void *buffer, size_t room)
{
	struct sockaddr_nl from = {0};

	for (;;) {
		socklen_t length = sizeof(from);
		ssize_t got =
			recvfrom(descriptor, buffer, room, MSG_DONTWAIT, (struct sockaddr *)&from, &length);

		if (got > 0 && from.nl_pid == 0)
			return (size_t)got;
		if (got < 0 && errno != EINTR && errno != ENOBUFS)
			return 0;
	}
}

static void events_ready(void *context)
{
	static _Alignas(struct nlmsghdr) uint8_t buffer[ROOM];
	struct vx_driver *driver = context;
	struct vx_batch batch = {.length = 0};
	size_t length = datagram_receive(driver->events, buffer, sizeof(buffer));
	const struct nlmsghdr *message = (const struct nlmsghdr *)buffer;
	int left = (int)length;

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
		event_take(driver, &batch, message);
	/* What the kernel does not take, it asks for again. */
	vx_batch_send(driver, &batch, "", NULL);
}

enum nx_status vx_events_begin(struct vx_driver *driver, struct nx_error *error)
{
	const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_NEIGH | RTMGRP_LINK};
	int code;

	if (driver->watch)
		return NX_OK;
	driver->events = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (driver->events >= 0 &&
	    bind(driver->events, (const struct sockaddr *)&address, sizeof(address)) == 0)
		driver->watch = driver->services->agent->watch_descriptor(driver->host, driver->events,
									  events_ready, driver);
	if (driver->watch)
		return NX_OK;
	code = errno;
	vx_events_end(driver);
	return driver->services->fail(error, NX_UNAVAILABLE, NULL,
				      "the kernel's questions about neighbours cannot be heard: %s",
				      strerror(code));
}

void vx_events_end(struct vx_driver *driver)
{
	driver->services->agent->watch_end(driver->watch);
	driver->watch = NULL;
	if (driver->events >= 0)
		close(driver->events);
	driver->events = -1;
}
