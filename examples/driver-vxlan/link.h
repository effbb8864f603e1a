/* SPDX-License-Identifier: Apache-2.0 */
/* Network devices: the bridge and the VXLAN devices in it, found, made, set and removed (rtnetlink(7)). */
#ifndef VX_LINK_H
#define VX_LINK_H

#include "instance.h"

struct vx_link {
	int index;
	int master; /* the bridge that it is in; 0: none */
	uint32_t mtu;
	bool up;
	char kind[16]; /* "" for a device that is not virtual */
	struct vx_mac mac;
	uint32_t vni;  /* of a VXLAN device … */
	uint16_t port; /* … and its UDP port */
};

/* NX_NOT_FOUND: there is none of that name. */
enum nx_status vx_link_find(const struct vx_driver *driver, const char *name, struct vx_link *out,
			    struct nx_error *error);

/* A bridge with our Ethernet address, from the first moment on: by that it is known again. */
enum nx_status vx_bridge_make(const struct vx_driver *driver, const char *name, struct nx_error *error);
/* A VXLAN device in the bridge `master`, for an underlay of IPv4 or IPv6. */
enum nx_status vx_port_make(const struct vx_driver *driver, const char *name, int master, int underlay,
			    uint16_t port, struct nx_error *error);

/* Give the device its MTU and set it up. */
enum nx_status vx_link_settle(const struct vx_driver *driver, int index, uint32_t mtu,
			      struct nx_error *error);
/* A port of the bridge neither learns nor floods, and never sends to another port. */
enum nx_status vx_port_settle(const struct vx_driver *driver, int index, struct nx_error *error);
/*
 * The bridge has no addresses but those that the mesh gives, takes no host of it for a router, and does not
 * ask the mesh who has one: the kernel asks this program (events.h). A family that is switched off has
 * nothing to be set.
 */
enum nx_status vx_bridge_settle(const struct vx_driver *driver, const char *name, int index,
				struct nx_error *error);
enum nx_status vx_link_delete(const struct vx_driver *driver, int index, struct nx_error *error);

#endif
