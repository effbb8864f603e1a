/* SPDX-License-Identifier: Apache-2.0 */
/* The agent half's state. Everything here runs on the agent's one thread. */
#ifndef VX_INSTANCE_H
#define VX_INSTANCE_H

#include <net/if.h>

#include <nexodus/agent.h>
#include <nexodus/driver.h>
#include <nexodus/plugin.h>

#include "key.h"
#include "table.h"

/*
 * UDP 8, VXLAN 8, Ethernet 14: a packet grows by these and the outer IP header, of which the family
 * plugins know. 1500 bytes of Ethernet less that and an IPv6 header is the default.
 */
enum { VX_OVERHEAD = 30, VX_DEFAULT_MTU = 1500 - 40 - VX_OVERHEAD, VX_DEFAULT_PORT = 4789 };

/* Which family the underlay has: a VXLAN device sends in one alone. */
enum { VX_OVER_IPV4 = 0, VX_OVER_IPV6 = 1, VX_UNDERLAYS = 2 };

/* A bridge, which has the mesh's name and addresses, and a VXLAN device in it for each underlay. */
struct vx_tunnel {
	char name[IF_NAMESIZE];
	int index;		 /* of the bridge; 0: none is up */
	int ports[VX_UNDERLAYS]; /* of the VXLAN devices; 0: this kernel cannot do that underlay */
	uint16_t listen_port;
};

struct vx_driver {
	struct nx_host *host;
	const struct nx_services *services;
	uint32_t vni;
	struct vx_mac mac; /* ours, once the interface is up */
	struct vx_tunnel tunnel;
	struct vx_table table; /* the peers that the agent has told */
	int events;	       /* a netlink socket on which the kernel asks (events.h); -1: closed */
	struct nx_watch *watch;
};

#endif
