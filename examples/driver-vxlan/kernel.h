/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peers as the kernel has them, and how they are made to be as the table says:
 *
 *	forwarding entries	a peer's Ethernet address → where it is in the underlay (bridge(8), fdb)
 *	neighbour entries	an address of the mesh → the Ethernet address of the peer that takes it
 *
 * A prefix that is one address has a permanent neighbour entry. For those of others the kernel asks when it
 * has something to send there, and forgets the answer when it is of no use any more.
 */
#ifndef VX_KERNEL_H
#define VX_KERNEL_H

#include "instance.h"
#include "message.h"

/* Take up peers that an interface from before this program has, and tell of all that the kernel has. */
enum nx_status vx_kernel_observe(struct vx_driver *driver,
				 void (*each)(void *context, const struct nx_peer *peer), void *context,
				 struct nx_error *error);
/* Change what differs from the table, and nothing else. */
enum nx_status vx_kernel_apply(struct vx_driver *driver, struct nx_error *error);

/* Say in the batch that the address is the peer's: for ever, or for as long as it is used. */
void vx_neighbour_put(const struct vx_driver *driver, struct vx_batch *batch,
		      const struct nx_address *address, const struct vx_mac *mac, bool permanent);

#endif
