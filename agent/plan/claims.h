/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has which prefix. A prefix leads to one peer only, so two members that ask
 * for the same one must be told apart, and always in the same way: a member's own
 * address goes before a network that somebody advertises, then the lower id wins.
 * A claim also remembers whether its route is installed.
 *
 * All prefixes together may hold no more than a 64th of a family's addresses: that is more than there are
 * for private use, and many networks, each of which is small enough, do not add up to a default route.
 */
#ifndef NX_AGENT_PLAN_CLAIMS_H
#define NX_AGENT_PLAN_CLAIMS_H

#include "agent/plan/members.h"

struct nx_claim {
	struct nx_prefix prefix; /* the key: unused bytes are 0 */
	uint64_t width;		 /* that counts of it, as long as it has an owner */
	uint8_t rank;		 /* of the owner's claim: 0 its own address, 1 anything else */
	bool installed;		 /* the route stands */
	bool stale;		 /* it stands, but must be written again */
	bool contested;		 /* somebody else asked for it too */
	bool touched;		 /* is in the list of those to look at */
	struct nx_entry *owner;	 /* NULL: nobody, the route is to go */
	struct nx_claim *next_touched;
	UT_hash_handle hh;
};

struct nx_claims {
	struct nx_claim *table;
	struct nx_claim *touched;
	bool reopened; /* a contested prefix, or width, became free: all members are to be asked again */
	bool crowded;  /* a prefix was refused for want of width */
	uint64_t width[NX_ADDRESS_BYTES + 1]; /* of what has an owner, by length of address */
};

enum nx_claim_result {
	NX_CLAIM_TAKEN,
	NX_CLAIM_LOST, /* to somebody with a better right */
	NX_CLAIM_WIDE, /* with it the mesh would be too large a part of all addresses */
};

void nx_claims_clear(struct nx_claims *claims);
/* May the entry have the prefix? When it is taken from a weaker owner, that one is
 * answered in `loser` (otherwise NULL) and must be planned again. `accepted`: by the operator of this host,
 * so that its width does not count. */
enum nx_claim_result nx_claims_take(struct nx_claims *claims, struct nx_entry *entry,
				    const struct nx_prefix *prefix, bool accepted, struct nx_entry **loser);
/* Nothing happens when the entry does not own it. */
void nx_claims_give(struct nx_claims *claims, const struct nx_entry *entry, const struct nx_prefix *prefix);
/* The kernel has this route. `stale`: it must be written again. */
void nx_claims_observe(struct nx_claims *claims, const struct nx_prefix *prefix, bool stale);
/*
 * The routes to add and to remove for one family, by length of address. Arrays are
 * the caller's to free. nx_claims_settle() follows when all families are applied.
 */
struct nx_route_changes {
	struct nx_prefix *add, *remove;
	size_t add_count, remove_count;
};
void nx_claims_routes(const struct nx_claims *claims, uint8_t length, struct nx_route_changes *out);
void nx_route_changes_release(struct nx_route_changes *changes);
void nx_claims_settle(struct nx_claims *claims);

#endif
