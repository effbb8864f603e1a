/* SPDX-License-Identifier: Apache-2.0 */
/* What a strategy proposes over pools of many sizes, empty and full. */
#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "check/strategy.h"

/* Some end at the border of a byte and some do not. */
static const struct {
	uint8_t length, bits;
} sizes[] = {
	{4, 30},   {4, 29},   {4, 24},	 {4, 20},   {4, 16},  {4, 10},	{4, 8},	  {4, 1},
	{16, 126}, {16, 125}, {16, 120}, {16, 113}, {16, 64}, {16, 61}, {16, 48}, {16, 3},
};

/* Judge the strategy over an empty pool of each size; until `judge` is false, and the check has ended. */
static void pools_judge(struct check *check, bool (*judge)(struct strategy_pool *pool))
{
	struct strategy strategy;
	bool good = true;

	strategy_begin(check, &strategy);
	for (size_t i = 0; good && i < NX_COUNT(sizes); i++) {
		struct strategy_pool pool;

		strategy_pool_open(&strategy, sizes[i].length, sizes[i].bits, &pool);
		good = judge(&pool);
		strategy_pool_close(&pool);
	}
}

/* --- proposals ---------------------------------------------------------------------------------- */

/* Ask for so many devices over a pool; false: the check has ended. */
static bool ask_many(struct strategy_pool *pool, unsigned int devices)
{
	struct nx_address address;
	bool done = true, good = true;

	for (unsigned int i = 0; good && done && i < devices; i++)
		good = strategy_propose(pool, &address, &done);
	return good;
}

static bool proposals_judge(struct strategy_pool *pool)
{
	return ask_many(pool, pool->strategy->blocking ? 10 : 200);
}

void strategy_check_proposals(struct check *check)
{
	pools_judge(check, proposals_judge);
}

/* --- taken -------------------------------------------------------------------------------------- */

/* Has it been proposed for this device already? */
static bool repeats(const struct nx_address *proposed, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (nx_address_compare(&proposed[i], &proposed[count]) == 0)
			return true;
	}
	return false;
}

/* Somebody is faster, again and again: what it proposes for a device is another's by then. */
static bool outrun(struct strategy_pool *pool)
{
	struct nx_address proposed[NX_STRATEGY_ATTEMPTS] = {0};
	char text[NX_ADDRESS_TEXT];

	strategy_device_next(pool->strategy);
	for (unsigned int i = 0; i < NX_STRATEGY_ATTEMPTS; i++) {
		const struct strategy_call how = {.attempt = i};
		struct nx_error error = {0};
		enum nx_status status = strategy_choose(pool, &how, &proposed[i], &error);

		if (status == NX_EXHAUSTED)
			return strategy_exhaustion_judge(pool);
		if (status != NX_OK)
			return strategy_failure_judge(pool, status, &error);
		if (!strategy_proposal_judge(pool, &proposed[i]))
			return false;
		if (repeats(proposed, i))
			return check_fail(
				pool->strategy->check,
				"expected another address at attempt %u, found %s again, which is taken", i,
				nx_address_format(&proposed[i], text));
		if (!model_has(&pool->taken, &proposed[i]))
			strategy_take(pool, &proposed[i]);
	}
	return true;
}

static bool taken_judge(struct strategy_pool *pool)
{
	struct nx_address address;
	bool done;

	if (pool->capacity > 100)
		strategy_occupy(pool, 30);
	return strategy_propose(pool, &address, &done) && (pool->capacity <= 40 || outrun(pool));
}

void strategy_check_taken(struct check *check)
{
	pools_judge(check, taken_judge);
}

/* --- the last address -------------------------------------------------------------------------- */

/* Give back any of them: it is the only one that is free then. */
static bool refill(struct strategy_pool *pool, bool *done)
{
	uint64_t which = random_below(&pool->strategy->check->random, pool->taken.count);
	struct nx_address given = pool->taken.items[which], address;

	strategy_give(pool, &given);
	return strategy_propose(pool, &address, done);
}

static bool fill_to_the_end(struct strategy_pool *pool)
{
	struct nx_address address;
	bool done = true, good = true;

	while (good && done)
		good = strategy_propose(pool, &address, &done);
	/* Of one that keeps its own book it is not known when it learns that something is free again. */
	for (unsigned int i = 0; good && !pool->strategy->blocking && i < 20; i++)
		good = refill(pool, &done) && strategy_propose(pool, &address, &done);
	return good;
}

static bool exhaustion_judge(struct strategy_pool *pool)
{
	return pool->capacity > (pool->strategy->blocking ? 8 : 4096) || fill_to_the_end(pool);
}

void strategy_check_exhaustion(struct check *check)
{
	pools_judge(check, exhaustion_judge);
}

/* --- what was given last ------------------------------------------------------------------------ */

/* As after a start of the server: others' addresses are there, and nothing is known of the last. */
static bool last_unknown(struct strategy *strategy)
{
	struct strategy_pool pool;
	bool good;

	strategy_pool_open(strategy, 4, 26, &pool);
	pool.forgetful = true;
	strategy_occupy(&pool, strategy->blocking ? 4 : 20);
	good = strategy->blocking ? ask_many(&pool, 5) : fill_to_the_end(&pool);
	strategy_pool_close(&pool);
	return good;
}

/* The prefix' ends, another prefix' addresses (it was changed), and another length. */
static bool last_odd(struct strategy *strategy)
{
	struct strategy_pool pool;
	bool good = true, done;

	strategy_pool_open(strategy, 16, 118, &pool);
	struct nx_address odd[] = {
		pool.prefix.address,
		host_address(&pool.prefix, host_last(&pool.prefix)),
		host_address(&pool.prefix, host_last(&pool.prefix) + 5),
		{.length = 4, .bytes = {10, 0, 0, 1}},
	};
	for (size_t i = 0; good && i < NX_COUNT(odd); i++) {
		struct nx_address address;

		pool.last = odd[i];
		good = strategy_propose(&pool, &address, &done);
	}
	strategy_pool_close(&pool);
	return good;
}

void strategy_check_last(struct check *check)
{
	struct strategy strategy;

	strategy_begin(check, &strategy);
	if (last_unknown(&strategy))
		last_odd(&strategy);
}
