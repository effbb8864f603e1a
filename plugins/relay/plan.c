/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/relay/plan.h"

#include <string.h>

static bool member_same(const struct nx_member *a, const struct nx_member *b)
{
	return a && b && strcmp(a->id, b->id) == 0;
}

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

/* The member's endpoint in the first family whose underlay both are on; else in the first that we could try.
 */
static struct nx_endpoint endpoint_choose(const struct nx_member *self, const struct nx_member *member)
{
	const struct nx_endpoint *second = NULL;

	for (size_t i = 0; i < member->family_count; i++) {
		const struct nx_endpoint *endpoint = &member->families[i].endpoint;
		if (!endpoint->port || !family_carried(self, member, i))
			continue;
		if (self->families[i].endpoint.port)
			return *endpoint;
		if (!second)
			second = endpoint;
	}
	return second ? *second : (struct nx_endpoint){0};
}

/* Which way leads to the member. A spoke knows its relay only, and only the relay knows a spoke. */
static enum nx_path path_choose(const struct nx_mesh *mesh, const struct nx_member *member)
{
	if (member_same(mesh->relay, member))
		return NX_PATH_RELAY;
	if (member_same(mesh->relay, mesh->self))
		return NX_PATH_DIRECT;
	return mesh->self->standing.spoke || member->standing.spoke ? NX_PATH_NONE : NX_PATH_DIRECT;
}

static void prefixes_plan(const struct nx_mesh *mesh, const struct nx_member *member,
			  struct nx_peer_plan *plan)
{
	const struct nx_member *self = mesh->self;

	/* A spoke has the organization's prefixes and nothing in them: one route, however many hosts. */
	if (plan->path == NX_PATH_DIRECT || !self->standing.spoke)
		addresses_put(plan, self, member);
	if (plan->path == NX_PATH_RELAY) {
		organizations_put(plan, self, member);
		children_put(plan, self, member, mesh->relayed_child_prefixes,
			     mesh->relayed_child_prefix_count);
	}
	children_put(plan, self, member, member->child_prefixes, member->child_prefix_count);
}

void relay_plan(const struct nx_mesh *mesh, const struct nx_member *member, uint16_t keepalive_seconds,
		struct nx_peer_plan *out)
{
	out->path = path_choose(mesh, member);
	out->prefix_count = 0;
	out->endpoint = (struct nx_endpoint){0};
	out->keepalive_seconds = 0;
	if (out->path == NX_PATH_NONE)
		return;
	prefixes_plan(mesh, member, out);
	if (!out->prefix_count) {
		out->path = NX_PATH_NONE; /* no family that both can carry */
		return;
	}
	/* A spoke comes to its relay, from wherever it is, and keeps that way open itself. */
	if (member->standing.spoke)
		return;
	out->endpoint = endpoint_choose(mesh->self, member);
	out->keepalive_seconds = keepalive_seconds;
}
