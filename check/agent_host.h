/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an agent offers its plugins, without an agent: there is a state directory and the name of an
 * interface, but no kernel to talk to, no program to run and no event loop. All that is refused as on a host
 * that lacks it.
 */
#ifndef NX_CHECK_AGENT_HOST_H
#define NX_CHECK_AGENT_HOST_H

#include <nexodus/agent.h>

#define AGENT_HOST_INTERFACE "nxcheck0"

extern const struct nx_agent_services agent_host_services;

/* Where plugins keep their state; must live as long as they. */
void agent_host_set(const char *state_directory);

#endif
