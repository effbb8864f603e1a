/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Agent capability "family/<family>": one address family on this host. It owns
 * the family's address and routes on the driver's interface and answers whether
 * the host can do the family at all.
 *
 * All functions run on the agent's one thread. They talk to the kernel through
 * the host's netlink service, which waits for the kernel's answer only.
 */
#ifndef NEXODUS_FAMILY_H
#define NEXODUS_FAMILY_H

#include <nexodus/address.h>
#include <nexodus/diagnosis.h>
#include <nexodus/error.h>
#include <nexodus/json.h>

/* What a device record says of this family, parsed and checked. */
struct nx_member_family {
	bool present;		       /* the device has an address of this family and can use it */
	struct nx_address address;     /* its tunnel address */
	struct nx_prefix organization; /* masked */
	struct nx_endpoint endpoint;   /* where its tunnel is reached in its own network; port 0: not known */
	struct nx_endpoint mapped;     /* where the outside sees it (RFC 8489); port 0: not known */
	bool public;		       /* `endpoint` is an address of the public Internet */
};

/* What this host says of the family. */
struct nx_family_self {
	size_t size;
	bool supported;		     /* the host can do the family */
	struct nx_endpoint endpoint; /* as in struct nx_member_family */
	/*
	 * Likewise. An address without a port: there is none that others could use. No address either:
	 * nothing is known, and what was told before stands.
	 */
	struct nx_endpoint mapped;
	struct nx_address requested; /* asked for at registration; length 0: none */
};

/* What an echo request carries there, and its reply back (RFC 792, RFC 4443 §4). */
struct nx_echo {
	uint16_t identifier;
	uint16_t sequence;
	uint8_t token[16]; /* only who was asked can know it */
};

struct nx_family_ops {
	size_t size;
	const char *label;	  /* for messages: "IPv4", "IPv6" */
	uint8_t address_length;	  /* bytes of an address of this family */
	uint16_t tunnel_overhead; /* bytes of outer IP header of this family's underlay */

	/* Can this host do the family now? `reason` says why not, for a person. */
	bool (*supported)(void *instance, char reason[static 160]);
	/*
	 * Read a device record. An absent family is NX_OK with `present` false.
	 * NX_INVALID: the record would take over this host's traffic or makes no
	 * sense (a server is not to be trusted); the caller leaves the device out.
	 */
	enum nx_status (*read)(void *instance, const struct nx_json *device, struct nx_member_family *out,
			       struct nx_error *error);
	/*
	 * May this host route the network, masked, to a member that says it is behind it?
	 * NX_INVALID says why not: the server is not to be trusted to have asked. NX_DENIED: only
	 * if its operator says so, for it is as wide as a part of the Internet.
	 */
	enum nx_status (*network_check)(void *instance, const struct nx_prefix *network,
					struct nx_error *error);
	/* Write what this host says of the family as fields of its device record. */
	void (*describe_self)(void *instance, const struct nx_family_self *self,
			      struct nx_json_writer *writer);
	/*
	 * Make `self` the only address of ours of this family on the interface
	 * (`present` false: none), and nothing else. Answers NX_UNSUPPORTED when the
	 * kernel refuses the family.
	 */
	enum nx_status (*address_apply)(void *instance, int interface_index,
					const struct nx_member_family *self, struct nx_error *error);
	/* Our routes on the interface, as the kernel has them now. */
	enum nx_status (*routes_observe)(void *instance, int interface_index,
					 void (*each)(void *context, const struct nx_prefix *prefix),
					 void *context, struct nx_error *error);
	/*
	 * Add and remove routes in as few sends as fit; `source` is this host's address.
	 * A route to add that stands already on the interface gets that source; one to
	 * remove may be gone: neither is a failure. NX_CONFLICT, with words for a person: all is done but for
	 * prefixes that the host routes elsewhere, which must be left as they are.
	 */
	enum nx_status (*routes_apply)(void *instance, int interface_index, const struct nx_address *source,
				       const struct nx_prefix *add, size_t add_count,
				       const struct nx_prefix *remove, size_t remove_count,
				       struct nx_error *error);
	/* The address this host would use to reach `remote`, so as to tell peers. */
	bool (*source_address)(void *instance, const struct nx_address *remote, struct nx_address *out);
	/* What is wrong here as far as the family is concerned (diagnosis.h); may be NULL. */
	void (*diagnose)(void *instance, const struct nx_diagnosis *diagnosis);
	/* Bytes of the largest packet that an interface must take to carry the family; 0: no matter. */
	uint16_t mtu_minimum;
	/* The largest packet that goes from this host towards `remote` in one piece, as far as its own routes
	 * and links say, and what it was told of the path. False: there is no way there. May be NULL. */
	bool (*path_mtu)(void *instance, const struct nx_address *remote, uint32_t *out);
	/*
	 * Echoes through the tunnel's interface, which tell how long packets to a member take and how many
	 * get lost. All three or none (NULL).
	 *
	 * A descriptor that never blocks and can be watched for replies; the caller's to close(). NX_DENIED:
	 * no right to it; NX_UNAVAILABLE: no interface, or the kernel refuses for another reason.
	 */
	enum nx_status (*echo_open)(void *instance, int *descriptor, struct nx_error *error);
	/* False: the request could not leave. */
	bool (*echo_send)(void *instance, int descriptor, const struct nx_address *remote,
			  const struct nx_echo *echo);
	/* Take the next reply, whoever it is from and whatever it carries. False: there is none left. */
	bool (*echo_receive)(void *instance, int descriptor, struct nx_address *from, struct nx_echo *out);

	/* --- since 1.2; both or none (NULL): hosts of a family without them cannot be renumbered without
	 * loss --- */

	/*
	 * Read what a device record says of a second address: `address` and `organization` alone. It may be
	 * the first one again, in another prefix. As `read`; called for records that have a first one.
	 */
	enum nx_status (*read_second)(void *instance, const struct nx_json *device,
				      struct nx_member_family *out, struct nx_error *error);
	/*
	 * As `address_apply`, with a second address beside the first, of which the host makes no use where it
	 * has the choice. Neither is taken away, if only for a moment, when they change places.
	 */
	enum nx_status (*addresses_apply)(void *instance, int interface_index,
					  const struct nx_member_family *self,
					  const struct nx_member_family *second, struct nx_error *error);
};

#endif
