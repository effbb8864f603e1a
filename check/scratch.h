/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of our own (0700) for the state of agents' plugins. */
#ifndef NX_CHECK_SCRATCH_H
#define NX_CHECK_SCRATCH_H

#include <limits.h>
#include <stdbool.h>

struct scratch {
	char path[PATH_MAX];
};

bool scratch_make(struct scratch *scratch); /* false, with errno: it cannot be made */
void scratch_remove(const struct scratch *scratch);

#endif
