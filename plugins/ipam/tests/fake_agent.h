/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for agent plugins under test, whose netlink is the real kernel's and whose `run` starts real
 * programs: to be used in a network namespace of its own. There is no event loop: watches are refused.
 */
#ifndef FAKE_AGENT_H
#define FAKE_AGENT_H

#include <nexodus/agent.h>

#include "plugins/ipam/tests/fake_host.h"

extern const struct nx_agent_services fake_agent_services;

/* `fake_services` with `fake_agent_services` in it. */
const struct nx_services *fake_services_of_agent(void);

#endif
