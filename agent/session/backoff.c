/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/session/backoff.h"

#include "base/secret.h"

enum {
	FIRST_MILLISECONDS = 1000,
	LAST_MILLISECONDS = 60000,
	ASKED_SECONDS = 300,
};

/* Somewhere in the second half of `milliseconds`. */
static uint64_t scatter(uint64_t milliseconds)
{
	uint32_t random;

	nx_random_bytes(&random, sizeof(random));
	return milliseconds / 2 + random % (milliseconds / 2 + 1);
}

uint64_t nx_backoff_next(struct nx_backoff *backoff, int64_t retry_after)
{
	uint64_t delay = FIRST_MILLISECONDS;

	for (unsigned i = 0; i < backoff->failures && delay < LAST_MILLISECONDS; i++)
		delay *= 2;
	if (delay > LAST_MILLISECONDS)
		delay = LAST_MILLISECONDS;
	backoff->failures++;
	if (retry_after <= 0)
		return scatter(delay);
	if (retry_after > ASKED_SECONDS)
		retry_after = ASKED_SECONDS;
	/* Not before the time that was asked for, nor all at that moment. */
	return (uint64_t)retry_after * 1000 + scatter(FIRST_MILLISECONDS);
}
