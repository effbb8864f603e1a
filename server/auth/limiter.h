/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often something may be tried, by a key: a token bucket for each key, in a table
 * of fixed size. A key that nobody used for long is forgotten with no loss, since its
 * bucket is full again. When too many keys are in use at once, the one nearest to full
 * makes room, so that flooding the table with new keys frees no key that is being
 * guessed at. Any thread.
 */
#ifndef NX_SERVER_LIMITER_H
#define NX_SERVER_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

struct nx_limiter;

/* `burst` tries at once, and one more each `refill_ms`. */
struct nx_limiter *nx_limiter_new(unsigned burst, uint64_t refill_ms);
void nx_limiter_free(struct nx_limiter *limiter); /* NULL is fine */
/* Take one try. False when there is none left: *wait_seconds says when there will be one. */
bool nx_limiter_take(struct nx_limiter *limiter, const char *key, unsigned *wait_seconds);
/* It was a good one: give it back. */
void nx_limiter_give(struct nx_limiter *limiter, const char *key);

#endif
