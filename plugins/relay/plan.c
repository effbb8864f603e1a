/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/relay/plan.h"

#include <stddef.h>

#include "plugins/relay/choice.h"
#include "plugins/relay/endpoint.h"

enum { SPOKE_KEEPALIVE_SECONDS = 5 };

/* Can both carry the family at this place of the mesh's order? */
static bool family_carried(const struct nx_member *a, const struct nx_member *b, size_t family)
{
	return family < a->family_count && family < b->family_count && a->families[family].present &&
	       b->families[family].present;
}

/* Can both carry addresses of this length? */
static bool length_carried(const struct nx_member *a, const struct nx_member *b, uint8_t length)
{
	for (size_t i = 0; i < a->family_count; i++) {
		if (family_carried(a, b, i) && a->families[i].address.length == length)
			return true;
	}
	return false;
}

/* Counts on past the end of the room, so that the caller learns how much is needed. */
static void prefix_put(struct nx_peer_plan *plan, const struct nx_prefix *prefix)
{
	if (plan->prefix_count < plan->prefix_room)
		plan->prefixes[plan->prefix_count] = *prefix;
	plan->prefix_count++;
}

static void addresses_put(struct nx_peer_plan *plan, const struct nx_member *self,
			  const struct nx_member *member)
{
	for (size_t i = 0; i < member->family_count; i++) {
		const struct nx_address *address = &member->families[i].address;
		if (family_carried(self, member, i))
			prefix_put(plan, &(struct nx_prefix){*address, (uint8_t)(address->length * 8)});
	}
}

/* As far as the relay can carry them. */
static void carried_addresses_put(struct nx_peer_plan *plan, const struct nx_member *self,
				  const struct nx_member *relay, const struct nx_member *member)
{
	for (size_t i = 0; i < member->family_count; i++) {
		const struct nx_address *address = &member->families[i].address;
		if (family_carried(self, member, i) && family_carried(self, relay, i))
			prefix_put(plan, &(struct nx_prefix){*address, (uint8_t)(address->length * 8)});
	}
}

static void organizations_put(struct nx_peer_plan *plan, const struct nx_member *self,
			      const struct nx_member *relay)
{
	for (size_t i = 0; i < self->family_count; i++) {
		if (family_carried(self, relay, i))
			prefix_put(plan, &self->families[i].organization);
	}
}

static void children_put(struct nx_peer_plan *plan, const struct nx_member *self,
			 const struct nx_member *member, const struct nx_prefix *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (length_carried(self, member, prefixes[i].address.length))
			prefix_put(plan, &prefixes[i]);
	}
}

/*
 * Which way leads to the member. A spoke sends everything through its relay, and only that relay talks to it
 * directly; other relays and it keep a tunnel without traffic, so that it can move at once. Two hosts that
 * cannot reach each other go on trying.
 */
static enum nx_path path_choose(const struct nx_mesh *mesh, const struct nx_member *member)
{
	const struct nx_member *self = mesh->self;

	if (relay_carrier(mesh, member)) {
		if (self->standing.spoke)
			return member->standing.relay ? NX_PATH_PROBE : NX_PATH_NONE;
		return self->standing.relay || !member->standing.spoke ? NX_PATH_PROBE : NX_PATH_NONE;
	}
	if (member->standing.relay)
		return NX_PATH_RELAY;
	/* Without a relay a spoke is reached by nobody. */
	if ((self->standing.spoke || member->standing.spoke) && !self->standing.relay)
		return NX_PATH_NONE;
	return NX_PATH_DIRECT;
}

/* What the relay carries for others. Addresses that its organization prefixes hold need no word of their own.
 */
static void carried_put(const struct nx_mesh *mesh, const struct nx_member *relay, bool chosen,
			struct nx_peer_plan *plan)
{
	for (size_t i = 0; i < mesh->carried_count; i++) {
		const struct nx_member *member = mesh->carried[i];

		if (!chosen)
			carried_addresses_put(plan, mesh->self, relay, member);
		children_put(plan, mesh->self, relay, member->child_prefixes, member->child_prefix_count);
	}
}

static void prefixes_plan(const struct nx_mesh *mesh, const struct nx_member *member,
			  struct nx_peer_plan *plan)
{
	const struct nx_member *self = mesh->self;
	bool chosen = relay_member_same(mesh->relay, member);

	/* A spoke has the organization's prefixes and nothing in them: one route, however many hosts. */
	if (!chosen || !self->standing.spoke)
		addresses_put(plan, self, member);
	if (chosen)
		organizations_put(plan, self, member);
	if (plan->path == NX_PATH_RELAY)
		carried_put(mesh, member, chosen, plan);
	children_put(plan, self, member, member->child_prefixes, member->child_prefix_count);
}

/* Where a spoke can move to another relay, it is to notice soon that it must. */
static uint16_t keepalive_choose(const struct nx_mesh *mesh, const struct nx_member *member, uint16_t seconds)
{
	bool spoke = mesh->self->standing.spoke || member->standing.spoke;

	return spoke && mesh->relay_count > 1 && seconds > SPOKE_KEEPALIVE_SECONDS ? SPOKE_KEEPALIVE_SECONDS
										   : seconds;
}

/* A host from before there were tunnels that learn nothing has none. */
static bool endpoints_fixed(const struct nx_mesh *mesh)
{
	return mesh->size >= offsetof(struct nx_mesh, endpoints_fixed) + sizeof(mesh->endpoints_fixed) &&
	       mesh->endpoints_fixed;
}

void relay_plan(const struct nx_mesh *mesh, const struct nx_member *member, uint16_t keepalive_seconds,
		struct nx_peer_plan *out)
{
	out->path = path_choose(mesh, member);
	out->prefix_count = 0;
	out->endpoint_count = 0;
	out->keepalive_seconds = 0;
	if (out->path == NX_PATH_NONE)
		return;
	if (out->path != NX_PATH_PROBE) {
		prefixes_plan(mesh, member, out);
		if (!out->prefix_count) {
			out->path = NX_PATH_NONE; /* no family that both can carry */
			return;
		}
	}
	out->keepalive_seconds = keepalive_choose(mesh, member, keepalive_seconds);
	/* A spoke comes to its relay, from wherever it is, if the tunnel notices. */
	if (!member->standing.spoke || endpoints_fixed(mesh))
		relay_endpoints(mesh->self, member, out);
}
