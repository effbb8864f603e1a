/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent tells about itself, as JSON (docs: nexctl nexd status, peers, version). */
#ifndef NX_AGENT_STATUS_H
#define NX_AGENT_STATUS_H

#include "agent/agent.h"
#include "base/buffer.h"

/* One document each, without a newline. */
void nx_status_write(const struct nx_agent *agent, struct nx_buffer *out);
void nx_status_peers_write(const struct nx_agent *agent, struct nx_buffer *out);

#endif
