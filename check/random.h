/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that look random and are the same for a seed on every machine (SplitMix64, Steele et al. 2014). */
#ifndef NX_CHECK_RANDOM_H
#define NX_CHECK_RANDOM_H

#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
	uint64_t mixed = *state += 0x9e3779b97f4a7c15u;

	mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
	mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
	return mixed ^ (mixed >> 31);
}

/* 0 … limit - 1; the bias does not matter here. */
static inline uint64_t random_below(uint64_t *state, uint64_t limit)
{
	return random_next(state) % limit;
}

#endif
