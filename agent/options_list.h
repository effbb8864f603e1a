/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of addresses, endpoints and prefixes as a person writes them: of any
 * family, separated by commas or spaces. Each function adds to what the array
 * holds; NX_INVALID says which item cannot be, and what was probably meant.
 */
#ifndef NX_AGENT_OPTIONS_LIST_H
#define NX_AGENT_OPTIONS_LIST_H

#include <nexodus/address.h>

#include "base/error.h"

/* One address for each length at most. */
enum nx_status nx_address_list(const char *text, const char *key, struct nx_address **out, size_t *count,
			       struct nx_error *error);
/* Addresses with or without a port (0), one for each length at most. */
enum nx_status nx_endpoint_list(const char *text, const char *key, struct nx_endpoint **out, size_t *count,
				struct nx_error *error);
/* Ascending, none twice, no host bits, no default route. */
enum nx_status nx_prefix_list(const char *text, const char *key, struct nx_prefix **out, size_t *count,
			      struct nx_error *error);

#endif
