/* SPDX-License-Identifier: Apache-2.0 */
/* What the mappings of all families mean for how others can reach this host. Pure. */
#ifndef NX_AGENT_MAPPING_MAPPING_NAT_H
#define NX_AGENT_MAPPING_MAPPING_NAT_H

#include <nexodus/relay.h>

#include "agent/mapping/mapping.h"

/* One family, as far as the host's standing depends on it. */
struct nx_mapping_view {
	struct nx_mapping_result result;
	bool fixed;  /* the operator says where this host is reached */
	bool public; /* the host's own address is one of the public Internet */
};

/*
 * How the host is seen over all families. Symmetric only when no other family does better: one that
 * the operator vouches for, or with a public address that nobody translates. A
 * family that was symmetric and has too few answers now leaves it open. Pure.
 */
enum nx_nat nx_mapping_nat(const struct nx_mapping_view *views, size_t count);

#endif
