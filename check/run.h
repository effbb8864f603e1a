/* SPDX-License-Identifier: Apache-2.0 */
/* All checks of one file, each in its process. */
#ifndef NX_CHECK_RUN_H
#define NX_CHECK_RUN_H

#include "check/check.h"

enum {
	RUN_PASSED = 0,
	RUN_FAILED = 1,
	RUN_USAGE = 2,
	RUN_REFUSED = 3, /* the file cannot be loaded */
};

/* Run, report, and answer the program's exit status. */
int run(const struct check_options *options);

#endif
