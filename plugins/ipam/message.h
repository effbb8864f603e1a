/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Route netlink messages: building many into one send, and reading what the kernel answers with every length
 * checked (rtnetlink(7), <linux/if_addr.h>, <linux/rtnetlink.h>).
 */
#ifndef IPAM_MESSAGE_H
#define IPAM_MESSAGE_H

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "plugins/ipam/agent.h"

/*
 * A send is at most this long. It holds some 120 routes; many more, and the kernel's answers, one for each,
 * could overflow the default receive buffer.
 */
enum { MESSAGE_ROOM = 8192 };

struct message_batch {
	_Alignas(struct nlmsghdr) char data[MESSAGE_ROOM];
	size_t length;
};

/* Is there room for one more message of this family (none is longer than an IPv6 route)? */
bool message_fits(const struct message_batch *batch);
/* Begin a message with `header_size` bytes of zeroed family header. `message_end` counts it in. */
struct nlmsghdr *message_begin(struct message_batch *batch, uint16_t type, uint16_t flags,
			       size_t header_size);
void message_end(struct message_batch *batch, const struct nlmsghdr *message);
void message_put_address(struct nlmsghdr *message, uint16_t type, const struct nx_address *address);

/* The message's family header, or NULL when the message is shorter. */
const void *message_header(const struct nlmsghdr *message, size_t header_size);
/*
 * The attributes after the family header of a message that has one, by type up to `maximum`; others are left
 * out, as is everything from the first one on whose length is wrong. The last of a type counts; an absent one
 * stays NULL.
 */
void message_attributes(const struct nlmsghdr *message, size_t header_size, const struct nlattr **attributes,
			uint16_t maximum);
/* Read an attribute whose length is exactly right; false otherwise, and when it is absent (NULL). */
bool message_read_address(const struct nlattr *attribute, uint8_t length, struct nx_address *out);
bool message_read_u32(const struct nlattr *attribute, uint32_t *out);
bool message_read_u8(const struct nlattr *attribute, uint8_t *out);

/* Is this errno the kernel's way to say that it does not do the family? */
bool message_unsupported(int number);
/* Put a refused request into `error`: NX_UNSUPPORTED where the kernel does not do the family. */
enum nx_status message_refused(const struct ipam_agent *agent, const char *what,
			       const struct nx_prefix *prefix, int number, const char *text,
			       struct nx_error *error);

#endif
