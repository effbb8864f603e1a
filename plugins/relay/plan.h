/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hub policy: hosts mesh directly; a spoke has its relay as the only peer that carries traffic, and everyone
 * else reaches it through that relay, as do two hosts that cannot reach each other.
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
