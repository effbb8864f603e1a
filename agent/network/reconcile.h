/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what should be to what is: the members' plans against what the driver and
 * the families have, and the smallest set of operations between the two.
 *
 * A change marks its member; nx_reconcile_apply() plans the marked ones and sends
 * the difference. nx_reconcile_observe() reads back what the tunnel and the
 * routing tables hold, adopts it, and changes only what differs: at start, and
 * whenever the host may have been changed behind our back. After a failure what
 * is applied is unknown, and only another nx_reconcile_observe() makes it known.
 */
#ifndef NX_AGENT_NETWORK_RECONCILE_H
#define NX_AGENT_NETWORK_RECONCILE_H

#include "agent/plan/claims.h"
#include "agent/plan/plan.h"

#define NX_CONFLICT_TEXT 320u

struct nx_reconcile {
	const struct nx_capabilities *capabilities;
	struct nx_members *members;
	struct nx_planner planner;
	struct nx_claims claims;
	struct nx_interface_request request;
	struct nx_interface interface;
	uint16_t usual_port; /* asked for again when the request leaves the port open; 0: none */
	bool up;	     /* the interface is there */
	bool unsure;	     /* what is applied is not known */
	bool routes_stale;   /* routes that stand must be written again: their source has changed */
	/* Words of a family whose routes the host has others for; "" for none. Known anew after each look. */
	char route_conflict[NX_CONFLICT_TEXT];
	bool refused; /* a family turned out not to be usable; the owner clears it */

	/* What this host itself says it forwards to: the record alone, another's word, does not open it. */
	const struct nx_prefix *offered;
	size_t offered_count;
	bool offered_known; /* false: the record is believed */

	bool survey; /* the mesh is to be looked over before the next plan */
	bool replan_all;
	struct nx_entry *dirty; /* waits for its plan */
	struct nx_wanted wanted;
	struct nx_entry **changed; /* planned in this round, perhaps to be told to the driver */
	size_t changed_count, changed_room;
	char **strangers; /* keys that the tunnel has and no member */
	size_t stranger_count, stranger_room;

	bool forward_told;
	bool forward_relay;
	struct nx_prefix *forward_children;
	size_t forward_child_count;
};

/* `request` and what it points to must outlive the reconcile. */
void nx_reconcile_init(struct nx_reconcile *reconcile, struct nx_capabilities *capabilities,
		       struct nx_members *members, const struct nx_interface_request *request);
void nx_reconcile_release(struct nx_reconcile *reconcile);

/* Bring the interface up, so that its port is known: on its usual one if that can be had. Peers and routes
 * stay as they are. */
enum nx_status nx_reconcile_start(struct nx_reconcile *reconcile, struct nx_error *error);
/* The size of the tunnel's packets from now on; 0: the driver's default. */
enum nx_status nx_reconcile_resize(struct nx_reconcile *reconcile, uint32_t mtu, struct nx_error *error);
/* This host's own record (taken), or NULL when what the families can do has changed. */
void nx_reconcile_set_self(struct nx_reconcile *reconcile, struct nx_record *record);
/* What of this host no route may take (taken). */
void nx_reconcile_guard(struct nx_reconcile *reconcile, struct nx_guard *guard);
/* A member is new or has another record; `effect` as nx_members_put() answered. */
void nx_reconcile_mark(struct nx_reconcile *reconcile, struct nx_entry *entry, unsigned effect);
/* The direct way to a member has become what `direct` says, or another of its endpoints is to be tried. */
void nx_reconcile_way(struct nx_reconcile *reconcile, struct nx_entry *entry, enum nx_direct direct);
/* A member is to go: it is taken out of the table and freed when its peer is gone. */
void nx_reconcile_forget(struct nx_reconcile *reconcile, struct nx_entry *entry);

/* Plan what is marked and send the difference. Does nothing before self is known. */
enum nx_status nx_reconcile_apply(struct nx_reconcile *reconcile, struct nx_error *error);
/* Look at everything, then apply. Brings the interface back when it is gone. */
enum nx_status nx_reconcile_observe(struct nx_reconcile *reconcile, struct nx_error *error);
/* Try for a moment what the kernel has refused before. Answers true when a family is usable by that, which
 * nx_reconcile_set_self() has then to be told of. */
bool nx_reconcile_retry(struct nx_reconcile *reconcile);
/* Take routes, forwarding and interface away. */
void nx_reconcile_down(struct nx_reconcile *reconcile);

#endif
