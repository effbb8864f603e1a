/* SPDX-License-Identifier: Apache-2.0 */
/* Running another program to its end, for plugins: no shell, a clean environment, a time limit. */
#ifndef NX_AGENT_PROGRAM_H
#define NX_AGENT_PROGRAM_H

#include <stddef.h>

#include "base/error.h"

#define NX_PROGRAM_SECONDS 10

/* As `run` of struct nx_agent_services. Blocks until the program has ended or was ended. */
enum nx_status nx_program_run(const char *const *arguments, const char *input, char *output, size_t room,
			      struct nx_error *error);

#endif
