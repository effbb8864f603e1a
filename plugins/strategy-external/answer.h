/* SPDX-License-Identifier: Apache-2.0 */
/* What the service says: hostile, until it is shown to be an address. Any thread. */
#ifndef STRATEGY_EXTERNAL_ANSWER_H
#define STRATEGY_EXTERNAL_ANSWER_H

#include <nexodus/plugin.h>

/* Bytes that an answer may have. */
#define ANSWER_LIMIT 4096

/*
 * {"address": "…"}: NX_OK, of any family and anywhere. {"error": "exhausted"}: NX_EXHAUSTED, with the
 * answer's "message" if there is one. Any other {"error": "…"}: NX_UNAVAILABLE. All else: NX_INTERNAL.
 */
enum nx_status answer_read(const char *text, size_t length, const struct nx_services *services,
			   struct nx_address *out, struct nx_error *error);

#endif
