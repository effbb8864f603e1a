/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of planning have in common: planner.c knows this host and the mesh, plan_carried.c gathers
 * what one relay carries and whose addresses are two, plan_judge.c says what of a plan may be, and plan.c
 * asks the relay policy and puts it together.
 */
#ifndef NX_AGENT_PLAN_PLAN_INSIDE_H
#define NX_AGENT_PLAN_PLAN_INSIDE_H

#include "agent/plan/plan.h"

/* A host that is being renumbered. */
struct address_pair {
	struct nx_address first; /* the key */
	struct nx_address second;
};

/* Of one plan at a time; grows, and is kept. */
struct nx_plan_scratch {
	const struct nx_member **relays; /* this host included, ascending by id */
	size_t relay_count, relay_room;
	const struct nx_member **carried;
	size_t carried_count, carried_room;
	struct nx_address *addresses; /* of those that are carried, ascending */
	size_t address_count, address_room;
	struct address_pair *pairs; /* of who is planned and of those that are carried, ascending */
	size_t pair_count, pair_room;
};

/* --- planner.c --- */

/* May a network be as wide, or must the operator of this host have said so? */
bool nx_plan_width_fit(const struct nx_planner *planner, const struct nx_prefix *network);
/* What the relay policy is shown. Its list of relays is the scratch's. */
struct nx_mesh nx_plan_mesh(const struct nx_planner *planner);
/* The relay of that record; NULL: it is none. */
struct nx_entry *nx_plan_relay_entry(const struct nx_planner *planner, const struct nx_member *member);
void nx_plan_push(const struct nx_member ***list, size_t *count, size_t *room,
		  const struct nx_member *member);

/* --- plan_carried.c --- */

/* Fill the scratch for a plan of the member: whom it carries, and who of them has second addresses. */
void nx_plan_carry(const struct nx_planner *planner, const struct nx_member *member);
/* Is the prefix an address of one that the scratch has as carried? */
bool nx_plan_address_carried(const struct nx_planner *planner, const struct nx_prefix *prefix);
/* While the organization is renumbered, what leads to a host's first address leads to its second one too, and
 * what leads to the organization's prefix leads to the other one. */
void nx_plan_add_seconds(const struct nx_planner *planner, struct nx_wanted *wanted);

/* --- plan_judge.c --- */

bool nx_plan_facts_are_of(const struct nx_member_family *facts, const struct nx_prefix *organization);
/* Is it an address of the organization's, as this host knows its prefixes? */
bool nx_plan_mesh_holds(const struct nx_planner *planner, const struct nx_address *address);
/* Leave what this host may route to the member; the rest is refused, and why. */
void nx_plan_judge_prefixes(const struct nx_planner *planner, const struct nx_member *member,
			    struct nx_wanted *wanted);
void nx_plan_judge_endpoints(const struct nx_planner *planner, const struct nx_peer_plan *plan,
			     struct nx_wanted *wanted);

#endif
