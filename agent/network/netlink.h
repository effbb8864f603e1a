/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Netlink requests and answers (RFC 3549, <linux/netlink.h>): one socket of one
 * protocol, used by one thread. A request waits for the kernel's answer, which
 * the kernel makes while it takes the request; a bound of seconds is for the case
 * that it does not.
 *
 * Every length is checked before it is used: libmnl's own check accepts lengths
 * of 2^31 and above.
 */
#ifndef NX_AGENT_NETWORK_NETLINK_H
#define NX_AGENT_NETWORK_NETLINK_H

#include <linux/netlink.h>
#include <nexodus/agent.h>
#include <stdint.h>

#include "base/error.h"

/* The kernel never sends more at once to a reader with this much room. */
#define NX_NETLINK_ROOM 65536u

struct nx_netlink;

enum nx_status nx_netlink_open(int protocol, struct nx_netlink **out, struct nx_error *error);
void nx_netlink_close(struct nx_netlink *netlink); /* NULL is fine */
/* The socket's own address: what the kernel puts into events that this socket caused. */
uint32_t nx_netlink_port(const struct nx_netlink *netlink);

/* As `netlink` of struct nx_agent_services. */
enum nx_status nx_netlink_request(struct nx_netlink *netlink, void *messages, size_t length,
				  const struct nx_netlink_handler *handler, struct nx_error *error);

/* What an errno of the kernel means. */
enum nx_status nx_netlink_status(int error);

/*
 * Walk over received messages: the one at *offset, which is moved behind it. NULL
 * at the end, and (with *damaged set) when what is there is no whole message.
 */
const struct nlmsghdr *nx_netlink_next(const void *data, size_t length, size_t *offset, bool *damaged);
/*
 * Receive one datagram from the kernel: its length in *length. NX_UNAVAILABLE: none
 * within the socket's time limit, or events were lost (ENOBUFS; *lost set).
 * Datagrams of other senders are dropped. NX_INVALID: longer than `room`.
 */
enum nx_status nx_netlink_receive(int descriptor, void *buffer, size_t room, size_t *length, bool *lost,
				  struct nx_error *error);

#endif
