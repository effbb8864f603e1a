/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent halves of the families share: reading device records, and the address and the routes of the
 * family on the tunnel's interface. The functions are those of `struct nx_family_ops`; all run on the agent's
 * one thread.
 *
 * Everything we make in the kernel carries our protocol number (IPAM_PROTOCOL), and nothing without it is
 * changed or removed. Kernels before 5.18 keep no such number on addresses: there the interface, which is
 * ours, has our addresses alone (and link-local ones).
 */
#ifndef IPAM_AGENT_H
#define IPAM_AGENT_H

#include <nexodus/agent.h>
#include <nexodus/family.h>

#include "plugins/ipam/family.h"

/* rtm_protocol of our routes and IFA_PROTO of our addresses; `ip route show proto 158` shows them. */
enum { IPAM_PROTOCOL = 158 };

/* Echoes in the family's ICMP: their types, and whether the kernel hands out the IP header with them. */
struct ipam_echo_types {
	uint8_t protocol; /* IPPROTO_ICMP, IPPROTO_ICMPV6 */
	uint8_t request, reply;
	bool header;
};

/* How a family's objects look in the kernel. */
struct ipam_kernel {
	uint8_t af;
	/*
	 * The address carries its organization's prefix length, and the kernel makes the route to that prefix
	 * from it. Otherwise the address stands alone (/32), and that route is one like the others.
	 */
	bool on_link;
	uint8_t address_flags; /* IFA_F_… */
	uint8_t route_scope;   /* RT_SCOPE_… */
	uint32_t route_metric; /* 0: leave it to the kernel */
	bool route_source;     /* routes name the source address */
	struct ipam_echo_types echo;
};

/* An address, and a second one while the organization is renumbered. */
enum { IPAM_ADDRESSES = 2 };

/* On link: a prefix that the kernel routes because of an address of ours (length 0: none), and whether it was
 * asked for as a route as well, so that it is seen to stand. */
struct ipam_connected {
	struct nx_prefix prefix;
	bool wanted;
};

struct ipam_agent {
	const struct ipam_family *family;
	const struct ipam_kernel *kernel;
	struct nx_host *host;
	const struct nx_services *services;
	bool tags_kept; /* the kernel keeps IFA_PROTO */
	struct ipam_connected connected[IPAM_ADDRESSES];
};

/* `load` and `unload` of a family. */
enum nx_status ipam_agent_load(const struct ipam_family *family, const struct ipam_kernel *kernel,
			       struct nx_host *host, const struct nx_services *services, void **instance,
			       struct nx_error *error);
void ipam_agent_unload(void *instance);

enum nx_status ipam_record_read(void *instance, const struct nx_json *device, struct nx_member_family *out,
				struct nx_error *error);
enum nx_status ipam_record_read_second(void *instance, const struct nx_json *device,
				       struct nx_member_family *out, struct nx_error *error);
enum nx_status ipam_record_network_check(void *instance, const struct nx_prefix *network,
					 struct nx_error *error);
void ipam_record_describe(void *instance, const struct nx_family_self *self, struct nx_json_writer *writer);
enum nx_status ipam_address_apply(void *instance, int interface_index, const struct nx_member_family *self,
				  struct nx_error *error);
enum nx_status ipam_addresses_apply(void *instance, int interface_index, const struct nx_member_family *self,
				    const struct nx_member_family *second, struct nx_error *error);
enum nx_status ipam_routes_observe(void *instance, int interface_index,
				   void (*each)(void *context, const struct nx_prefix *prefix), void *context,
				   struct nx_error *error);
enum nx_status ipam_routes_apply(void *instance, int interface_index, const struct nx_address *source,
				 const struct nx_prefix *add, size_t add_count,
				 const struct nx_prefix *remove, size_t remove_count, struct nx_error *error);
bool ipam_source_address(void *instance, const struct nx_address *remote, struct nx_address *out);
bool ipam_path_mtu(void *instance, const struct nx_address *remote, uint32_t *out);

enum nx_status ipam_echo_open(void *instance, int *descriptor, struct nx_error *error);
bool ipam_echo_send(void *instance, int descriptor, const struct nx_address *remote,
		    const struct nx_echo *echo);
bool ipam_echo_receive(void *instance, int descriptor, struct nx_address *from, struct nx_echo *out);
/* A reply as a raw socket hands it out, in `length` bytes. False: it is none. */
bool ipam_echo_read(const struct ipam_echo_types *types, const uint8_t *packet, size_t length,
		    struct nx_echo *out);

#endif
