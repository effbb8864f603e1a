/* SPDX-License-Identifier: Apache-2.0 */
#include "check/relay_mesh.h"

#include <stdio.h>
#include <string.h>

#include "check/random.h"

static const struct nx_prefix organizations[MESH_FAMILIES] = {
	{{4, {10, 64}}, 16},
	{{16, {0xfd, 0, 0x12, 0x34}}, 64},
};

/* An address of a family that ends in two bytes of one's choice. */
static struct nx_address address_like(const struct nx_prefix *prefix, uint8_t high, uint8_t low)
{
	struct nx_address address = prefix->address;

	address.bytes[address.length - 2] = high;
	address.bytes[address.length - 1] = low;
	return address;
}

static void family_make(uint64_t *random, struct mesh_member *member, size_t family, size_t number)
{
	static const struct nx_prefix underlay[MESH_FAMILIES] = {
		{{4, {192, 0, 2}}, 24},
		{{16, {0x20, 0x01, 0x0d, 0xb8}}, 64},
	};
	struct nx_member_family *out = &member->families[family];

	if (random_below(random, 6) == 0)
		return;
	out->present = true;
	out->organization = organizations[family];
	out->address = address_like(&organizations[family], 1, (uint8_t)(number + 1));
	if (random_below(random, 3))
		out->endpoint = (struct nx_endpoint){
			address_like(&underlay[family], 2, (uint8_t)(number + 1)), 51820};
	if (random_below(random, 3))
		out->mapped = (struct nx_endpoint){
			address_like(&underlay[family], 2, (uint8_t)(number + 101)), 40000};
	out->public = out->endpoint.port && random_below(random, 2);
}

static void children_make(uint64_t *random, struct mesh_member *member, size_t number)
{
	size_t count = random_below(random, 2) ? 0 : random_below(random, MESH_CHILDREN + 1);

	for (size_t i = 0; i < count; i++) {
		if (random_below(random, 2))
			member->children[i] =
				(struct nx_prefix){{4, {172, 16, (uint8_t)number, (uint8_t)(i << 6)}}, 26};
		else
			member->children[i] =
				(struct nx_prefix){{16, {0xfd, 1, 0, (uint8_t)number, 0, (uint8_t)i}}, 48};
	}
	member->member.child_prefixes = member->children;
	member->member.child_prefix_count = count;
}

static void member_make(uint64_t *random, struct mesh_world *world, size_t number)
{
	struct mesh_member *member = &world->members[number];
	uint64_t role = random_below(random, 6);

	snprintf(member->id, sizeof(member->id), "%02zx%06llx-0000-7000-8000-000000000000", number,
		 (unsigned long long)random_below(random, 1u << 24));
	for (size_t i = 0; i < MESH_FAMILIES; i++)
		family_make(random, member, i, number);
	member->member.id = member->member.hostname = member->member.public_key = member->id;
	member->member.families = member->families;
	member->member.family_count = MESH_FAMILIES;
	member->member.standing.relay = role < 2;
	member->member.standing.spoke = role == 2;
	member->member.standing.draining = role == 1 && random_below(random, 2);
	children_make(random, member, number);
	if (member->member.standing.relay)
		world->relays[world->relay_count++] = &member->member;
}

/* Some have chosen a relay that others would not find. */
static void via_make(uint64_t *random, struct mesh_world *world, struct nx_member *member)
{
	if (!world->relay_count || member->standing.relay || random_below(random, 2))
		return;
	memcpy(member->standing.via, world->relays[random_below(random, world->relay_count)]->id,
	       NX_DEVICE_ID_TEXT);
}

void mesh_make(struct check *check, struct mesh_world *out)
{
	uint64_t *random = &check->random;

	memset(out, 0, sizeof(*out));
	out->count = 2 + random_below(random, MESH_MEMBERS - 1);
	for (size_t i = 0; i < out->count; i++)
		member_make(random, out, i);
	for (size_t i = 0; i < out->count; i++) {
		via_make(random, out, &out->members[i].member);
		for (size_t k = 0; k < i; k++)
			out->direct[i][k] = out->direct[k][i] = (enum nx_direct)random_below(random, 3);
	}
}

static const struct nx_member *relay_choose(const struct check *check, const struct mesh_world *world,
					    const struct nx_member *host)
{
	const struct nx_relay_ops *ops = check->capability->ops;
	const struct nx_member *best = NULL;

	if (host->standing.relay)
		return host;
	for (size_t i = 0; i < world->relay_count; i++) {
		const struct nx_member *relay = world->relays[i];

		if (strcmp(relay->id, host->standing.via) == 0)
			return relay;
		if (!best || ops->prefer(check->capability->provider->instance, host, relay, best))
			best = relay;
	}
	return best;
}

struct nx_mesh mesh_view(struct check *check, struct mesh_world *world, size_t self)
{
	for (size_t i = 0; i < world->count; i++)
		world->members[i].member.direct = world->direct[self][i];
	return (struct nx_mesh){
		.size = sizeof(struct nx_mesh),
		.self = &world->members[self].member,
		.relay = relay_choose(check, world, &world->members[self].member),
		.relays = world->relays,
		.relay_count = world->relay_count,
	};
}

void mesh_carry(struct check *check, struct mesh_world *world, struct nx_mesh *mesh,
		const struct nx_member *member)
{
	const struct nx_relay_ops *ops = check->capability->ops;

	mesh->carried = world->carried;
	mesh->carried_count = 0;
	for (size_t i = 0; member->standing.relay && i < world->count; i++) {
		const struct nx_member *other = &world->members[i].member;

		if (other == mesh->self || other == member)
			continue;
		if (ops->carrier(check->capability->provider->instance, mesh, other) == member)
			world->carried[mesh->carried_count++] = other;
	}
}

uint64_t mesh_rounds(const struct check *check)
{
	return check->options->operations / 500 + 20;
}
