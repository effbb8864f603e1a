/* SPDX-License-Identifier: Apache-2.0 */
/* The ends of pools: what may never be given, and what happens when nothing is left. */
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/memory.h"
#include "check/ipam.h"

#define SMALL_BITS 12	/* host bits of pools that are tried address by address */
#define LARGE_CALLS 300 /* from each end of larger ones */

/* --- what is reserved --------------------------------------------------------------------------- */

/* The addresses before and behind the prefix, as far as there are any, and one of another family. */
static bool outside_judge(struct ipam_pool *pool)
{
	check_number first = number_of(&pool->prefix.address);
	check_number last = first + host_last(&pool->prefix);
	uint8_t length = pool->prefix.address.length;
	struct nx_address outside[3] = {
		number_address(first - 1, length),
		number_address(last + 1, length),
		{.length = length == 4 ? 16 : 4},
	};
	bool done;

	for (size_t i = 0; i < NX_COUNT(outside); i++) {
		if (!ipam_take(pool, &outside[i], &done) || !ipam_give(pool, &outside[i]))
			return false;
	}
	return ipam_usage(pool);
}

/* Every address is either reserved or can be taken, and as many can be as the capacity says. */
static bool each_take(struct ipam_pool *pool)
{
	check_number last = host_last(&pool->prefix);
	char text[NX_ADDRESS_TEXT];
	bool done;

	for (check_number host = 0; host <= last; host++) {
		struct nx_address address = host_address(&pool->prefix, host);

		if (!ipam_take(pool, &address, &done))
			return false;
	}
	if (pool->model.count == pool->capacity)
		return ipam_usage(pool);
	return check_fail(
		pool->ipam->check,
		"expected that pool_take takes as many addresses of %s as the capacity says (%llu), "
		"found %zu",
		nx_prefix_format(&pool->prefix, text), (unsigned long long)pool->capacity, pool->model.count);
}

/* What is proposed is nothing that pool_take calls reserved. */
static bool proposals_judge(struct ipam_pool *pool, struct ipam_pool *other)
{
	struct nx_address address;
	char text[NX_ADDRESS_TEXT];
	bool done, taken;

	unsigned int calls = host_bits(&pool->prefix) <= SMALL_BITS ? 1u << SMALL_BITS : LARGE_CALLS;

	for (unsigned int i = 0; i < calls; i++) {
		if (!ipam_allocate(pool, &address, &done))
			return false;
		if (!done)
			break;
		if (!ipam_take(other, &address, &taken))
			return false;
		if (!taken)
			return check_fail(
				pool->ipam->check,
				"expected a proposal that pool_take takes, found %s, which it calls "
				"reserved",
				nx_address_format(&address, text));
	}
	return true;
}

void ipam_check_reserved(struct check *check)
{
	struct ipam ipam;
	bool good = ipam_begin(check, &ipam);

	for (size_t i = 0; good && i < ipam.size_count; i++) {
		const struct nx_prefix *prefix = &ipam.sizes[i];
		struct ipam_pool pool = {0}, other = {0}, full = {0};

		good = ipam_pool_open(&ipam, prefix, NULL, &pool) && outside_judge(&pool) &&
		       ipam_pool_open(&ipam, prefix, "another pool", &other) &&
		       proposals_judge(&pool, &other);
		if (good && host_bits(prefix) <= SMALL_BITS)
			good = ipam_pool_open(&ipam, prefix, NULL, &full) && each_take(&full);
		ipam_pool_close(&pool);
		ipam_pool_close(&other);
		ipam_pool_close(&full);
	}
}

/* --- all sizes ------------------------------------------------------------------------------------ */

/* From both ends towards the middle. */
static bool size_judge(struct ipam_pool *pool)
{
	check_number last = host_last(&pool->prefix);
	struct nx_address address;
	bool done;

	for (unsigned int i = 0; i < LARGE_CALLS; i++) {
		if (!ipam_allocate(pool, &address, &done))
			return false;
	}
	for (unsigned int i = 0; i < LARGE_CALLS && i <= last; i++) {
		address = host_address(&pool->prefix, last - i);
		if (!ipam_take(pool, &address, &done))
			return false;
	}
	for (unsigned int i = 0; i < LARGE_CALLS; i++) {
		if (!ipam_step(pool, LARGE_CALLS))
			return false;
	}
	return ipam_usage(pool) && ipam_give_all(pool);
}

void ipam_check_sizes(struct check *check)
{
	struct ipam ipam;
	bool good = ipam_begin(check, &ipam);

	for (size_t i = 0; good && i < ipam.size_count; i++) {
		struct ipam_pool pool = {0};

		good = ipam_pool_open(&ipam, &ipam.sizes[i], NULL, &pool) && size_judge(&pool);
		ipam_pool_close(&pool);
	}
}

/* --- to the end ------------------------------------------------------------------------------------- */

static bool fill(struct ipam_pool *pool)
{
	struct nx_address address;
	check_number calls = host_last(&pool->prefix) + 1;
	bool done = true;

	for (check_number i = 0; done && i <= calls; i++) {
		if (!ipam_allocate(pool, &address, &done))
			return false;
	}
	return ipam_usage(pool);
}

/* One that is given back is the one that is left. */
static bool last_one_judge(struct ipam_pool *pool)
{
	struct nx_address address, again;
	bool done;

	if (!pool->model.count)
		return true;
	address = ipam_any_taken(pool);
	if (!ipam_give(pool, &address) || !ipam_allocate(pool, &again, &done))
		return false;
	return done ? ipam_usage(pool)
		    : check_fail(pool->ipam->check, "expected the address that was just given back, found "
						    "that the pool is exhausted");
}

static bool exhaust(struct ipam_pool *pool)
{
	size_t half;

	if (!fill(pool))
		return false;
	for (unsigned int i = 0; i < 50; i++) {
		if (!last_one_judge(pool))
			return false;
	}
	half = pool->model.count / 2;
	while (pool->model.count > half) {
		struct nx_address address = ipam_any_taken(pool);

		if (!ipam_give(pool, &address))
			return false;
	}
	return fill(pool) && ipam_give_all(pool) && fill(pool) && ipam_give_all(pool);
}

void ipam_check_exhaustion(struct check *check)
{
	uint64_t left = check->options->operations;
	struct ipam ipam;
	bool good = ipam_begin(check, &ipam);

	for (size_t i = 0; good && i < ipam.size_count; i++) {
		check_number calls = (host_last(&ipam.sizes[i]) + 1) * 6;
		struct ipam_pool pool = {0};

		if (calls > left && i > 0)
			break;
		left -= calls < left ? (uint64_t)calls : left;
		good = ipam_pool_open(&ipam, &ipam.sizes[i], NULL, &pool) && exhaust(&pool);
		ipam_pool_close(&pool);
	}
}

/* --- outputs ------------------------------------------------------------------------------------------ */

static bool same_bytes(struct ipam *ipam, const char *function, const void *out, const void *before,
		       size_t size)
{
	return check_bytes_same(out, before, size) ||
	       check_fail(ipam->check,
			  "expected that %s leaves its output alone when it fails, found that it was written",
			  function);
}

void ipam_check_untouched(struct check *check)
{
	struct ipam_pool pool = {0};
	struct nx_address out, before;
	struct nx_error error = {0};
	struct ipam ipam;

	memset(&before, 0xa5, sizeof(before));
	out = before;
	if (ipam_begin(check, &ipam) && ipam_pool_open(&ipam, &ipam.sizes[0], NULL, &pool) && fill(&pool)) {
		ipam_device_next(&ipam);
		if (ipam_call_allocate(&pool, &out, &error) != NX_EXHAUSTED)
			check_skip(check, "the smallest pool cannot be exhausted");
		else if (same_bytes(&ipam, "pool_allocate", &out, &before, sizeof(out)) &&
			 ipam_call_allocate(&pool, &out, NULL) != NX_EXHAUSTED)
			check_fail(check, "expected the same answer without an error to fill, found another");
	}
	ipam_pool_close(&pool);
}
