/* SPDX-License-Identifier: Apache-2.0 */
/* Several pools: after a restart, of several organizations, and closed ones. */
#include <dlfcn.h>
#include <malloc.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "check/ipam.h"

/* --- restart -------------------------------------------------------------------------------------- */

/* Take all leases of `old` into a new pool, in an order of no meaning. */
static bool pool_refill(struct ipam_pool *old, struct ipam_pool *fresh)
{
	char text[NX_ADDRESS_TEXT];
	bool taken;

	for (size_t i = 0; i < old->model.count; i++) {
		const struct nx_address *address = &old->model.items[i];

		if (!ipam_take(fresh, address, &taken))
			return false;
		if (!taken)
			return check_fail(
				old->ipam->check,
				"expected that a new pool takes the lease %s, found that it refuses it",
				nx_address_format(address, text));
	}
	return ipam_usage(fresh);
}

static bool restart_once(struct ipam *ipam, const struct nx_prefix *prefix, uint64_t operations)
{
	struct ipam_pool old = {0}, fresh = {0};
	bool good = ipam_pool_open(ipam, prefix, "the old pool", &old) &&
		    ipam_churn(&old, operations, false) &&
		    ipam_pool_open(ipam, prefix, "the new pool", &fresh) && pool_refill(&old, &fresh);

	ipam_pool_close(&old);
	good = good && ipam_churn(&fresh, operations, false) && ipam_give_all(&fresh);
	ipam_pool_close(&fresh);
	return good;
}

void ipam_check_restart(struct check *check)
{
	uint64_t operations = check->options->operations / 50 + 100;
	struct ipam ipam;

	(void)(ipam_begin(check, &ipam) && restart_once(&ipam, ipam_size(&ipam, 4), operations) &&
	       restart_once(&ipam, ipam_size(&ipam, 9), operations) &&
	       restart_once(&ipam, &ipam.fallback, operations) &&
	       restart_once(&ipam, &ipam.sizes[ipam.size_count - 1], operations));
}

/* --- organizations ---------------------------------------------------------------------------------- */

void ipam_check_organizations(struct check *check)
{
	static const char *const names[] = {"organization A", "organization B", "organization C"};
	struct ipam_pool pools[NX_COUNT(names)] = {0};
	struct ipam ipam;
	bool good = ipam_begin(check, &ipam);

	/* Two of them over the same prefix: what one has taken is free in the other. */
	for (size_t i = 0; good && i < NX_COUNT(names); i++)
		good = ipam_pool_open(&ipam, i < 2 ? ipam_size(&ipam, 9) : &ipam.fallback, names[i],
				      &pools[i]);
	for (uint64_t i = 0; good && i < check->options->operations / 10 + 100; i++) {
		struct ipam_pool *pool = &pools[random_below(&check->random, NX_COUNT(names))];

		good = ipam_step(pool, 100) && ipam_usage(pool);
	}
	/* One that ends takes nothing from the others. */
	ipam_pool_close(&pools[0]);
	for (size_t i = 1; good && i < NX_COUNT(names); i++)
		good = ipam_churn(&pools[i], 1000, true) && ipam_give_all(&pools[i]);
	for (size_t i = 0; i < NX_COUNT(names); i++)
		ipam_pool_close(&pools[i]);
}

/* --- memory ----------------------------------------------------------------------------------------- */

/* Under AddressSanitizer memory is the sanitizer's, which has its own word for what is in use. */
static size_t heap_bytes(void)
{
	size_t (*sanitizer_bytes)(void);
	void *symbol = dlsym(RTLD_DEFAULT, "__sanitizer_get_current_allocated_bytes");
	struct mallinfo2 facts;

	if (symbol) {
		memcpy(&sanitizer_bytes, &symbol, sizeof(sanitizer_bytes));
		return sanitizer_bytes();
	}
	facts = mallinfo2();
	return facts.uordblks + facts.hblkhd;
}

#define ROUNDS 50
#define WINDOWS 6

static bool memory_round(struct ipam *ipam)
{
	const struct nx_prefix *prefixes[] = {ipam_size(ipam, 4), ipam_size(ipam, 9), &ipam->fallback};
	bool good = true;

	for (size_t i = 0; good && i < NX_COUNT(prefixes); i++) {
		struct ipam_pool pool = {0};

		good = ipam_pool_open(ipam, prefixes[i], NULL, &pool) && ipam_churn(&pool, 200, false);
		ipam_pool_close(&pool); /* with all that is still taken */
	}
	return good;
}

/* Bytes that so many rounds leave behind; negative when they return some. */
static bool memory_window(struct ipam *ipam, int64_t *out)
{
	int64_t before = (int64_t)heap_bytes();

	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (!memory_round(ipam))
			return false;
	}
	*out = (int64_t)heap_bytes() - before;
	return true;
}

void ipam_check_memory(struct check *check)
{
	int64_t growth, least = INT64_MAX;
	struct ipam ipam;

	if (!ipam_begin(check, &ipam))
		return;
	ipam.ops->pool_close(NULL);
	/* What the allocator keeps for the next one counts as in use, but does not grow again and again. */
	for (unsigned int i = 0; i < WINDOWS; i++) {
		if (!memory_window(&ipam, &growth))
			return;
		least = growth < least ? growth : least;
	}
	/* A leak in each round is at least a byte for each. */
	if (least >= ROUNDS)
		check_fail(
			check,
			"expected that %d closed pools leave no memory behind, found %lld bytes more in use",
			3 * ROUNDS, (long long)least);
}
