/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/backoff.h"

#include "base/secret.h"

#define DELAY_FIRST 100
#define DELAY_LIMIT 5000

uint64_t nx_milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct timespec nx_timespec(uint64_t milliseconds)
{
	return (struct timespec){.tv_sec = (time_t)(milliseconds / 1000),
				 .tv_nsec = (long)(milliseconds % 1000) * 1000000};
}

bool nx_backoff_due(const struct nx_backoff *backoff)
{
	return backoff->delay == 0 || nx_milliseconds() >= backoff->due;
}

void nx_backoff_failed(struct nx_backoff *backoff)
{
	uint32_t chance;

	nx_random_bytes(&chance, sizeof(chance));
	backoff->delay = backoff->delay == 0 ? DELAY_FIRST : backoff->delay * 2;
	if (backoff->delay > DELAY_LIMIT)
		backoff->delay = DELAY_LIMIT;
	backoff->due = nx_milliseconds() + backoff->delay / 2 + chance % (backoff->delay / 2 + 1);
}

void nx_backoff_worked(struct nx_backoff *backoff)
{
	*backoff = (struct nx_backoff){0};
}
