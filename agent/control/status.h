/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent tells about itself, as JSON (docs: nexctl nexd status, peers, version, drain). */
#ifndef NX_AGENT_CONTROL_STATUS_H
#define NX_AGENT_CONTROL_STATUS_H

#include "agent/agent.h"
#include "agent/control/control.h"
#include "base/buffer.h"

/* One document each, without a newline. */
void nx_status_write(const struct nx_agent *agent, struct nx_buffer *out);
void nx_status_peers_write(const struct nx_agent *agent, struct nx_buffer *out);
/* Take the wish, and say what has come of it or why it is not taken. */
void nx_status_drain_write(struct nx_agent *agent, const struct nx_control_drain *wish,
			   struct nx_buffer *out);

#endif
