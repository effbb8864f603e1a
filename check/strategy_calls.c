/* SPDX-License-Identifier: Apache-2.0 */
/* Single calls of a strategy: odd requests, and what it leaves behind. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/memory.h"
#include "check/strategy.h"

/* One call, which may be answered with an address or `exhausted`. */
static bool odd_call(struct strategy_pool *pool, const struct strategy_call *how)
{
	struct nx_address address = {0};
	struct nx_error error = {0};
	enum nx_status status = strategy_choose(pool, how, &address, &error);

	if (status == NX_OK)
		return strategy_proposal_judge(pool, &address);
	return status == NX_EXHAUSTED || strategy_failure_judge(pool, status, &error);
}

void strategy_check_requests(struct check *check)
{
	static const unsigned int attempts[] = {0, 1, 7, 8, 63, 255, 256, 65536, UINT_MAX};
	char name_long[256];
	const char *const names[] = {"", name_long, "a\"b\\c\n\t", "\xc3\xa4\xe2\x82\xac", "-", "%s%n"};
	struct strategy strategy;
	struct strategy_pool pool;
	bool good = true;

	memset(name_long, 'n', sizeof(name_long) - 1);
	name_long[sizeof(name_long) - 1] = '\0';
	strategy_begin(check, &strategy);
	strategy_pool_open(&strategy, 4, 24, &pool);
	for (size_t i = 0; good && i < NX_COUNT(names); i++)
		good = odd_call(&pool, &(struct strategy_call){.hostname = names[i]});
	for (size_t i = 0; good && i < NX_COUNT(attempts); i++)
		good = odd_call(&pool, &(struct strategy_call){.attempt = attempts[i]}) &&
		       odd_call(&pool, &(struct strategy_call){.attempt = attempts[i], .silent = true});
	strategy_pool_close(&pool);
}

/* --- outputs ------------------------------------------------------------------------------------- */

void strategy_check_untouched(struct check *check)
{
	struct strategy strategy;
	struct strategy_pool pool;
	struct nx_address address, before;
	bool done = true, good = true;

	strategy_begin(check, &strategy);
	strategy_pool_open(&strategy, 4, 29, &pool);
	while (good && done)
		good = strategy_propose(&pool, &address, &done);
	for (unsigned int silent = 0; good && silent < 2; silent++) {
		const struct strategy_call how = {.silent = silent};
		struct nx_error error = {0};

		memset(&address, 0xa5, sizeof(address));
		before = address;
		enum nx_status status = strategy_choose(&pool, &how, &address, &error);
		if (status != NX_EXHAUSTED)
			good = check_fail(check, "expected `exhausted` of a full pool, found %s",
					  status ? nx_status_name(status) : "success");
		else if (!check_bytes_same(&address, &before, sizeof(address)))
			good = check_fail(check, "expected that choose leaves its output alone when there is "
						 "no address, found it written");
	}
	strategy_pool_close(&pool);
}

/* --- the same device ------------------------------------------------------------------------------ */

/* A registration that lost a race is run again, and a host that was told to come later comes again. */
void strategy_check_again(struct check *check)
{
	struct strategy strategy;
	struct strategy_pool pool;
	struct nx_address first, second;
	char texts[2][NX_ADDRESS_TEXT];
	bool done, good = true;
	unsigned int others = 0;

	strategy_begin(check, &strategy);
	strategy_pool_open(&strategy, 16, 64, &pool);
	pool.forgetful = true;
	for (unsigned int i = 0; good && i < 20; i++) {
		good = strategy_propose(&pool, &first, &done);
		if (!good || !done)
			break;
		strategy_give(&pool, &first);
		good = strategy_propose_again(&pool, &second, &done);
		others += good && done && nx_address_compare(&first, &second) != 0;
	}
	strategy_pool_close(&pool);
	if (!good || !others)
		return;
	check->result = CHECK_NOTE;
	snprintf(check->detail, sizeof(check->detail),
		 "a device that is asked about again gets another address, though nothing else has changed: "
		 "%s, "
		 "then %s",
		 nx_address_format(&first, texts[0]), nx_address_format(&second, texts[1]));
}
