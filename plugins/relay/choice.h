/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which relay a host has. Every host finds the same answer for every other one, from what the device
 * records say alone: nobody has to be told, until a relay that should do does not.
 */
#ifndef RELAY_CHOICE_H
#define RELAY_CHOICE_H

#include <string.h>

#include <nexodus/relay.h>

/* `prefer` of `struct nx_relay_ops`: spreads hosts over relays, and moves as few as can be when one comes or
 * goes (highest random weight). That a relay drains makes no difference: its hosts say when they leave it. */
bool relay_prefer(const struct nx_member *host, const struct nx_member *a, const struct nx_member *b);

/* The relay of `host`, which may be `mesh->self`; NULL when the organization has none. */
const struct nx_member *relay_of(const struct nx_mesh *mesh, const struct nx_member *host);

/* `carrier` of `struct nx_relay_ops`. */
const struct nx_member *relay_carrier(const struct nx_mesh *mesh, const struct nx_member *member);

static inline bool relay_member_same(const struct nx_member *a, const struct nx_member *b)
{
	return a && b && strcmp(a->id, b->id) == 0;
}

#endif
