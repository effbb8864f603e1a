/* SPDX-License-Identifier: Apache-2.0 */
/* How full a prefix is, from the tables: the pools in memory are the writer's. Any thread. */
#ifndef NX_SERVER_IPAM_POOL_FIGURES_H
#define NX_SERVER_IPAM_POOL_FIGURES_H

#include "server/resources/fields.h"

/* UINT64_MAX: more than can be counted. */
struct nx_pool_figures {
	uint64_t capacity;    /* addresses that the prefix has to give */
	uint64_t taken;	      /* of these, that devices have */
	uint64_t quarantined; /* of deleted devices, not given again yet */
	uint64_t free;	      /* that who asks for none can get */
	uint64_t reserved;    /* the rest: kept for certain devices, or for nobody */
};

/* Of an organization, by its record, in its prefix or in another one that it has, had or is to have: what it
 * has outside of that does not count. */
enum nx_status nx_pool_figures(struct nx_tx *tx, const struct nx_family *family,
			       const struct nx_value *organization, const struct nx_prefix *prefix,
			       struct nx_pool_figures *out, struct nx_error *error);

#endif
