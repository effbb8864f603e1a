/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the kernel's answer to WG_CMD_GET_DEVICE (see <linux/wireguard.h>). */
#ifndef NX_WIREGUARD_KERNEL_DUMP_H
#define NX_WIREGUARD_KERNEL_DUMP_H

#include "device.h"

struct nlmsghdr;

/*
 * Fold one message of the dump into the device; a peer that is spread over several
 * messages comes together again. `available` says how many bytes the message's
 * memory holds, whatever its header claims. False: malformed, or no memory; the
 * device then holds what was read before.
 */
bool wg_dump_read(struct wg_device *device, const struct nlmsghdr *message, size_t available);

#endif
