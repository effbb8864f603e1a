/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this host says of itself, as JSON. The plugins write their own fields; the
 * core adds what belongs to no family, relay policy or driver.
 */
#ifndef NX_AGENT_SESSION_DESCRIBE_H
#define NX_AGENT_SESSION_DESCRIBE_H

#include "agent/agent.h"
#include "base/json.h"

/* The registration: key, name, wishes, requested addresses, and the device's own token.
 * NX_UNSUPPORTED when an address is asked for of a family that this host cannot do. */
enum nx_status nx_describe_registration(const struct nx_agent *agent, struct nx_json **out,
					struct nx_error *error);
/* What each family has to say now: supported, endpoint. */
struct nx_json *nx_describe_facts(const struct nx_agent *agent);
/* What the operator of this host has set: hostname, prefixes behind it, relaying. */
struct nx_json *nx_describe_wishes(const struct nx_agent *agent);

#endif
