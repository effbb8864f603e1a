/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel asks and tells by itself.
 *
 * It asks who has an address of the mesh when it has a route for it into the interface and no neighbour
 * entry, because the address lies in a prefix that a relay or a router takes (arp(7), app_solicit). And it
 * tells when a device goes or is set down: the agent watches the mesh's interface, but knows nothing of the
 * devices in it.
 */
#ifndef VX_EVENTS_H
#define VX_EVENTS_H

#include "instance.h"

/* Listen from now on. Does nothing when that is so already. */
enum nx_status vx_events_begin(struct vx_driver *driver, struct nx_error *error);
void vx_events_end(struct vx_driver *driver);

#endif
