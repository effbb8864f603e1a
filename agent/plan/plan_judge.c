/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "agent/plan/plan_inside.h"
#include "base/address.h"

static bool facts_overlap(const struct nx_member_family *facts, const struct nx_prefix *prefix)
{
	return facts->present && nx_prefix_overlaps(&facts->organization, prefix);
}

/* Inside the mesh's own prefixes of its family there is room for tunnel addresses only. */
static bool child_in_mesh(const struct nx_planner *planner, const struct nx_prefix *child)
{
	for (size_t i = 0; i < planner->self.family_count; i++) {
		if (facts_overlap(&planner->self.families[i], child) ||
		    facts_overlap(&planner->self.seconds[i], child))
			return true;
	}
	return false;
}

static int prefix_order(const void *a, const void *b)
{
	return nx_prefix_compare(a, b);
}

static size_t prefixes_sort(struct nx_prefix *prefixes, size_t count)
{
	size_t kept = 0;

	if (count)
		qsort(prefixes, count, sizeof(*prefixes), prefix_order);
	for (size_t i = 0; i < count; i++) {
		if (!kept || nx_prefix_compare(&prefixes[kept - 1], &prefixes[i]) != 0)
			prefixes[kept++] = prefixes[i];
	}
	return kept;
}

static bool facts_own(const struct nx_member_family *facts, const struct nx_address *address)
{
	return facts->present && nx_address_compare(&facts->address, address) == 0;
}

bool nx_member_owns(const struct nx_member *member, const struct nx_prefix *prefix)
{
	if (prefix->bits != 8 * prefix->address.length)
		return false;
	for (size_t i = 0; i < member->family_count; i++) {
		if (facts_own(&member->families[i], &prefix->address) ||
		    facts_own(&member->seconds[i], &prefix->address))
			return true;
	}
	return false;
}

static bool family_present(const struct nx_member *member, uint8_t length)
{
	for (size_t i = 0; i < member->family_count; i++) {
		if (member->families[i].present && member->families[i].address.length == length)
			return true;
	}
	return false;
}

static bool member_advertises(const struct nx_member *member, const struct nx_prefix *prefix)
{
	for (size_t i = 0; i < member->child_prefix_count; i++) {
		if (nx_prefix_compare(&member->child_prefixes[i], prefix) == 0)
			return true;
	}
	return false;
}

bool nx_plan_facts_are_of(const struct nx_member_family *facts, const struct nx_prefix *organization)
{
	return facts->present && nx_prefix_compare(&facts->organization, organization) == 0;
}

static bool prefix_is_organization(const struct nx_planner *planner, const struct nx_prefix *prefix)
{
	for (size_t i = 0; i < planner->self.family_count; i++) {
		if (nx_plan_facts_are_of(&planner->self.families[i], prefix) ||
		    nx_plan_facts_are_of(&planner->self.seconds[i], prefix))
			return true;
	}
	return false;
}

/* A network behind a member, or an address that is none of the mesh's. */
static const char *outside_refusal(const struct nx_planner *planner, const struct nx_member *member,
				   const struct nx_prefix *prefix)
{
	if (nx_member_owns(member, prefix) && !member_advertises(member, prefix))
		return "it is no address of the organization's prefix";
	if (!nx_plan_width_fit(planner, prefix))
		return "it is as wide as a part of the Internet (accept-networks would allow it)";
	return NULL;
}

/*
 * What a server may not make this host route into the tunnel: everything, its own
 * address, its own outside networks, or the mesh's addresses under the name of a
 * network behind a member. NULL: it may.
 */
static const char *prefix_refusal(const struct nx_planner *planner, const struct nx_member *member,
				  const struct nx_prefix *prefix)
{
	if (prefix->bits == 0)
		return "it is a default route";
	if (nx_member_owns(&planner->self, prefix))
		return "it is this host's own tunnel address";
	const char *refusal = nx_guard_refusal(&planner->guard, &planner->trust, prefix);

	if (refusal)
		return refusal;
	if (!child_in_mesh(planner, prefix))
		return outside_refusal(planner, member, prefix);
	if (nx_member_owns(member, prefix))
		return NULL;
	if (member->standing.relay &&
	    (nx_plan_address_carried(planner, prefix) ||
	     (prefix_is_organization(planner, prefix) && !member_advertises(member, prefix))))
		return NULL;
	return "it overlaps the organization's own prefix";
}

void nx_plan_judge_prefixes(const struct nx_planner *planner, const struct nx_member *member,
			    struct nx_wanted *wanted)
{
	size_t kept = 0;

	for (size_t i = 0; i < wanted->prefix_count; i++) {
		struct nx_prefix prefix = nx_prefix_mask(&wanted->prefixes[i]);

		if (!family_present(&planner->self, prefix.address.length))
			continue;
		const char *refusal = prefix_refusal(planner, member, &prefix);

		if (!refusal) {
			wanted->prefixes[kept++] = prefix;
		} else if (!wanted->refused_count++) {
			wanted->refusal = refusal;
			wanted->refused = prefix;
		}
	}
	wanted->prefix_count = prefixes_sort(wanted->prefixes, kept);
}

static bool facts_hold(const struct nx_member_family *facts, const struct nx_address *address)
{
	return facts->present && nx_prefix_contains(&facts->organization, address);
}

bool nx_plan_mesh_holds(const struct nx_planner *planner, const struct nx_address *address)
{
	for (size_t i = 0; i < planner->self.family_count; i++) {
		if (facts_hold(&planner->self.families[i], address) ||
		    facts_hold(&planner->self.seconds[i], address))
			return true;
	}
	return false;
}

/* The tunnel's own packets must not go through the tunnel, nor to this host itself. */
static bool endpoint_fit(const struct nx_planner *planner, const struct nx_endpoint *endpoint)
{
	if (nx_guard_is_own(&planner->guard, &endpoint->address))
		return false;
	return !nx_plan_mesh_holds(planner, &endpoint->address);
}

void nx_plan_judge_endpoints(const struct nx_planner *planner, const struct nx_peer_plan *plan,
			     struct nx_wanted *wanted)
{
	wanted->endpoint_count = 0;
	for (size_t i = 0; i < plan->endpoint_count && i < NX_ENDPOINTS_LIMIT; i++) {
		if (plan->endpoints[i].port && endpoint_fit(planner, &plan->endpoints[i]))
			wanted->endpoints[wanted->endpoint_count++] = plan->endpoints[i];
	}
}
