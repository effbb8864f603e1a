/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of strategies.h: one lock over all strategies, whose work is short. */
#ifndef NX_SERVER_IPAM_STRATEGIES_INSIDE_H
#define NX_SERVER_IPAM_STRATEGIES_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "server/ipam/breaker.h"
#include "server/ipam/strategies.h"

/* Questions that wait for a thread of one strategy at most. */
#define NX_STRATEGY_QUEUE 1024
#define NX_STRATEGY_THREADS 64
#define NX_STRATEGY_BOUNDS 6
/* Organizations that are remembered. */
#define NX_STRATEGY_EXPECTED 1024

struct nx_asker; /* a strategy at work */

/* A question under way. */
struct nx_ask {
	TAILQ_ENTRY(nx_ask) entry;
	struct nx_asker *asker;
	struct nx_question question;
	uint64_t deadline;
	bool trial;	     /* the one call that a strategy gets that has failed */
	atomic_bool awaited; /* false: its asker has been told otherwise, the thread frees it */
	void (*answered)(void *context, const struct nx_proposal *proposal);
	void *context;
};
TAILQ_HEAD(nx_ask_list, nx_ask);

struct nx_strategy_thread {
	pthread_t id;
	struct nx_asker *asker;
	bool calling; /* it is inside the plugin */
};

struct nx_asker {
	struct nx_strategies *all;
	char *name; /* as a strategy's key, or "ipam/<family>" of a family's own */
	const char *plugin;
	const struct nx_strategy_ops *ops; /* NULL: a family's own */
	const struct nx_ipam_ops *family;  /* whose own it is, or NULL */
	void *instance;
	/* Of one that blocks. */
	struct nx_ask_list waiting, running; /* those that are awaited */
	unsigned waiting_count, hung, idle;
	pthread_cond_t work;
	struct nx_strategy_thread thread[NX_STRATEGY_THREADS];
	unsigned thread_count;
	struct nx_breaker breaker;
	int64_t open_since; /* seconds since 1970; 0: it is not open */
	/* Of one that does not: when the call began that is under way, milliseconds; 0: none is. */
	uint64_t calling;
	bool told_stuck;
	/* Of any: wrong answers in a row, and when the last that made them too many was; 0: they are not. */
	unsigned wrong;
	int64_t wrong_since;
	/* Told in the log now and then. */
	uint64_t told, told_slow; /* when; 0: never */
	unsigned untold;
	/* Counted. */
	uint64_t result[NX_STRATEGY_RESULTS];
	uint64_t rejection[NX_STRATEGY_REJECTIONS];
	uint64_t bucket[NX_STRATEGY_BOUNDS + 1]; /* the last: above all bounds */
	uint64_t microseconds;
};

struct nx_strategies {
	const struct nx_config *config; /* NULL: the defaults */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* for the keeper, and for who waits for the end */
	pthread_t keeper;	/* of the deadlines */
	bool kept, stopping;
	bool resting;		 /* the keeper: until something happens */
	bool called;		 /* one that does not block, since the keeper has looked */
	uint64_t timeout, retry; /* milliseconds */
	unsigned threads;
	uint64_t expected[NX_STRATEGY_EXPECTED];
	size_t count;
	struct nx_asker asker[];
};

/* --- strategies_thread.c: under the lock --- */

/* There is work: wake a thread, or make one. False when there is none and none can be had. */
bool nx_strategy_thread_call(struct nx_asker *asker);

/* --- strategies_ask.c: under the lock --- */

struct nx_asker *nx_asker_find(struct nx_strategies *strategies, const struct nx_strategy *strategy);
/* Take it from the queue: its time is up, or the server stops. Fills in what its asker is told. */
void nx_ask_withdraw(struct nx_ask *ask, bool running, struct nx_proposal *out);
/* What came of a call that was awaited. */
void nx_asker_judge(struct nx_asker *asker, const struct nx_proposal *proposal);
/* Begin to keep deadlines. */
bool nx_keeper_begin(struct nx_strategies *strategies);
/* Answer all that are due at `now` (UINT64_MAX: all), giving up the lock for each. */
void nx_asks_expire(struct nx_strategies *strategies, uint64_t now);

/* --- strategies_show.c: under the lock --- */

void nx_asker_count(struct nx_asker *asker, enum nx_strategy_result result, uint64_t microseconds);
/* Once in a while: that it fails, and why. */
void nx_asker_tell(struct nx_asker *asker, const char *reason);

/* --- strategies_doubt.c: under the lock --- */

/* It has given a wrong answer. */
void nx_asker_wrong(struct nx_asker *asker);
/* When a call that keeps all other writes waiting has to be told of; UINT64_MAX: there is none. */
uint64_t nx_asker_stuck_at(const struct nx_asker *asker);
/* Is there one that is not back in time? */
bool nx_asker_stuck(const struct nx_asker *asker);
/* Tell of it, once. */
void nx_asker_stuck_tell(struct nx_asker *asker);
/* What is to be shown of it, and since when (seconds since 1970); NULL: nothing. */
const char *nx_asker_doubt(const struct nx_asker *asker, int64_t *since);

#endif
