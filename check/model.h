/* SPDX-License-Identifier: Apache-2.0 */
/* A set of addresses: which are taken, as far as a check knows. */
#ifndef NX_CHECK_MODEL_H
#define NX_CHECK_MODEL_H

#include <nexodus/address.h>

struct model {
	struct nx_address *items; /* in no order */
	size_t count;
	size_t room;
	uint32_t *places; /* of items, by hash: index + 1, 0 is empty; a power of two of them */
	size_t place_count;
};

bool model_has(const struct model *model, const struct nx_address *address);
void model_add(struct model *model, const struct nx_address *address);	  /* one that it does not have */
bool model_remove(struct model *model, const struct nx_address *address); /* false: it did not have it */
void model_clear(struct model *model);					  /* releases all memory */

#endif
