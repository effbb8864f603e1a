/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/notify.h"

#include "agent/session/session.h"
#include "base/notify.h"

#define USUAL_MILLISECONDS 10000u /* between two looks at the state, where nobody watches the loop */

static void status_tell(const struct nx_agent *agent)
{
	const struct nx_session *session = agent->session;
	const char *trouble = session->phase == NX_PHASE_RUNNING ? "" : session->last_error;

	nx_notify_status("%s on %s%s%s", nx_phase_name(session->phase), agent->options.interface,
			 *trouble ? ": " : "", trouble);
}

static void beat_due(void *context)
{
	const struct nx_agent *agent = context;

	nx_notify_alive();
	status_tell(agent);
}

void nx_agent_notify_start(struct nx_agent *agent)
{
	uint64_t interval = nx_notify_interval();

	if (!nx_notify_wanted())
		return;
	if (!interval || interval > USUAL_MILLISECONDS)
		interval = USUAL_MILLISECONDS;
	status_tell(agent);
	nx_notify_ready();
	agent->beat = nx_watch_every(&agent->loop, interval, beat_due, agent);
}

void nx_agent_notify_stop(struct nx_agent *agent)
{
	nx_watch_end(agent->beat);
	agent->beat = NULL;
	nx_notify_stopping();
}
