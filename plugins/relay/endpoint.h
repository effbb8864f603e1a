/* SPDX-License-Identifier: Apache-2.0 */
/* Where a member's tunnel may be found, best first. */
#ifndef RELAY_ENDPOINT_H
#define RELAY_ENDPOINT_H

#include <nexodus/relay.h>

/*
 * Writes `endpoints` and `endpoint_count` of the plan. In this order: in the network that both share behind
 * one NAT; on the public Internet without translation, IPv6 before IPv4 since it needs no NAT to remember
 * anything; where the outside sees it; and where it sees itself.
 */
void relay_endpoints(const struct nx_member *self, const struct nx_member *member, struct nx_peer_plan *plan);

#endif
