/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the members to the peers that this host should have. Pure: it asks the
 * relay policy and judges the answer, but touches nothing outside, and needs no
 * privilege. The cost of planning one member follows that member.
 */
#ifndef NX_AGENT_PLAN_PLAN_H
#define NX_AGENT_PLAN_PLAN_H

#include "agent/plan/guard.h"
#include "agent/plan/members.h"

/* More child prefixes than this are not routed through one relay. */
#define NX_CARRIED_LIMIT 65536u

struct nx_plan_scratch; /* room that plans use in turn */

/* What one member should be to this host. */
struct nx_wanted {
	enum nx_path path;
	struct nx_prefix *prefixes; /* ascending, none twice */
	size_t prefix_count;
	size_t prefix_room;
	struct nx_endpoint endpoints[NX_ENDPOINTS_LIMIT]; /* to be tried in this order */
	size_t endpoint_count;
	uint16_t keepalive_seconds;
	const char *refusal;	  /* why a prefix is left out, for a person; NULL: none is */
	struct nx_prefix refused; /* the first of them … */
	size_t refused_count;	  /* … that are left out */
};

struct nx_planner {
	const struct nx_capabilities *capabilities;
	const struct nx_members *members;
	bool known;		  /* this host's own record is known */
	struct nx_record *record; /* this host, as the server has it */
	struct nx_member self;	  /* the same, as far as this host can do it */
	struct nx_member_family *self_families, *self_seconds;
	const char *
		*self_refusals; /* of each family: why this host does not take part in it; NULL: it does */
	const char **second_refusals; /* the same of second addresses */
	struct nx_entry **relays;     /* all but this host, ascending by id */
	size_t relay_count;
	struct nx_entry *relay;	     /* in use; NULL: none, or this host itself */
	struct nx_entry *relay_next; /* that it moves to as soon as the others know of it; NULL: none */
	char relay_left[NX_DEVICE_ID_TEXT]; /* it did not answer, and others have not heard yet; "": none */
	bool relay_is_self;
	size_t detours; /* members that are no spokes, and reached through a relay all the same */
	struct nx_guard guard;
	struct nx_trust trust;
	struct nx_plan_scratch *scratch;
};

/* Both outlive the planner. */
void nx_planner_init(struct nx_planner *planner, const struct nx_capabilities *capabilities,
		     const struct nx_members *members);
void nx_planner_release(struct nx_planner *planner);
/*
 * Learn this host's own record (taken; NULL: what the families can do has changed,
 * the record has not). Answers whether anything differs for plans.
 */
bool nx_planner_set_self(struct nx_planner *planner, struct nx_record *record);
/* What no tunnel route may swallow. Taken, and left empty. Answers whether it differs from before. */
bool nx_planner_guard(struct nx_planner *planner, struct nx_guard *guard);
/*
 * Look over all members: who relays, which relay is this host's, and which relay carries whom. `doubtful` is
 * told each member whose plan may differ now.
 */
void nx_planner_survey(struct nx_planner *planner, void (*doubtful)(void *context, struct nx_entry *entry),
		       void *context);
/* The entry is about to go: forget it. The next survey makes good what is missing then. */
void nx_planner_forget(struct nx_planner *planner, struct nx_entry *entry);
/* The id of the relay that this host has, or moves to, where others would not find it by themselves; ""
 * otherwise. */
void nx_planner_via(const struct nx_planner *planner, char via[static NX_DEVICE_ID_TEXT]);
/* Plan one member. `out` is reused from call to call; nx_wanted_release() at the end. After
 * a failure it is as after nx_wanted_none(). */
enum nx_status nx_plan_member(const struct nx_planner *planner, const struct nx_member *member,
			      struct nx_wanted *out, struct nx_error *error);
void nx_wanted_none(struct nx_wanted *wanted); /* no peer; keeps the room */
void nx_wanted_release(struct nx_wanted *wanted);

/* Is the prefix the member's own tunnel address? */
bool nx_member_owns(const struct nx_member *member, const struct nx_prefix *prefix);

#endif
