/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long packets to the members take in each family, and how many get lost: echo requests through the
 * tunnel, when somebody asks for it and at no other time. A measurement sends NX_ECHO_COUNT requests to each
 * address, takes about a second for a few hundred members, and ends by itself.
 *
 * One thread; nothing blocks.
 */
#ifndef NX_AGENT_NETWORK_ECHO_H
#define NX_AGENT_NETWORK_ECHO_H

#include <uv.h>

#include "agent/plan/members.h"

#define NX_ECHO_COUNT 5u

struct nx_echoes;

struct nx_echo_result {
	unsigned sent; /* requests that have left */
	unsigned received;
	uint64_t median_microseconds; /* of those that came back; 0 when none did */
};

/* `done` is called on the loop when a measurement ends; its results are there until it returns. */
struct nx_echoes *nx_echoes_new(uv_loop_t *loop, const struct nx_capabilities *capabilities,
				void (*done)(void *context), void *context);
void nx_echoes_free(struct nx_echoes *echoes); /* NULL is fine */

/*
 * Begin to measure all members that the tunnel leads to, unless a measurement runs: then that one is
 * the answer. False: there is nobody to measure, and `done` will not be called.
 */
bool nx_echoes_begin(struct nx_echoes *echoes, const struct nx_members *members);
/* NULL: the address was not measured. */
const struct nx_echo_result *nx_echoes_result(const struct nx_echoes *echoes,
					      const struct nx_address *address);

#endif
