/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plan/plan.h"

#include <stdlib.h>

#include "agent/plan/plan_inside.h"
#include "base/error.h"
#include "base/memory.h"

void nx_wanted_release(struct nx_wanted *wanted)
{
	free(wanted->prefixes);
	*wanted = (struct nx_wanted){0};
}

void nx_wanted_none(struct nx_wanted *wanted)
{
	wanted->path = NX_PATH_NONE;
	wanted->prefix_count = 0;
	wanted->keepalive_seconds = 0;
	wanted->endpoint_count = 0;
	wanted->refusal = NULL;
	wanted->refused_count = 0;
}

static enum nx_status relay_plan(const struct nx_planner *planner, const struct nx_member *member,
				 struct nx_wanted *wanted, struct nx_peer_plan *plan)
{
	const struct nx_capabilities *capabilities = planner->capabilities;
	struct nx_mesh mesh = nx_plan_mesh(planner);

	mesh.carried = planner->scratch->carried;
	mesh.carried_count = planner->scratch->carried_count;
	*plan = (struct nx_peer_plan){
		.size = sizeof(*plan),
		.prefixes = wanted->prefixes,
		.prefix_room = wanted->prefix_room,
	};
	return capabilities->relay->plan(capabilities->relay_instance, &mesh, member, plan);
}

enum nx_status nx_plan_member(const struct nx_planner *planner, const struct nx_member *member,
			      struct nx_wanted *out, struct nx_error *error)
{
	struct nx_peer_plan plan;
	enum nx_status status;

	nx_plan_carry(planner, member);
	status = relay_plan(planner, member, out, &plan);
	if (status == NX_OK && plan.prefix_count > out->prefix_room) {
		out->prefixes = nx_realloc_array(out->prefixes, plan.prefix_count, sizeof(*out->prefixes));
		out->prefix_room = plan.prefix_count;
		status = relay_plan(planner, member, out, &plan);
	}
	if (status != NX_OK || plan.prefix_count > out->prefix_room) {
		nx_wanted_none(out);
		return nx_fail(error, status ? status : NX_INTERNAL, NULL,
			       "the relay policy has no plan for device %s", member->id);
	}
	out->refusal = NULL;
	out->refused_count = 0;
	out->path = plan.path;
	out->prefix_count = plan.path == NX_PATH_NONE || plan.path == NX_PATH_PROBE ? 0 : plan.prefix_count;
	/* What completes no handshake has nothing to keep alive, and no way to tell that it is. */
	out->keepalive_seconds =
		planner->capabilities->driver->lacks & NX_DRIVER_NO_HANDSHAKES ? 0 : plan.keepalive_seconds;
	nx_plan_judge_endpoints(planner, &plan, out);
	nx_plan_add_seconds(planner, out);
	nx_plan_judge_prefixes(planner, member, out);
	/* Nothing of what it should carry may be routed: it is no peer then. */
	if (!out->prefix_count && out->path != NX_PATH_PROBE)
		out->path = NX_PATH_NONE;
	return NX_OK;
}
