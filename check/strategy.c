/* SPDX-License-Identifier: Apache-2.0 */
/* A strategy over a pool: each answer is held against what must be so. */
#include "check/strategy.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/address.h"
#include "base/error.h"
#include "base/memory.h"

const struct check_case strategy_cases[] = {
	{"proposals", "addresses of the prefix, for hosts, in small and huge prefixes of both lengths",
	 strategy_check_proposals},
	{"taken", "it moves on when what it proposed is taken", strategy_check_taken},
	{"exhaustion", "every address is given before it says that there is none", strategy_check_exhaustion},
	{"last", "whatever it is told, or not, of the address that was given last", strategy_check_last},
	{"requests", "devices with odd names, and attempts without end", strategy_check_requests},
	{"untouched", "outputs are untouched on failure", strategy_check_untouched},
	{"again", "the same device twice", strategy_check_again},
	{"growth", "a call costs as much in a large pool as in a small one", strategy_check_growth},
	{"waiting", "one that blocks returns when nobody waits any more", strategy_check_waiting},
	{"threads", "one that blocks is asked on several threads at a time", strategy_check_threads},
	{0},
};

/* --- the pool ---------------------------------------------------------------------------------- */

struct nx_strategy_view {
	struct strategy_pool *pool;
};

uint64_t strategy_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool is_reserved(const struct strategy_pool *pool, const struct nx_address *address)
{
	check_number host = number_of(address) - number_of(&pool->prefix.address);

	return host == 0 || host == host_last(&pool->prefix);
}

static bool view_is_free(const struct nx_strategy_view *view, const struct nx_address *address)
{
	struct strategy_pool *pool = view->pool;

	pool->looks++;
	return address->length == pool->prefix.address.length && nx_prefix_contains(&pool->prefix, address) &&
	       !is_reserved(pool, address) && !model_has(&pool->taken, address);
}

/* The lowest free host part that is not below `host`, from the beginning when there is none. */
static check_number host_find(const struct strategy_pool *pool, check_number host)
{
	check_number last = host_last(&pool->prefix);

	for (;; host = host >= last - 1 ? 1 : host + 1) {
		struct nx_address address;

		/* 64 at once, so that what this takes is not taken for what the strategy does. */
		while (pool->bits && host % 64 == 0 && host + 64 < last &&
		       pool->bits[host / 64] == UINT64_MAX)
			host += 64;
		address = host_address(&pool->prefix, host);
		if (!is_reserved(pool, &address) && !model_has(&pool->taken, &address))
			return host;
	}
}

static enum nx_status view_next_free(const struct nx_strategy_view *view, const struct nx_address *from,
				     struct nx_address *out, struct nx_error *error)
{
	struct strategy_pool *pool = view->pool;

	pool->looks++;
	if (from->length != pool->prefix.address.length || !nx_prefix_contains(&pool->prefix, from))
		return nx_fail(error, NX_INVALID, NULL, "it looks for addresses outside the prefix");
	if (pool->taken.count == pool->capacity)
		return nx_fail(error, NX_EXHAUSTED, NULL, "all %zu addresses are taken", pool->taken.count);
	*out = host_address(&pool->prefix,
			    host_find(pool, number_of(from) - number_of(&pool->prefix.address)));
	return NX_OK;
}

static bool view_is_awaited(const struct nx_strategy_view *view)
{
	return !view->pool->strategy->calm;
}

void strategy_begin(struct check *check, struct strategy *out)
{
	const struct nx_strategy_ops *ops = check->capability->ops;

	*out = (struct strategy){
		.check = check,
		.ops = ops,
		.instance = check->capability->provider->instance,
		.blocking = ops->flags & NX_STRATEGY_BLOCKING,
	};
}

void strategy_pool_open(struct strategy *strategy, uint8_t length, uint8_t bits, struct strategy_pool *out)
{
	struct nx_prefix prefix = {.address = {.length = length}, .bits = bits};
	uint64_t hosts = 8u * length - bits >= 64 ? UINT64_MAX : (uint64_t)1 << (8u * length - bits);

	for (uint8_t i = 0; i < length; i++)
		prefix.address.bytes[i] = (uint8_t)random_next(&strategy->check->random);
	*out = (struct strategy_pool){
		.strategy = strategy,
		.prefix = nx_prefix_mask(&prefix),
		.capacity = hosts == UINT64_MAX ? UINT64_MAX : hosts - 2,
		.bits = hosts <= 65536 ? nx_alloc_array(hosts / 64 + 1, sizeof(uint64_t)) : NULL,
	};
	if (out->bits)
		out->bits[0] = 1; /* reserved */
	/* What is asked outside remembers what it gave, and is not to know of an earlier run. */
	if (strategy->blocking)
		nx_uuid_make(out->organization_id);
	else
		snprintf(out->organization_id, sizeof(out->organization_id),
			 "01890000-0000-7000-8000-000000000000");
}

void strategy_pool_close(struct strategy_pool *pool)
{
	model_clear(&pool->taken);
	free(pool->bits);
}

static void bit_turn(const struct strategy_pool *pool, const struct nx_address *address)
{
	check_number host = number_of(address) - number_of(&pool->prefix.address);

	if (pool->bits)
		pool->bits[host / 64] ^= (uint64_t)1 << host % 64;
}

void strategy_take(struct strategy_pool *pool, const struct nx_address *address)
{
	model_add(&pool->taken, address);
	bit_turn(pool, address);
}

void strategy_give(struct strategy_pool *pool, const struct nx_address *address)
{
	model_remove(&pool->taken, address);
	bit_turn(pool, address);
}

void strategy_occupy(struct strategy_pool *pool, uint64_t count)
{
	uint64_t hosts = pool->capacity == UINT64_MAX ? UINT64_MAX : pool->capacity + 2;

	while (count > 0) {
		check_number host = random_below(&pool->strategy->check->random, hosts);
		struct nx_address address = host_address(&pool->prefix, host);

		if (is_reserved(pool, &address) || model_has(&pool->taken, &address))
			continue;
		strategy_take(pool, &address);
		count--;
	}
}

/* --- asking ------------------------------------------------------------------------------------ */

void strategy_device_next(struct strategy *strategy)
{
	snprintf(strategy->device_id, sizeof(strategy->device_id), "%08x-0000-7000-8000-%012x",
		 strategy->devices, strategy->devices);
	strategy->devices++;
}

enum nx_status strategy_choose(struct strategy_pool *pool, const struct strategy_call *how,
			       struct nx_address *out, struct nx_error *error)
{
	struct strategy *strategy = pool->strategy;
	struct journal_call *call = journal_begin(strategy->check->journal, "choose", NULL);
	const struct nx_strategy_view view = {.pool = pool};
	const struct nx_lease_request device = {
		.size = sizeof(device),
		.organization_id = pool->organization_id,
		.device_id = strategy->device_id,
		.public_key = strategy->device_id,
		.hostname = how->hostname ? how->hostname : "host",
	};
	const struct nx_strategy_request request = {
		.size = sizeof(request),
		.family = pool->prefix.address.length == 4 ? "inet" : "inet6",
		.prefix = &pool->prefix,
		.device = &device,
		.attempt = how->attempt,
		.last = how->last,
		.view = &view,
		.is_free = strategy->blocking ? NULL : view_is_free,
		.next_free = strategy->blocking ? NULL : view_next_free,
		.milliseconds = strategy->blocking ? 5000 : 0,
		.is_awaited = strategy->blocking ? view_is_awaited : NULL,
	};

	uint64_t begun = strategy_clock();

	pool->looks = 0;
	pool->nanoseconds = 0;
	call->prefix = pool->prefix;
	call->status = strategy->ops->choose(strategy->instance, &request, out, how->silent ? NULL : error);
	pool->nanoseconds += strategy_clock() - begun;
	if (call->status == NX_OK)
		call->address = *out;
	call->done = true;
	return call->status;
}

bool strategy_failure_judge(struct strategy_pool *pool, enum nx_status status, const struct nx_error *error)
{
	struct check *check = pool->strategy->check;
	const char *why = error->message[0] ? error->message : "it does not say why";

	if (pool->strategy->blocking && status == NX_UNAVAILABLE) {
		check_skip(check, "what it asks is away (%s): --set says where it is", why);
		return false;
	}
	return check_fail(check, "expected an address or `exhausted`, found %s: %s", nx_status_name(status),
			  why);
}

bool strategy_proposal_judge(struct strategy_pool *pool, const struct nx_address *address)
{
	struct check *check = pool->strategy->check;
	char text[NX_ADDRESS_TEXT], prefix[NX_ADDRESS_TEXT];

	nx_prefix_format(&pool->prefix, prefix);
	if (address->length != pool->prefix.address.length)
		return check_fail(check, "expected an address of %u bytes out of %s, found one of %u",
				  pool->prefix.address.length, prefix, address->length);
	nx_address_format(address, text);
	if (!nx_prefix_contains(&pool->prefix, address))
		return check_fail(check, "expected a proposal inside %s, found %s", prefix, text);
	if (is_reserved(pool, address))
		return check_fail(check, "expected an address for a host of %s, found %s, which is reserved",
				  prefix, text);
	return true;
}

bool strategy_exhaustion_judge(struct strategy_pool *pool)
{
	char prefix[NX_ADDRESS_TEXT];

	if (pool->taken.count == pool->capacity)
		return true;
	return check_fail(
		pool->strategy->check,
		"expected an address, as %zu of the %llu of %s are taken, found that it is exhausted",
		pool->taken.count, (unsigned long long)pool->capacity,
		nx_prefix_format(&pool->prefix, prefix));
}

static bool all_taken(struct strategy_pool *pool, const struct nx_address *address)
{
	char text[NX_ADDRESS_TEXT], prefix[NX_ADDRESS_TEXT];

	nx_prefix_format(&pool->prefix, prefix);
	nx_address_format(address, text);
	if (pool->taken.count == pool->capacity)
		return check_fail(pool->strategy->check,
				  "expected `exhausted`, as all %zu addresses of %s are taken, found %s",
				  pool->taken.count, prefix, text);
	return check_fail(pool->strategy->check,
			  "expected a free address of %s in %d attempts, found %s at last, which is taken",
			  prefix, NX_STRATEGY_ATTEMPTS, text);
}

bool strategy_propose_again(struct strategy_pool *pool, struct nx_address *out, bool *done)
{
	struct nx_address address = {0};

	*done = false;
	for (unsigned int i = 0; i < NX_STRATEGY_ATTEMPTS; i++) {
		const struct strategy_call how = {.attempt = i,
						  .last = pool->last.length ? &pool->last : NULL};
		struct nx_error error = {0};
		enum nx_status status = strategy_choose(pool, &how, &address, &error);

		if (status == NX_EXHAUSTED)
			return strategy_exhaustion_judge(pool);
		if (status != NX_OK)
			return strategy_failure_judge(pool, status, &error);
		if (!strategy_proposal_judge(pool, &address))
			return false;
		if (model_has(&pool->taken, &address))
			continue;
		strategy_take(pool, &address);
		if (!pool->forgetful)
			pool->last = address;
		*out = address;
		*done = true;
		return true;
	}
	return all_taken(pool, &address);
}

bool strategy_propose(struct strategy_pool *pool, struct nx_address *out, bool *done)
{
	strategy_device_next(pool->strategy);
	return strategy_propose_again(pool, out, done);
}
