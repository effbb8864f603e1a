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

/* How a host stands to relaying, read from its device record. */
struct nx_relay_standing {
	bool relay; /* forwards for others */
	bool spoke; /* is reached through a relay only */
};

/* A device of the organization, as agent plugins see it. */
struct nx_member {
	const char *id;
	const char *hostname;
	const char *public_key;
	struct nx_relay_standing standing;
	const struct nx_member_family *families; /* `family_count` of them, in the mesh's order */
	size_t family_count;
	const struct nx_prefix *child_prefixes; /* what it advertises, any family, checked */
	size_t child_prefix_count;
};

/* The organization as far as one member's plan depends on it. */
struct nx_mesh {
	size_t size;
	const struct nx_member *self;
	const struct nx_member *relay; /* the chosen relay; NULL when there is none, may be `self` */
	/*
	 * The child prefixes that `self` reaches through the relay, the relay's own left out:
	 * of all other members when `self` is a spoke, of the spokes when it is neither a spoke
	 * nor the relay, none when it is the relay or when there is none. Any family; the
	 * agent's core fills this by what `standing` says of each member.
	 */
	const struct nx_prefix *relayed_child_prefixes;
	size_t relayed_child_prefix_count;
};

enum nx_path {
	NX_PATH_NONE = 0,   /* no peer of ours: reached through the relay, or not at all */
	NX_PATH_DIRECT = 1, /* a peer of ours */
	NX_PATH_RELAY = 2,  /* a peer of ours that also carries traffic for others */
};

/* What one member means to this host. Arrays belong to the caller, which offers
 * `prefix_room` places; a plan that needs more answers the number it needs. */
struct nx_peer_plan {
	size_t size;
	enum nx_path path;
	struct nx_prefix *prefixes; /* allowed IPs; each is routed as well */
	size_t prefix_room;
	size_t prefix_count;
	struct nx_endpoint endpoint; /* port 0: none known, wait for the peer */
	uint16_t keepalive_seconds;  /* 0: off */
};

struct nx_relay_ops {
	size_t size;
	/* Read the device record's fields that belong to relaying. */
	void (*standing)(void *instance, const struct nx_json *device, struct nx_relay_standing *out);
	/* Write this host's own wishes (flags, configuration) into its registration. */
	void (*describe_self)(void *instance, struct nx_json_writer *writer);
	/* Is `a` to be preferred to `b` as the organization's relay? Total order. */
	bool (*prefer)(void *instance, const struct nx_member *a, const struct nx_member *b);
	/*
	 * Pure: plan one other member. The cost follows that member, not the mesh,
	 * but for the relay itself, which also gets the relayed child prefixes.
	 * Prefixes of families that either side cannot carry are left out.
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
};

#endif
