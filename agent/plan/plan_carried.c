/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "agent/plan/plan_inside.h"
#include "base/address.h"
#include "base/memory.h"

static int address_order(const void *a, const void *b)
{
	return nx_address_compare(a, b);
}

static void address_push(struct nx_plan_scratch *scratch, const struct nx_address *address)
{
	if (scratch->address_count == scratch->address_room) {
		scratch->address_room = scratch->address_room ? 2 * scratch->address_room : 16;
		scratch->addresses = nx_realloc_array(scratch->addresses, scratch->address_room,
						      sizeof(*scratch->addresses));
	}
	scratch->addresses[scratch->address_count++] = *address;
}

static void pair_push(struct nx_plan_scratch *scratch, const struct address_pair *pair)
{
	if (scratch->pair_count == scratch->pair_room) {
		scratch->pair_room = scratch->pair_room ? 2 * scratch->pair_room : 16;
		scratch->pairs =
			nx_realloc_array(scratch->pairs, scratch->pair_room, sizeof(*scratch->pairs));
	}
	scratch->pairs[scratch->pair_count++] = *pair;
}

/* Those of its second addresses that this host knows to be the organization's. */
static void pairs_push(const struct nx_planner *planner, const struct nx_member *member)
{
	for (size_t i = 0; i < member->family_count; i++) {
		const struct nx_member_family *first = &member->families[i], *second = &member->seconds[i];

		if (first->present && second->present && nx_plan_mesh_holds(planner, &second->address))
			pair_push(planner->scratch,
				  &(const struct address_pair){first->address, second->address});
	}
}

static void carried_push(const struct nx_planner *planner, const struct nx_member *member)
{
	struct nx_plan_scratch *scratch = planner->scratch;

	nx_plan_push(&scratch->carried, &scratch->carried_count, &scratch->carried_room, member);
	for (size_t i = 0; i < member->family_count; i++) {
		if (member->families[i].present)
			address_push(scratch, &member->families[i].address);
		if (member->seconds[i].present)
			address_push(scratch, &member->seconds[i].address);
	}
	pairs_push(planner, member);
}

static void carried_collect(const struct nx_planner *planner, const struct nx_entry *relay)
{
	struct nx_plan_scratch *scratch = planner->scratch;
	bool chosen = relay == planner->relay;
	size_t children = 0;

	for (const struct nx_entry *entry = nx_members_first(planner->members); entry;
	     entry = nx_members_next(entry)) {
		const struct nx_member *member = &entry->record->member;

		/* The organization's prefixes, which the chosen one has, hold the address. */
		if (entry->carrier != relay || (chosen && !member->child_prefix_count))
			continue;
		children += member->child_prefix_count;
		if (children <= NX_CARRIED_LIMIT)
			carried_push(planner, member);
	}
	if (scratch->address_count)
		qsort(scratch->addresses, scratch->address_count, sizeof(*scratch->addresses), address_order);
}

void nx_plan_carry(const struct nx_planner *planner, const struct nx_member *member)
{
	const struct nx_entry *relay = nx_plan_relay_entry(planner, member);

	planner->scratch->carried_count = planner->scratch->address_count = 0;
	planner->scratch->pair_count = 0;
	pairs_push(planner, member);
	if (relay)
		carried_collect(planner, relay);
	if (planner->scratch->pair_count)
		qsort(planner->scratch->pairs, planner->scratch->pair_count, sizeof(struct address_pair),
		      address_order);
}

bool nx_plan_address_carried(const struct nx_planner *planner, const struct nx_prefix *prefix)
{
	const struct nx_plan_scratch *scratch = planner->scratch;

	return prefix->bits == 8 * prefix->address.length && scratch->address_count &&
	       bsearch(&prefix->address, scratch->addresses, scratch->address_count,
		       sizeof(*scratch->addresses), address_order);
}

/* --- second addresses ---------------------------------------------------------------------------- */

static const struct address_pair *pair_find(const struct nx_plan_scratch *scratch,
					    const struct nx_prefix *prefix)
{
	if (!scratch->pair_count || prefix->bits != 8 * prefix->address.length)
		return NULL;
	/* The address comes first in a pair. */
	return bsearch(&prefix->address, scratch->pairs, scratch->pair_count, sizeof(*scratch->pairs),
		       address_order);
}

static void wanted_push(struct nx_wanted *wanted, const struct nx_prefix *prefix)
{
	if (wanted->prefix_count == wanted->prefix_room) {
		wanted->prefix_room = 2 * wanted->prefix_room + 4;
		wanted->prefixes =
			nx_realloc_array(wanted->prefixes, wanted->prefix_room, sizeof(*wanted->prefixes));
	}
	wanted->prefixes[wanted->prefix_count++] = *prefix;
}

void nx_plan_add_seconds(const struct nx_planner *planner, struct nx_wanted *wanted)
{
	size_t planned = wanted->prefix_count;

	for (size_t i = 0; i < planned; i++) {
		const struct nx_prefix prefix = wanted->prefixes[i];
		const struct address_pair *pair = pair_find(planner->scratch, &prefix);

		if (pair)
			wanted_push(wanted, &(const struct nx_prefix){pair->second, prefix.bits});
		for (size_t j = 0; j < planner->self.family_count; j++) {
			if (nx_plan_facts_are_of(&planner->self.families[j], &prefix) &&
			    planner->self.seconds[j].present)
				wanted_push(wanted, &planner->self.seconds[j].organization);
		}
	}
}
