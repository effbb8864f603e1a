/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. */
#ifndef NX_CHECK_OPTIONS_H
#define NX_CHECK_OPTIONS_H

#include "check/check.h"

enum options_outcome {
	OPTIONS_RUN = 0,
	OPTIONS_DONE,  /* help, version or the list was asked for, and shown */
	OPTIONS_WRONG, /* said on standard error */
};

enum options_outcome options_read(int count, char **words, struct check_options *out);

#endif
