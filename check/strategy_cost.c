/* SPDX-License-Identifier: Apache-2.0 */
/* What a call costs: looks at the pool, time, and of strategies that block, threads. */
#include <pthread.h>
#include <time.h>

#include "base/memory.h"
#include "check/strategy.h"

/* Looks of one call at most, whatever the pool: the server's own strategies take nine. */
#define LOOKS 64
#define CALLS 64
#define ROUNDS 3
/* A pool with 256 times the addresses may take this much longer: caches, and luck. */
#define GROWTH 8
#define FLOOR_NANOSECONDS 1000
#define RETURN_SECONDS 5
#define THREADS 4
#define THREAD_CALLS 20

/* --- growth --------------------------------------------------------------------------------------- */

/* The first nine tenths, as when addresses were given in order. */
static void pool_occupy(struct strategy_pool *pool)
{
	for (uint64_t i = 1; i <= pool->capacity - pool->capacity / 10; i++) {
		struct nx_address address = host_address(&pool->prefix, i);

		strategy_take(pool, &address);
	}
}

/* The mean time of some calls; every other one is told that the first address was given last. */
static bool round_measure(struct strategy_pool *pool, unsigned int *looks, uint64_t *nanoseconds)
{
	const struct nx_address first = host_address(&pool->prefix, 1);
	uint64_t sum = 0;
	bool done, good = true;

	for (unsigned int i = 0; good && i < CALLS; i++) {
		struct nx_address address;

		pool->last = i % 2 ? first : (struct nx_address){0};
		good = strategy_propose(pool, &address, &done);
		sum += pool->nanoseconds;
		*looks = pool->looks > *looks ? pool->looks : *looks;
		if (good && done)
			strategy_give(pool, &address);
	}
	*nanoseconds = sum / CALLS;
	return good;
}

/* The best of some rounds, in a pool of which nine tenths are taken. */
static bool pool_measure(struct strategy *strategy, uint8_t bits, uint64_t *nanoseconds)
{
	struct strategy_pool pool;
	unsigned int looks = 0;
	bool good = true;

	strategy_pool_open(strategy, 4, bits, &pool);
	pool_occupy(&pool);
	*nanoseconds = UINT64_MAX;
	for (unsigned int i = 0; good && i < ROUNDS; i++) {
		uint64_t mean;

		good = round_measure(&pool, &looks, &mean);
		*nanoseconds = mean < *nanoseconds ? mean : *nanoseconds;
	}
	strategy_pool_close(&pool);
	if (good && looks > LOOKS)
		return check_fail(
			strategy->check,
			"expected that a call looks at %d addresses at most, found %u in a /%u of which "
			"nine tenths are taken",
			LOOKS, looks, bits);
	return good;
}

void strategy_check_growth(struct check *check)
{
	struct strategy strategy;
	uint64_t small, large;

	strategy_begin(check, &strategy);
	if (strategy.blocking) {
		check_skip(check, "it blocks, and keeps nobody waiting but who asks for it");
		return;
	}
	if (pool_measure(&strategy, 24, &small) && pool_measure(&strategy, 16, &large) &&
	    large > GROWTH * (small + FLOOR_NANOSECONDS))
		check_fail(
			check,
			"expected that a call takes as long in a /16 as in a /24, found %llu ns and %llu ns",
			(unsigned long long)large, (unsigned long long)small);
}

/* --- waiting ---------------------------------------------------------------------------------------- */

static bool skip_unless_blocking(const struct strategy *strategy)
{
	if (!strategy->blocking)
		check_skip(strategy->check, "it does not block");
	return !strategy->blocking;
}

void strategy_check_waiting(struct check *check)
{
	struct timespec begun, ended;
	struct nx_address address;
	struct nx_error error = {0};
	struct strategy strategy;
	struct strategy_pool pool;

	strategy_begin(check, &strategy);
	if (skip_unless_blocking(&strategy))
		return;
	strategy_pool_open(&strategy, 4, 24, &pool);
	strategy.calm = true;
	clock_gettime(CLOCK_MONOTONIC, &begun);
	strategy_choose(&pool, &(struct strategy_call){0}, &address, &error);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	if (ended.tv_sec - begun.tv_sec > RETURN_SECONDS)
		check_fail(check,
			   "expected that choose returns in %d s when nobody waits any more, found that it "
			   "took %lld",
			   RETURN_SECONDS, (long long)(ended.tv_sec - begun.tv_sec));
	strategy_pool_close(&pool);
}

/* --- threads ----------------------------------------------------------------------------------------- */

/* Each thread with a journal and a verdict of its own. */
struct crew {
	pthread_t thread;
	struct check check;
	struct strategy strategy;
	struct journal journal;
};

static void *crew_main(void *context)
{
	struct crew *crew = context;
	struct strategy_pool pool;
	struct nx_address address;
	bool done, good = true;

	strategy_pool_open(&crew->strategy, 16, 64, &pool);
	for (unsigned int i = 0; good && i < THREAD_CALLS; i++)
		good = strategy_propose(&pool, &address, &done);
	strategy_pool_close(&pool);
	return NULL;
}

static bool crew_begin(struct crew *crew, const struct check *check, unsigned int number)
{
	crew->check = *check;
	crew->check.journal = &crew->journal;
	crew->check.random += number;
	strategy_begin(&crew->check, &crew->strategy);
	crew->strategy.devices = number * 1000;
	return pthread_create(&crew->thread, NULL, crew_main, crew) == 0;
}

void strategy_check_threads(struct check *check)
{
	struct crew *crew = nx_alloc_array(THREADS, sizeof(*crew));
	struct strategy strategy;
	unsigned int count = 0;

	strategy_begin(check, &strategy);
	while (strategy.blocking && count < THREADS && crew_begin(&crew[count], check, count))
		count++;
	for (unsigned int i = 0; i < count; i++) {
		pthread_join(crew[i].thread, NULL);
		if (check->result == CHECK_OK && crew[i].check.result == CHECK_SKIPPED)
			check_skip(check, "%s", crew[i].check.detail);
		else if (crew[i].check.result == CHECK_FAILED)
			check_fail(check, "on %u threads: %s", count, crew[i].check.detail);
	}
	skip_unless_blocking(&strategy);
	nx_cleanup_free(&crew);
}
