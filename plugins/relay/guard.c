/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/relay/guard.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	EVERY_MILLISECONDS = 10 * 1000,
	SETTLE_MILLISECONDS = 1000, /* a reload is many changes */
	EVENTS_BYTES = 16384,
	EVENTS_AT_ONCE = 64,
};

static int events_open(void)
{
	const struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	const int group = NFNLGRP_NFTABLES;
	int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);

	if (descriptor < 0)
		return -1;
	if (bind(descriptor, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    setsockopt(descriptor, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) == 0)
		return descriptor;
	close(descriptor);
	return -1;
}

/* Chains and rules. Elements of sets come and go by the second on some hosts, and drop nothing by themselves.
 */
static bool message_matters(const struct nlmsghdr *message)
{
	if (NFNL_SUBSYS_ID(message->nlmsg_type) != NFNL_SUBSYS_NFTABLES)
		return false;
	switch (NFNL_MSG_TYPE(message->nlmsg_type)) {
	case NFT_MSG_NEWCHAIN:
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_NEWRULE:
	case NFT_MSG_DELRULE:
	case NFT_MSG_DELTABLE:
		return true;
	default:
		return false;
	}
}

/* Read what there is to read; false when none of it matters. */
static bool events_read(int descriptor)
{
	_Alignas(struct nlmsghdr) char room[EVENTS_BYTES];
	bool matters = false;

	for (int i = 0; i < EVENTS_AT_ONCE; i++) {
		ssize_t got = recv(descriptor, room, sizeof(room), MSG_DONTWAIT);
		if (got < 0 && errno == ENOBUFS)
			matters = true; /* more than the kernel could keep for us */
		else if (got <= 0)
			break;
		size_t left = got > 0 ? (size_t)got : 0;
		for (struct nlmsghdr *message = (struct nlmsghdr *)(void *)room; NLMSG_OK(message, left);
		     message = NLMSG_NEXT(message, left))
			matters |= message_matters(message);
	}
	return matters;
}

static void settled(void *context)
{
	struct guard *guard = context;

	guard->services->agent->watch_end(guard->settle);
	guard->settle = NULL;
	guard->due(guard->context);
}

static void events_ready(void *context)
{
	struct guard *guard = context;

	if (events_read(guard->descriptor) && !guard->settle)
		guard->settle =
			guard->services->agent->watch_timer(guard->host, SETTLE_MILLISECONDS, settled, guard);
}

void guard_start(struct guard *guard)
{
	const struct nx_agent_services *agent = guard->services->agent;

	if (guard->every)
		return;
	guard->every = agent->watch_timer(guard->host, EVERY_MILLISECONDS, guard->due, guard->context);
	guard->descriptor = events_open();
	if (guard->descriptor >= 0)
		guard->events = agent->watch_descriptor(guard->host, guard->descriptor, events_ready, guard);
}

void guard_stop(struct guard *guard)
{
	const struct nx_agent_services *agent = guard->services->agent;

	agent->watch_end(guard->every);
	agent->watch_end(guard->events);
	agent->watch_end(guard->settle);
	guard->every = guard->events = guard->settle = NULL;
	if (guard->descriptor >= 0)
		close(guard->descriptor);
	guard->descriptor = -1;
}
