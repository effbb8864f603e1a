/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait before the next attempt: doubled from 1 s up to 60 s, scattered, so that a
 * fleet does not come back in one moment. */
#ifndef NX_AGENT_SESSION_BACKOFF_H
#define NX_AGENT_SESSION_BACKOFF_H

#include <stdint.h>

struct nx_backoff {
	unsigned failures; /* in a row; 0 to begin anew */
};

/* Milliseconds to wait after another failure. `retry_after`: what the service asked for in
 * seconds (0: nothing), heeded up to five minutes. */
uint64_t nx_backoff_next(struct nx_backoff *backoff, int64_t retry_after);

#endif
