/* SPDX-License-Identifier: Apache-2.0 */
/* Failures and how they are filled in. See <nexodus/error.h> for the shapes. */
#ifndef NX_BASE_ERROR_H
#define NX_BASE_ERROR_H

#include <nexodus/error.h>

/* Fill `error` (NULL is fine), cut to fit, and answer `status`. `field` may be NULL. */
enum nx_status nx_fail(struct nx_error *error, enum nx_status status, const char *field, const char *format,
		       ...) __attribute__((format(printf, 4, 5)));

/* "invalid", "not found", …: for logs. */
const char *nx_status_name(enum nx_status status);

#endif
