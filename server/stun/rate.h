/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many answers each source gets: the sender of a UDP datagram may be forged, and
 * nobody shall be flooded with answers they did not ask for. A bucket for each IPv4
 * address and each IPv6 /64, in a table of fixed size; when too many are in use at
 * once, the one nearest to full makes room. One thread.
 */
#ifndef NX_SERVER_STUN_RATE_H
#define NX_SERVER_STUN_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include <nexodus/address.h>

enum {
	NX_STUN_RATE_BURST = 500,     /* answers at once: many hosts may share one address */
	NX_STUN_RATE_PER_SECOND = 50, /* and from then on */
};

struct nx_stun_rate;

struct nx_stun_rate *nx_stun_rate_new(void);
void nx_stun_rate_free(struct nx_stun_rate *rate); /* NULL is fine */
/* Take one answer; false when none is left. `now`: microseconds of a clock that only goes forward. */
bool nx_stun_rate_take(struct nx_stun_rate *rate, const struct nx_address *source, uint64_t now);

#endif
