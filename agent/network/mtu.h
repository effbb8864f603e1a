/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing the size of the tunnel's packets from the ways that they take. Sizes are in bytes. Pure. */
#ifndef NX_AGENT_NETWORK_MTU_H
#define NX_AGENT_NETWORK_MTU_H

#include <stdint.h>

struct nx_mtu {
	uint32_t value;	     /* begins as the most that is wanted */
	uint32_t minimum;    /* that the tunnel's families need */
	uint32_t narrowest;  /* the way that has made `value` smaller; 0: none has */
	uint32_t short_path; /* settled: the narrowest way, when it is too narrow for the minimum; 0 otherwise
			      */
};

/* A way that carries `path` bytes, `overhead` of which are the tunnel's own. */
void nx_mtu_take(struct nx_mtu *mtu, uint32_t path, uint32_t overhead);
void nx_mtu_require(struct nx_mtu *mtu, uint32_t minimum);
/* All ways and families are taken in. */
void nx_mtu_settle(struct nx_mtu *mtu);

#endif
