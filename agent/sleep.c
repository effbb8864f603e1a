/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sleep.h"

enum {
	GAP_MILLISECONDS = 15000,  /* a program that ran would have looked by then, on whatever busy host */
	SLEPT_MILLISECONDS = 1000, /* by which the clocks differ more than before: more than a slow reading */
};

void nx_sleep_begin(struct nx_sleep *sleep, uint64_t boottime, uint64_t monotonic)
{
	sleep->looked = boottime;
	sleep->slept = boottime - monotonic;
}

bool nx_sleep_look(struct nx_sleep *sleep, uint64_t boottime, uint64_t monotonic, uint64_t *gap)
{
	uint64_t slept = boottime - monotonic;
	bool asleep = slept > sleep->slept + SLEPT_MILLISECONDS;

	*gap = boottime - sleep->looked;
	nx_sleep_begin(sleep, boottime, monotonic);
	return asleep || *gap > GAP_MILLISECONDS;
}
