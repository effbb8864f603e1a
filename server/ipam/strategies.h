/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loaded strategies at work: what their calls come to, and how those that block are asked.
 *
 * A blocking strategy is asked on threads of its own, made when they are needed and a few at most.
 * Whoever asks hears from it by the deadline, one way or the other. A call that hangs beyond it keeps
 * its thread; when all threads of a strategy hang it is not asked any more, and after some failures in
 * a row (breaker.h) it is asked once in a while only. Others are not concerned by either.
 *
 * Failures, for the breaker: calls that were not back in time, and NX_UNAVAILABLE. A wrong answer is
 * an answer. Of any strategy, it is shown that it has given several in a row, or that a call which keeps
 * all other writes waiting is not back in time. What a family's plugin proposes by itself is one of them.
 *
 * Any thread, but for new, reload, stop and free: control thread.
 */
#ifndef NX_SERVER_IPAM_STRATEGIES_H
#define NX_SERVER_IPAM_STRATEGIES_H

#include "base/buffer.h"
#include "server/ipam/asking.h"

/* The section "strategies": `timeout`, `threads`, `retry`. Declared by server/main.c. */
extern const struct nx_table nx_strategies_config_keys;

struct nx_strategies;

/* After nx_plugins_load(). A server without a configuration takes the defaults. */
struct nx_strategies *nx_strategies_new(struct nx_server *server);
/* Take over what may change while running. */
void nx_strategies_reload(struct nx_strategies *strategies);
/*
 * Answer all who wait, ask no more, and wait for calls under way as long as they may take. False when
 * some hang: their plugins must not be unloaded, nor the rest be freed, and the process should end
 * by _exit(). Once this returns nobody is answered any more. NULL is fine.
 */
bool nx_strategies_stop(struct nx_strategies *strategies);
void nx_strategies_free(struct nx_strategies *strategies); /* after nx_strategies_stop(); NULL is fine */

/* --- asking those that block ---------------------------------------------------------------- */

static inline bool nx_strategy_blocks(const struct nx_strategy *strategy)
{
	return strategy->ops && (strategy->ops->flags & NX_STRATEGY_BLOCKING);
}

struct nx_proposal {
	enum nx_status status;	   /* NX_OK: an address of the prefix */
	struct nx_address address; /* which may be taken by now */
	struct nx_error error;	   /* with the strategy's name */
};

/* Milliseconds of CLOCK_MONOTONIC: when who asks now has to have heard. */
uint64_t nx_strategies_deadline(struct nx_strategies *strategies);
/*
 * Ask. `answered` is called once: on a thread of the strategy's, on the one that keeps the deadlines,
 * or, when it is not asked at all, before this returns. It must be quick.
 */
void nx_strategies_ask(struct nx_strategies *strategies, const struct nx_question *question,
		       uint64_t deadline, void (*answered)(void *context, const struct nx_proposal *proposal),
		       void *context);

/* Ask, and wait for the answer. Not on a thread that others need. */
void nx_strategies_wait(struct nx_strategies *strategies, const struct nx_question *question,
			uint64_t deadline, struct nx_proposal *out);

/* An organization's addresses come from a strategy that blocks, so that its next device may better be
 * asked about before anything is written. Some organizations are forgotten again. */
void nx_strategies_expect(struct nx_strategies *strategies, const char *organization_id);
bool nx_strategies_expected(struct nx_strategies *strategies, const char *organization_id);

/* --- what came of calls ----------------------------------------------------------------------- */

enum nx_strategy_result {
	NX_STRATEGY_PROPOSED,
	NX_STRATEGY_EXHAUSTED,
	NX_STRATEGY_FAILED,
	NX_STRATEGY_TIMED_OUT,
	NX_STRATEGY_REFUSED, /* not asked: it hangs, has failed, or too many wait */
	NX_STRATEGY_RESULTS,
};
enum nx_strategy_rejection {
	NX_STRATEGY_TAKEN,
	NX_STRATEGY_UNFIT, /* outside the prefix, reserved, or no address of the family */
	NX_STRATEGY_REJECTIONS,
};

/* Of what it said. */
static inline enum nx_strategy_result nx_strategy_result(enum nx_status said)
{
	return said == NX_OK	      ? NX_STRATEGY_PROPOSED
	       : said == NX_EXHAUSTED ? NX_STRATEGY_EXHAUSTED
				      : NX_STRATEGY_FAILED;
}

uint64_t nx_strategies_microseconds(void); /* of CLOCK_MONOTONIC */
/* A strategy that does not block is about to be called. `strategies` may be NULL, as in tests. */
void nx_strategies_calling(struct nx_strategies *strategies, const struct nx_strategy *strategy);
/* That call has come back. The same. */
void nx_strategies_measured(struct nx_strategies *strategies, const struct nx_strategy *strategy,
			    enum nx_strategy_result result, uint64_t microseconds);
/* A proposal was not given. The same. */
void nx_strategies_rejected(struct nx_strategies *strategies, const struct nx_strategy *strategy,
			    enum nx_strategy_rejection reason);
/* What it has proposed was given to a device, or what a family's own says is free may be; or it has answered
 * what no strategy may (proposals that are unfit count by themselves, and so does what a blocking one
 * answers). The same. */
void nx_strategies_given(struct nx_strategies *strategies, const struct nx_strategy *strategy);
void nx_strategies_wrong(struct nx_strategies *strategies, const struct nx_strategy *strategy);

/* In the text format of Prometheus. */
void nx_strategies_metrics_write(struct nx_strategies *strategies, struct nx_buffer *out);
/* Those that are asked once in a while only, answer wrongly, or hang, as a JSON array of name, reason and
 * time since when; nothing when there is none. False when one of them keeps all writes waiting. */
bool nx_strategies_degraded_write(struct nx_strategies *strategies, struct nx_buffer *out);

#endif
