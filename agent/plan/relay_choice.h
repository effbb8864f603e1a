/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the organization's relays this host uses. One that works is kept, for moving costs every host that
 * talks to this one.
 *
 * A relay that does not answer is left at once, and others are told afterwards. One that only drains goes on
 * to work: this host first sees the next one work, then says in its record that it uses it, and moves when
 * the service tells everybody so, itself included. A tunnel takes a host's packets from one peer only, so
 * all who talk to each other are to change their minds at one moment.
 */
#ifndef NX_AGENT_PLAN_RELAY_CHOICE_H
#define NX_AGENT_PLAN_RELAY_CHOICE_H

#include "agent/plan/plan.h"

/* Choose among `planner->relays`. Answers whether `relay` or `relay_is_self` is another one now. */
bool nx_relay_choose(struct nx_planner *planner);

/* Where this host relays: the hosts that say, or leave it to be found, that it is this one they use. */
size_t nx_relay_spokes(const struct nx_planner *planner);
/* Relays beside this host that others could use: they do not drain, and this host has not found them dead. */
size_t nx_relay_others(const struct nx_planner *planner);

#endif
