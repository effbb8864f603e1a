/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the agent half of "relay/…": that its decisions are pure, and those of two ends alike. */
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/memory.h"
#include "check/random.h"
#include "check/relay_mesh.h"

#define CANARY 0xa5

/* --- prefer ---------------------------------------------------------------------------------------- */

static bool prefers(struct check *check, const struct nx_member *host, const struct nx_member *a,
		    const struct nx_member *b)
{
	const struct nx_relay_ops *ops = check->capability->ops;
	struct journal_call *call = journal_begin(check->journal, "prefer", NULL);
	bool answer = ops->prefer(check->capability->provider->instance, host, a, b);

	call->done = true;
	return answer;
}

static bool pair_order(struct check *check, const struct nx_member *host, const struct nx_member *a,
		       const struct nx_member *b)
{
	bool answer = prefers(check, host, a, b);

	if (answer == prefers(check, host, b, a))
		return check_fail(
			check,
			"expected that a host prefers one of two relays, found that %s prefers %s of "
			"%s and %s",
			host->id, answer ? "each" : "none", a->id, b->id);
	return answer == prefers(check, host, a, b) ||
	       check_fail(check, "expected the same preference of %s twice, found another", host->id);
}

static bool order_judge(struct check *check, const struct mesh_world *world, const struct nx_member *host)
{
	for (size_t a = 0; a < world->relay_count; a++) {
		for (size_t b = 0; b < a; b++) {
			if (!pair_order(check, host, world->relays[a], world->relays[b]))
				return false;
		}
	}
	for (size_t i = 0; world->relay_count > 2 && i < 20; i++) {
		const struct nx_member *three[3];

		for (size_t k = 0; k < 3; k++)
			three[k] = world->relays[random_below(&check->random, world->relay_count)];
		if (three[0] != three[1] && three[1] != three[2] && three[0] != three[2] &&
		    prefers(check, host, three[0], three[1]) && prefers(check, host, three[1], three[2]) &&
		    !prefers(check, host, three[0], three[2]))
			return check_fail(check,
					  "expected a total order of relays for %s, found a circle of %s, %s "
					  "and %s",
					  host->id, three[0]->id, three[1]->id, three[2]->id);
	}
	return true;
}

static void check_prefer(struct check *check)
{
	static struct mesh_world world;
	bool good = true;

	for (uint64_t i = 0; good && i < mesh_rounds(check); i++) {
		mesh_make(check, &world);
		for (size_t self = 0; good && self < world.count; self++)
			good = order_judge(check, &world, &world.members[self].member);
	}
}

/* --- carrier ---------------------------------------------------------------------------------------- */

static const struct nx_member *carrier_of(struct check *check, struct mesh_world *world, size_t self,
					  size_t member)
{
	const struct nx_relay_ops *ops = check->capability->ops;
	struct nx_mesh mesh = mesh_view(check, world, self);
	struct journal_call *call = journal_begin(check->journal, "carrier", NULL);
	const struct nx_member *carrier =
		ops->carrier(check->capability->provider->instance, &mesh, &world->members[member].member);

	call->done = true;
	return carrier;
}

static bool is_relay(const struct mesh_world *world, const struct nx_member *member)
{
	for (size_t i = 0; i < world->relay_count; i++) {
		if (world->relays[i] == member)
			return true;
	}
	return false;
}

static bool ends_judge(struct check *check, struct mesh_world *world, size_t a, size_t b)
{
	const struct nx_member *from_a = carrier_of(check, world, a, b);
	const struct nx_member *from_b = carrier_of(check, world, b, a);
	const char *id_a = world->members[a].id, *id_b = world->members[b].id;

	if (from_a && (!is_relay(world, from_a) || from_a == &world->members[a].member))
		return check_fail(
			check,
			"expected one of the relays but not %s itself as what carries for it, found "
			"another member",
			id_a);
	/* Of two spokes each takes everything from its own relay, and those pass it on to each other. */
	if (from_a != from_b &&
	    !(world->members[a].member.standing.spoke && world->members[b].member.standing.spoke))
		return check_fail(check, "expected that %s and %s find the same carrier, found %s and %s",
				  id_a, id_b, from_a ? from_a->id : "none", from_b ? from_b->id : "none");
	return from_a == carrier_of(check, world, a, b) ||
	       check_fail(check, "expected the same carrier of %s and %s twice, found another", id_a, id_b);
}

static void check_carrier(struct check *check)
{
	static struct mesh_world world;
	bool good = true;

	for (uint64_t i = 0; good && i < mesh_rounds(check); i++) {
		mesh_make(check, &world);
		for (size_t a = 0; good && a < world.count; a++) {
			for (size_t b = 0; good && b < a; b++)
				good = ends_judge(check, &world, a, b);
		}
	}
}

/* --- records ------------------------------------------------------------------------------------------- */

/* What it says of this host it can read again. */
static void check_records(struct check *check)
{
	const struct nx_relay_ops *ops = check->capability->ops;
	void *instance = check->capability->provider->instance;
	const struct nx_relay_self self = {.size = sizeof(self), .nat = NX_NAT_SYMMETRIC};
	NX_AUTO_JSON struct nx_json *record = nx_json_object(), *empty = nx_json_object();
	struct nx_relay_standing standing, again;

	memset(&standing, CANARY, sizeof(standing));
	ops->standing(instance, empty, &standing);
	if (standing.relay || standing.spoke || standing.draining || standing.via[0]) {
		check_fail(
			check,
			"expected that a record without fields of relaying is a plain host's, found another");
		return;
	}
	ops->describe_wishes(instance, nx_json_writer(record));
	ops->describe_self(instance, &self, nx_json_writer(record));
	for (const struct nx_json *row = nx_json_first(record); row; row = nx_json_next(row))
		nx_json_put(empty, nx_json_name(row), nx_json_array()); /* none of them is one */
	memset(&standing, CANARY, sizeof(standing));
	memset(&again, CANARY, sizeof(again));
	ops->standing(instance, empty, &standing);
	ops->standing(instance, record, &again);
	if (!memchr(standing.via, '\0', sizeof(standing.via)) || !memchr(again.via, '\0', sizeof(again.via)))
		check_fail(check, "expected a relay's id or nothing in `via`, found a text without an end");
	else if (standing.relay && standing.spoke)
		check_fail(
			check,
			"expected that a record of nonsense is a plain host's, found both relay and spoke");
}

const struct check_case relay_agent_cases[] = {
	{"records", "records without relaying, and those it writes", check_records},
	{"prefer", "a total order of relays for each host", check_prefer},
	{"carrier", "both ends of a pair find the same relay", check_carrier},
	{"plan", "plans are pure, keep to their room, and give no prefix to two peers", relay_check_plan},
	{0},
};
