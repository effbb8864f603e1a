/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hub policy: hosts mesh directly; spokes have the relay as their only peer, and everyone else reaches them
 * through it.
 */
#ifndef RELAY_PLAN_H
#define RELAY_PLAN_H

#include <nexodus/address.h>
#include <nexodus/relay.h>

/*
 * `plan` of `struct nx_relay_ops`. Pure. `keepalive_seconds` is used towards peers that may forget us (a NAT
 * between) and for which nobody else keeps the way open.
 */
void relay_plan(const struct nx_mesh *mesh, const struct nx_member *member, uint16_t keepalive_seconds,
		struct nx_peer_plan *out);

#endif
