/* SPDX-License-Identifier: Apache-2.0 */
/* The plans of a relay policy: pure, within their room, and together what one tunnel can hold. */
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "check/random.h"
#include "check/relay_mesh.h"

#define PREFIX_ROOM 256
#define CANARY 0xa5

struct planned {
	struct nx_peer_plan plan;
	struct nx_prefix prefixes[PREFIX_ROOM];
};

static bool plan_ask(struct check *check, const struct nx_mesh *mesh, const struct nx_member *member,
		     size_t room, struct planned *out)
{
	const struct nx_relay_ops *ops = check->capability->ops;
	struct journal_call *call = journal_begin(check->journal, "plan", NULL);

	memset(out, 0, sizeof(*out));
	memset(out->prefixes, CANARY, sizeof(out->prefixes));
	out->plan = (struct nx_peer_plan){
		.size = sizeof(out->plan), .prefixes = out->prefixes, .prefix_room = room};
	call->status = ops->plan(check->capability->provider->instance, mesh, member, &out->plan);
	call->done = true;
	if (call->status)
		return check_fail(check, "expected a plan for %s, found %s", member->id,
				  nx_status_name(call->status));
	return true;
}

static bool room_judge(struct check *check, const struct planned *planned, size_t room)
{
	const unsigned char *behind = (const unsigned char *)(planned->prefixes + room);

	for (size_t i = 0; i < (PREFIX_ROOM - room) * sizeof(struct nx_prefix); i++) {
		if (behind[i] != CANARY)
			return check_fail(
				check,
				"expected at most %zu prefixes in the caller's array, found that it "
				"was written behind them",
				room);
	}
	if (planned->plan.prefix_room != room || planned->plan.prefixes != planned->prefixes)
		return check_fail(
			check,
			"expected that the caller's array and its room stay as they are, found others");
	return true;
}

static bool plan_fit(struct check *check, const struct planned *planned)
{
	const struct nx_peer_plan *plan = &planned->plan;

	if ((unsigned int)plan->path > NX_PATH_PROBE)
		return check_fail(check, "expected a path from %d to %d, found %d", NX_PATH_NONE,
				  NX_PATH_PROBE, (int)plan->path);
	if (plan->endpoint_count > NX_ENDPOINTS_LIMIT)
		return check_fail(check, "expected at most %d endpoints, found %zu", NX_ENDPOINTS_LIMIT,
				  plan->endpoint_count);
	for (size_t i = 0; i < plan->endpoint_count; i++) {
		if (!plan->endpoints[i].port || !plan->endpoints[i].address.length)
			return check_fail(check,
					  "expected endpoints with address and port, found one without");
	}
	for (size_t i = 0; i < plan->prefix_count && i < plan->prefix_room; i++) {
		struct nx_prefix masked = nx_prefix_mask(&plan->prefixes[i]);

		if (nx_prefix_compare(&masked, &plan->prefixes[i]) != 0)
			return check_fail(check, "expected prefixes without host bits, found one with some");
	}
	if ((plan->path == NX_PATH_NONE || plan->path == NX_PATH_PROBE) && plan->prefix_count)
		return check_fail(check, "expected no prefixes on a path that carries nothing, found %zu",
				  plan->prefix_count);
	return true;
}

static bool plans_same(const struct planned *a, const struct planned *b)
{
	const struct nx_peer_plan *left = &a->plan, *right = &b->plan;

	if (left->path != right->path || left->prefix_count != right->prefix_count ||
	    left->endpoint_count != right->endpoint_count ||
	    left->keepalive_seconds != right->keepalive_seconds ||
	    !check_bytes_same(a->prefixes, b->prefixes, sizeof(a->prefixes)))
		return false;
	for (size_t i = 0; i < left->endpoint_count; i++) {
		if (nx_endpoint_compare(&left->endpoints[i], &right->endpoints[i]) != 0)
			return false;
	}
	return true;
}

/* The same input gives the same plan, is left alone, and the caller's room is kept to. */
static bool plan_judge(struct check *check, struct mesh_world *world, const struct nx_mesh *mesh,
		       const struct nx_member *member, struct planned *out)
{
	static struct mesh_world before;
	static struct planned again, narrow;
	const struct nx_mesh given = *mesh;
	size_t room;

	memcpy(&before, world, sizeof(before));
	if (!plan_ask(check, mesh, member, PREFIX_ROOM, out) ||
	    !plan_ask(check, mesh, member, PREFIX_ROOM, &again) || !plan_fit(check, out))
		return false;
	if (!plans_same(out, &again))
		return check_fail(check, "expected the same plan for %s twice, found another", member->id);
	if (out->plan.prefix_count > PREFIX_ROOM)
		return check_fail(check, "expected at most %d prefixes of %zu members, found %zu",
				  PREFIX_ROOM, world->count, out->plan.prefix_count);
	room = random_below(&check->random, out->plan.prefix_count + 1);
	if (!plan_ask(check, mesh, member, room, &narrow) || !room_judge(check, &narrow, room))
		return false;
	if (narrow.plan.prefix_count != out->plan.prefix_count)
		return check_fail(
			check,
			"expected the number of prefixes that are needed, %zu, though there is room for "
			"%zu, found %zu",
			out->plan.prefix_count, room, narrow.plan.prefix_count);
	if (!check_bytes_same(&before, world, sizeof(before)) ||
	    !check_bytes_same(&given, mesh, sizeof(given)))
		return check_fail(check,
				  "expected that the mesh is left as it is, found that plan() wrote to it");
	return true;
}

/* The tunnel takes a prefix's packets from one peer only. */
static bool prefixes_apart(struct check *check, const struct planned *planned, struct nx_prefix *seen,
			   size_t *count)
{
	char text[NX_ADDRESS_TEXT];
	size_t others = *count;

	for (size_t i = 0; i < planned->plan.prefix_count; i++) {
		for (size_t k = 0; k < others; k++) {
			if (nx_prefix_compare(&planned->prefixes[i], &seen[k]) == 0)
				return check_fail(check, "expected each prefix at one peer, found %s at two",
						  nx_prefix_format(&seen[k], text));
		}
		seen[(*count)++] = planned->prefixes[i];
	}
	return true;
}

static bool host_plan(struct check *check, struct mesh_world *world, size_t self)
{
	static struct nx_prefix seen[MESH_MEMBERS * PREFIX_ROOM];
	static struct planned planned;
	struct nx_mesh mesh = mesh_view(check, world, self);
	size_t count = 0;

	for (size_t i = 0; i < world->count; i++) {
		const struct nx_member *member = &world->members[i].member;

		if (i == self)
			continue;
		mesh_carry(check, world, &mesh, member);
		if (!plan_judge(check, world, &mesh, member, &planned) ||
		    !prefixes_apart(check, &planned, seen, &count))
			return false;
	}
	return true;
}

void relay_check_plan(struct check *check)
{
	static struct mesh_world world;
	bool good = true;

	for (uint64_t i = 0; good && i < mesh_rounds(check); i++) {
		mesh_make(check, &world);
		for (size_t self = 0; good && self < world.count; self++)
			good = host_plan(check, &world, self);
	}
}
