/* SPDX-License-Identifier: Apache-2.0 */
/* What every fuzz target is: one function, fed one input. */
#ifndef NX_FUZZ_H
#define NX_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

/* What must hold for every input. */
#define FUZZ_ASSERT(truth)                                                                                   \
	do {                                                                                                 \
		if (!(truth))                                                                                \
			abort();                                                                             \
	} while (0)

#endif
