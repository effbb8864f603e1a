/* SPDX-License-Identifier: Apache-2.0 */
/* What of our peers the kernel has at one moment (RTM_GETNEIGH, <linux/neighbour.h>). */
#ifndef VX_SNAPSHOT_H
#define VX_SNAPSHOT_H

#include "instance.h"

/* Marks our neighbour entries (NDA_PROTOCOL): the kernel makes others by itself, for multicast. */
enum { VX_PROTOCOL = 88 };

/* Where frames to an Ethernet address go. */
struct vx_way {
	struct vx_mac mac;
	int underlay;
	bool bridged;		     /* the bridge has it … */
	bool sent;		     /* … and the VXLAN device */
	struct nx_endpoint endpoint; /* of the latter */
};

struct vx_neighbour {
	struct nx_address address;
	struct vx_mac mac;
	bool permanent;
};

struct vx_snapshot {
	const struct vx_driver *driver;
	struct vx_way *ways; /* ascending */
	size_t way_count, way_room;
	struct vx_neighbour *neighbours; /* ascending */
	size_t neighbour_count, neighbour_room;
	bool no_memory;
};

enum nx_status vx_snapshot_take(const struct vx_driver *driver, struct vx_snapshot *out,
				struct nx_error *error);
void vx_snapshot_release(struct vx_snapshot *snapshot);

const struct vx_way *vx_snapshot_way(const struct vx_snapshot *snapshot, const struct vx_mac *mac,
				     int underlay);
const struct vx_neighbour *vx_snapshot_neighbour(const struct vx_snapshot *snapshot,
						 const struct nx_address *address);

#endif
