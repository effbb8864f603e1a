/* SPDX-License-Identifier: Apache-2.0 */
/* What the checks of "strategy/…" share: a pool of this program's own, over which a strategy is asked. */
#ifndef NX_CHECK_STRATEGY_H
#define NX_CHECK_STRATEGY_H

#include <nexodus/strategy.h>

#include "base/secret.h"
#include "check/check.h"
#include "check/model.h"
#include "check/number.h"
#include "check/random.h"

struct strategy {
	struct check *check;
	const struct nx_strategy_ops *ops;
	void *instance;
	bool blocking;
	bool calm;	      /* nobody waits any more: what is_awaited says */
	unsigned int devices; /* asked about so far */
	char device_id[37];
};

/*
 * Addresses of a prefix of which the first and the last are reserved, whatever their length: a strategy
 * knows no family, and has to take what the pool says.
 */
struct strategy_pool {
	struct strategy *strategy;
	struct nx_prefix prefix;
	char organization_id[NX_UUID_TEXT];
	struct model taken;
	uint64_t *bits;		/* the same by host part, of a pool that is small enough; or NULL */
	uint64_t capacity;	/* UINT64_MAX when more */
	struct nx_address last; /* what was given last; length 0: it is not told */
	bool forgetful;		/* it never is */
	/* Of the last call: how often it looked, and its time without that of next_free, which is ours. */
	unsigned int looks;
	uint64_t nanoseconds;
};

/* What a call may be asked beside what the pool says. */
struct strategy_call {
	unsigned int attempt;
	const struct nx_address *last; /* NULL: not told */
	const char *hostname;	       /* NULL: an ordinary one */
	bool silent;		       /* without an error to fill in */
};

uint64_t strategy_clock(void); /* this thread's time on the processor, in nanoseconds */
void strategy_begin(struct check *check, struct strategy *out);
void strategy_pool_open(struct strategy *strategy, uint8_t length, uint8_t bits, struct strategy_pool *out);
void strategy_pool_close(struct strategy_pool *pool);

/* The calls that follow are for another device. */
void strategy_device_next(struct strategy *strategy);
/* The call alone, in the journal. */
enum nx_status strategy_choose(struct strategy_pool *pool, const struct strategy_call *how,
			       struct nx_address *out, struct nx_error *error);
/* Judge a status that is none of success and `exhausted`. False; the check has failed, or is skipped
 * because what a blocking strategy depends on is away. */
bool strategy_failure_judge(struct strategy_pool *pool, enum nx_status status, const struct nx_error *error);
/* Is the pool full? */
bool strategy_exhaustion_judge(struct strategy_pool *pool);
/* Is it an address for a host of the prefix? */
bool strategy_proposal_judge(struct strategy_pool *pool, const struct nx_address *address);
/* For another device, and until a proposal is free, which is taken then: *done; or none is left. */
bool strategy_propose(struct strategy_pool *pool, struct nx_address *out, bool *done);
/* The same for a device that was asked about before. */
bool strategy_propose_again(struct strategy_pool *pool, struct nx_address *out, bool *done);
void strategy_take(struct strategy_pool *pool, const struct nx_address *address); /* a free one */
void strategy_give(struct strategy_pool *pool, const struct nx_address *address); /* one that is taken */
/* Somebody else takes so many, at random. */
void strategy_occupy(struct strategy_pool *pool, uint64_t count);

/* The checks, by file. */
void strategy_check_proposals(struct check *check); /* strategy_pools.c */
void strategy_check_taken(struct check *check);
void strategy_check_exhaustion(struct check *check);
void strategy_check_last(struct check *check);
void strategy_check_requests(struct check *check); /* strategy_calls.c */
void strategy_check_untouched(struct check *check);
void strategy_check_again(struct check *check);
void strategy_check_growth(struct check *check); /* strategy_cost.c */
void strategy_check_waiting(struct check *check);
void strategy_check_threads(struct check *check);

#endif
