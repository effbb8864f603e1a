/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ipam/breaker.h"

bool nx_breaker_admit(struct nx_breaker *breaker, uint64_t now)
{
	if (!breaker->open)
		return true;
	if (breaker->trying || now < breaker->next)
		return false;
	breaker->trying = true;
	return true;
}

bool nx_breaker_worked(struct nx_breaker *breaker)
{
	bool news = breaker->open;

	*breaker = (struct nx_breaker){0};
	return news;
}

bool nx_breaker_failed(struct nx_breaker *breaker, uint64_t now, uint64_t pause)
{
	bool was_open = breaker->open;

	breaker->failures++;
	breaker->open = breaker->failures >= NX_BREAKER_FAILURES;
	breaker->trying = false;
	breaker->next = now + pause;
	return breaker->open && !was_open;
}

void nx_breaker_spared(struct nx_breaker *breaker)
{
	breaker->trying = false;
}
