/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink requests, gathered and sent through the host, and what an errno of the kernel means. */
#ifndef VX_MESSAGE_H
#define VX_MESSAGE_H

#include <libmnl/libmnl.h>

#include "instance.h"

enum { VX_BATCH_BYTES = 16384, VX_MESSAGE_BYTES = 512 };

/* Whole requests, one behind the other. Starts as {.length = 0}. */
struct vx_batch {
	union {
		struct nlmsghdr align;
		uint8_t bytes[VX_BATCH_BYTES];
	};
	size_t length;
};

/*
 * Begin a request with `head_length` bytes of `head` (an ifinfomsg, an ndmsg …) behind its header; attributes
 * may follow, up to VX_MESSAGE_BYTES in all, before it is ended.
 */
struct nlmsghdr *vx_message_begin(struct vx_batch *batch, uint16_t type, uint16_t flags, const void *head,
				  size_t head_length);
void vx_message_end(struct vx_batch *batch, const struct nlmsghdr *message);
/* Is there no room for another request? */
bool vx_batch_full(const struct vx_batch *batch);

/*
 * Send what was gathered and empty the batch. That something to be removed is gone already is no failure; the
 * first real one is told as "<what>: <the kernel's words>".
 */
enum nx_status vx_batch_send(const struct vx_driver *driver, struct vx_batch *batch, const char *what,
			     struct nx_error *error);

#endif
