/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capability "relay/<policy>": who may relay, who is relayed by whom, and what
 * a host that relays must do to its forwarding and firewall.
 *
 * Server half: `struct nx_relay_server_ops`, called on any worker thread, must
 * not block. Agent half: `struct nx_relay_ops`, called on the agent's one
 * thread.
 */
#ifndef NEXODUS_RELAY_H
#define NEXODUS_RELAY_H

#include <nexodus/diagnosis.h>
#include <nexodus/driver.h>
#include <nexodus/error.h>
#include <nexodus/family.h>
#include <nexodus/json.h>

struct nx_relay_server_ops {
	size_t size;
	/*
	 * Judge a device as it would stand after a POST or PATCH (all of its fields
	 * as JSON). NX_INVALID or NX_DENIED with `error->field` set refuses it.
	 */
	enum nx_status (*device_check)(void *instance, const struct nx_json *device, struct nx_error *error);
};

/* --- agent ---------------------------------------------------------------- */

/* A device's id as text, final NUL included. */
#define NX_DEVICE_ID_TEXT 37

/* How a host stands to relaying, read from its device record. */
struct nx_relay_standing {
	bool relay;    /* forwards for others */
	bool spoke;    /* is reached through a relay only */
	bool draining; /* a relay that is about to stop: its hosts leave it as soon as they can */
	char via[NX_DEVICE_ID_TEXT]; /* the relay it says it has chosen; "": the one that `prefer` finds */
};

/* What this host has found of the direct way to a member. */
enum nx_direct {
	NX_DIRECT_UNKNOWN = 0, /* nothing yet: it is being tried, or nothing can be tried */
	NX_DIRECT_WORKS = 1,
	NX_DIRECT_FAILS = 2,
};

/* A device of the organization, as agent plugins see it. */
struct nx_member {
	const char *id;
	const char *hostname;
	const char *public_key;
	struct nx_relay_standing standing;
	enum nx_direct direct;
	const struct nx_member_family *families; /* `family_count` of them, in the mesh's order */
	size_t family_count;
	const struct nx_prefix *child_prefixes; /* what it advertises, any family, checked */
	size_t child_prefix_count;
	/*
	 * Since 1.2. Second addresses, while the organization is renumbered: as many, in the same order.
	 * Policies need not look at them: what they plan for an address or an organization's prefix is
	 * planned for the second one too.
	 */
	const struct nx_member_family *seconds;
};

/* The organization as far as one member's plan depends on it. */
struct nx_mesh {
	size_t size;
	const struct nx_member *self;
	const struct nx_member *relay;	       /* that `self` has chosen; `self` when it relays; NULL: none */
	const struct nx_member *const *relays; /* all of them, `self` included, ascending by id */
	size_t relay_count;
	/*
	 * For the plan of a relay: the members that it carries for `self`, by what `carrier`
	 * says of each. A member without child prefixes whose address is in the organization's
	 * prefixes may be left out where the relay is the chosen one.
	 */
	const struct nx_member *const *carried;
	size_t carried_count;
	/*
	 * Since 1.1. The tunnel does not learn where a peer is (NX_DRIVER_NO_ROAMING): a plan without
	 * endpoints is one that never works.
	 */
	bool endpoints_fixed;
};

enum nx_path {
	NX_PATH_NONE = 0,   /* no peer of ours: reached through a relay, or not at all */
	NX_PATH_DIRECT = 1, /* a peer of ours */
	NX_PATH_RELAY = 2,  /* a peer of ours that also carries traffic for others */
	NX_PATH_PROBE = 3,  /* a peer of ours without prefixes: only to know whether it can be reached */
};

/* Of both families, in their own network and as the outside sees them. */
#define NX_ENDPOINTS_LIMIT 4

/* What one member means to this host. Arrays belong to the caller, which offers
 * `prefix_room` places; a plan that needs more answers the number it needs. */
struct nx_peer_plan {
	size_t size;
	enum nx_path path;
	struct nx_prefix *prefixes; /* allowed IPs; each is routed as well */
	size_t prefix_room;
	size_t prefix_count;
	struct nx_endpoint endpoints[NX_ENDPOINTS_LIMIT]; /* to be tried in this order … */
	size_t endpoint_count;				  /* … 0: none is known, wait for the peer */
	uint16_t keepalive_seconds;			  /* 0: off */
};

/* How this host is seen from outside, over all families. */
enum nx_nat {
	NX_NAT_UNKNOWN = 0,
	NX_NAT_NONE = 1,	/* its own address and port are seen, or can be in one family */
	NX_NAT_INDEPENDENT = 2, /* endpoint-independent mapping (RFC 4787): can be hole-punched */
	NX_NAT_SYMMETRIC = 3,	/* address- or port-dependent mapping, and no other family to do better */
};

/* What the agent has found out, as far as a relay policy tells others of it. */
struct nx_relay_self {
	size_t size;
	enum nx_nat nat;
	bool draining; /* the operator wants this relay's hosts to move away */
	/* The relay that this host has chosen, where others would not find it by `prefer`; "" otherwise. */
	char via[NX_DEVICE_ID_TEXT];
};

struct nx_relay_ops {
	size_t size;
	/* Read the device record's fields that belong to relaying. */
	void (*standing)(void *instance, const struct nx_json *device, struct nx_relay_standing *out);
	/* Write this host's own wishes (flags, configuration) into its registration. A wish is told
	 * when it is new; what an administrator makes of the record later, stands. */
	void (*describe_wishes)(void *instance, struct nx_json_writer *writer);
	/* Write what is so whatever anybody wishes: the record follows it. */
	void (*describe_self)(void *instance, const struct nx_relay_self *self,
			      struct nx_json_writer *writer);
	/*
	 * Pure: would `host` rather have `a` than `b` as its relay? A total order for each
	 * host, the same wherever and whenever it is asked, so that nobody has to be told the
	 * outcome; a host that leaves its relay because that drains says so (`via`).
	 */
	bool (*prefer)(void *instance, const struct nx_member *host, const struct nx_member *a,
		       const struct nx_member *b);
	/*
	 * Pure: which relay carries what `mesh->self` and `member` send each other? One of
	 * `mesh->relays`, never `self`; NULL: none, they talk directly or not at all. Both ends
	 * answer alike, for a tunnel takes a host's packets from one peer only; but of two that
	 * are reached through a relay only, each names its own, and packets go over both.
	 */
	const struct nx_member *(*carrier)(void *instance, const struct nx_mesh *mesh,
					   const struct nx_member *member);
	/*
	 * Pure: plan one other member. The cost follows that member, not the mesh, but for a
	 * relay, which also gets the prefixes of those that it carries. Prefixes of families that
	 * either side cannot carry are left out.
	 */
	enum nx_status (*plan)(void *instance, const struct nx_mesh *mesh, const struct nx_member *member,
			       struct nx_peer_plan *out);
	/*
	 * This host is (`on`) or is no longer (`!on`) to forward traffic of the
	 * interface: for a relay between peers, for a host with child prefixes
	 * between peers and its own networks. Called once with the first plan after
	 * each start, even when the answer is no, and then whenever either answer or
	 * the list changes; idempotent; remembers on disk what it changed, so that
	 * the first call after a SIGKILL carries on or puts it back. `stop` puts
	 * everything back.
	 */
	enum nx_status (*forward)(void *instance, const char *interface, bool relay,
				  const struct nx_prefix *child_prefixes, size_t count,
				  struct nx_error *error);
	/* What is wrong here as far as forwarding is concerned (diagnosis.h); may be NULL. */
	void (*diagnose)(void *instance, const struct nx_diagnosis *diagnosis);
};

#endif
