/* SPDX-License-Identifier: Apache-2.0 */
/* Random calls against a model. */
#include <string.h>

#include "base/address.h"
#include "check/ipam.h"

struct nx_address ipam_any_taken(struct ipam_pool *pool)
{
	return pool->model.items[random_below(&pool->ipam->check->random, pool->model.count)];
}

/* Any address of the prefix, or one just outside of it; often near those that are taken. */
static struct nx_address any_address(struct ipam_pool *pool)
{
	uint64_t *random = &pool->ipam->check->random;
	check_number last = host_last(&pool->prefix);
	uint8_t length = pool->prefix.address.length;
	check_number wide = (check_number)random_next(random) << 64 | random_next(random);

	switch (random_below(random, 8)) {
	case 0: /* the last ones, and those behind */
		return host_address(&pool->prefix, last - 4 + random_below(random, 6));
	case 1: /* the first ones, and those before */
		return number_address(number_of(&pool->prefix.address) - 1 + random_below(random, 6), length);
	case 2:
	case 3:
	case 4:
		if (pool->model.count) {
			struct nx_address taken = ipam_any_taken(pool);
			return number_address(number_of(&taken) + random_below(random, 4), length);
		}
		return host_address(&pool->prefix, wide & last);
	default:
		return host_address(&pool->prefix, wide & last);
	}
}

bool ipam_step(struct ipam_pool *pool, uint64_t target)
{
	uint64_t *random = &pool->ipam->check->random;
	uint64_t dice = random_below(random, 16);
	struct nx_address address;
	bool done;

	if (dice < 2) {
		address = any_address(pool);
		return ipam_take(pool, &address, &done);
	}
	if (dice == 2) {
		address = any_address(pool);
		return ipam_give(pool, &address);
	}
	/* Two thirds of the rest lead towards the target. */
	if (pool->model.count && (random_below(random, 3) == 0) != (pool->model.count > target)) {
		address = ipam_any_taken(pool);
		return ipam_give(pool, &address);
	}
	return ipam_allocate(pool, &address, &done);
}

bool ipam_churn(struct ipam_pool *pool, uint64_t operations, bool usage_always)
{
	uint64_t *random = &pool->ipam->check->random;
	uint64_t most = pool->capacity < operations / 2 ? pool->capacity + 2 : operations / 2;
	uint64_t target = most;

	for (uint64_t i = 0; i < operations; i++) {
		if (i % 1024 == 0 && pool->model.count >= target)
			target = random_below(random, most + 1);
		else if (i % 1024 == 0 && random_below(random, 4) == 0)
			target = most;
		if (!ipam_step(pool, target) || ((usage_always || i % 64 == 0) && !ipam_usage(pool)))
			return false;
	}
	return ipam_usage(pool);
}

bool ipam_give_all(struct ipam_pool *pool)
{
	while (pool->model.count) {
		struct nx_address address = ipam_any_taken(pool);

		if (!ipam_give(pool, &address))
			return false;
	}
	return ipam_usage(pool);
}

/* The smallest pools, the default one, and the largest. */
static size_t prefixes_choose(const struct ipam *ipam, struct nx_prefix out[static 5])
{
	size_t count = 0;

	out[count++] = *ipam_size(ipam, 2);
	out[count++] = *ipam_size(ipam, 5);
	out[count++] = *ipam_size(ipam, 9);
	out[count++] = ipam->fallback;
	out[count++] = ipam->sizes[ipam->size_count - 1];
	return count;
}

static void churn_all(struct check *check, uint64_t operations, bool usage_always)
{
	struct nx_prefix prefixes[5];
	struct ipam ipam;
	size_t count;
	bool good = ipam_begin(check, &ipam);

	if (!good)
		return;
	count = prefixes_choose(&ipam, prefixes);
	for (size_t i = 0; good && i < count; i++) {
		struct ipam_pool pool = {0};

		good = ipam_pool_open(&ipam, &prefixes[i], NULL, &pool) &&
		       ipam_churn(&pool, operations / count, usage_always) && ipam_give_all(&pool);
		ipam_pool_close(&pool);
	}
}

void ipam_check_random(struct check *check)
{
	churn_all(check, check->options->operations, false);
}

void ipam_check_usage(struct check *check)
{
	churn_all(check, check->options->operations / 4 + 5, true);
}

/* What is given twice, or was never taken, is not found, and nothing changes. */
static bool release_once(struct ipam_pool *pool, unsigned int rounds)
{
	struct nx_address address, foreign = {.length = pool->prefix.address.length == 4 ? 16 : 4};
	bool done, taken;

	for (unsigned int i = 0; i < rounds; i++) {
		if (!ipam_allocate(pool, &address, &done) || (done && i % 2 && !ipam_usage(pool)))
			return false;
		if (!done)
			break;
		if (!ipam_give(pool, &address))
			return false;
		if (!ipam_give(pool, &address) || !ipam_usage(pool)) /* once more */
			return false;
		/* Free again: it can be asked for, as it could be when it was proposed. */
		if (!ipam_take(pool, &address, &taken) || !ipam_usage(pool))
			return false;
		if (!taken)
			return check_fail(
				pool->ipam->check,
				"expected that an address which was given back can be taken, found that "
				"it is refused");
	}
	return ipam_give(pool, &foreign) && ipam_usage(pool) && ipam_give_all(pool);
}

void ipam_check_release(struct check *check)
{
	struct ipam ipam;
	bool good = ipam_begin(check, &ipam);

	for (size_t i = 0; good && i < ipam.size_count; i++) {
		struct ipam_pool pool = {0};

		good = ipam_pool_open(&ipam, &ipam.sizes[i], NULL, &pool) && release_once(&pool, 20);
		ipam_pool_close(&pool);
	}
}
