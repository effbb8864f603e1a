/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/drain.h"

#include <stdio.h>

#include "agent/agent.h"
#include "agent/plan/relay_choice.h"
#include "agent/session/session.h"
#include "base/log.h"

enum {
	LOOK_MILLISECONDS = 100,
	/* Others learn that a spoke has moved when this host does, not before. */
	SETTLE_MILLISECONDS = 1000,
};

static const struct nx_planner *planner_of(const struct nx_agent *agent)
{
	return &agent->network.reconcile.planner;
}

static bool relays(const struct nx_agent *agent)
{
	return planner_of(agent)->known && planner_of(agent)->self.standing.relay;
}

static bool connected(const struct nx_agent *agent)
{
	return agent->session && agent->session->phase == NX_PHASE_RUNNING;
}

static enum nx_status drain_check(const struct nx_agent *agent, bool force, struct nx_error *error)
{
	if (!relays(agent))
		return nx_fail(error, NX_INVALID, NULL, "this host is no relay: there is nothing to drain");
	if (!connected(agent))
		return nx_fail(
			error, NX_UNAVAILABLE, NULL,
			"the service cannot be reached, and hosts hear of a relay that drains from it alone: "
			"try again when it is back");
	if (!force && !nx_relay_others(planner_of(agent)))
		return nx_fail(error, NX_CONFLICT, NULL,
			       "there is no other relay that this host's spokes could move to: add one "
			       "first, or use "
			       "--force");
	return NX_OK;
}

static void drain_turn(struct nx_agent *agent, bool on)
{
	if (agent->drain.on == on)
		return;
	agent->drain.on = on;
	nx_log(NX_LOG_INFO, on ? "draining: spokes are to move to another relay" : "no longer draining",
	       NULL);
	nx_publish_check(agent->session);
}

enum nx_status nx_drain_set(struct nx_agent *agent, bool on, bool force, struct nx_error *error)
{
	enum nx_status status = on && !agent->drain.on ? drain_check(agent, force, error) : NX_OK;

	if (status == NX_OK)
		drain_turn(agent, on);
	return status;
}

/* --- at the end ---------------------------------------------------------------------------- */

static void end(struct nx_agent *agent, size_t spokes)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", spokes);
	if (spokes)
		nx_log(NX_LOG_WARNING, "not all spokes have moved to another relay in time", "spokes", text,
		       NULL);
	nx_agent_end(agent, NX_EXIT_OK);
}

static void look_due(void *context)
{
	struct nx_agent *agent = context;
	struct nx_drain *drain = &agent->drain;
	size_t spokes = nx_relay_spokes(planner_of(agent));
	uint64_t now = uv_now(&agent->loop);

	if (spokes)
		drain->quiet = 0;
	else if (!drain->quiet)
		drain->quiet = now;
	if (now >= drain->deadline || (drain->quiet && now - drain->quiet >= SETTLE_MILLISECONDS))
		end(agent, spokes);
	else
		nx_timer_arm(drain->timer, LOOK_MILLISECONDS);
}

/* A tunnel that stays relays on without this program. */
bool nx_drain_before_end(struct nx_agent *agent)
{
	struct nx_drain *drain = &agent->drain;

	if (drain->timer || !agent->options.drain_seconds || agent->options.keep_interface ||
	    !connected(agent) || !nx_relay_spokes(planner_of(agent)) || !nx_relay_others(planner_of(agent)))
		return false;
	drain->timer = nx_timer_new(&agent->loop, look_due, agent);
	drain->deadline = uv_now(&agent->loop) + 1000 * (uint64_t)agent->options.drain_seconds;
	nx_timer_arm(drain->timer, LOOK_MILLISECONDS);
	drain_turn(agent, true);
	return true;
}

void nx_drain_release(struct nx_drain *drain)
{
	nx_timer_free(drain->timer);
	*drain = (struct nx_drain){0};
}
