/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to blocking strategies: taken or refused, and answered by their deadline. */
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "server/ipam/strategies_inside.h"
#include "server/store/backoff.h"

#define OTHERWISE "try again later, or let the organization have another strategy"
#define NOT_IN_TIME "the strategy '%s' has not answered in time: " OTHERWISE

struct nx_asker *nx_asker_find(struct nx_strategies *strategies, const struct nx_strategy *strategy)
{
	for (size_t i = 0; i < strategies->count; i++) {
		struct nx_asker *asker = &strategies->asker[i];

		if (strategy->family ? asker->family == strategy->family : asker->ops == strategy->ops)
			return asker;
	}
	return NULL;
}

uint64_t nx_strategies_deadline(struct nx_strategies *strategies)
{
	pthread_mutex_lock(&strategies->lock);
	uint64_t deadline = nx_milliseconds() + strategies->timeout;
	pthread_mutex_unlock(&strategies->lock);
	return deadline;
}

/* --- what comes of calls --------------------------------------------------------------------- */

static void asker_failed(struct nx_asker *asker, const char *reason)
{
	nx_asker_tell(asker, reason);
	if (!nx_breaker_failed(&asker->breaker, nx_milliseconds(), asker->all->retry))
		return;
	asker->open_since = time(NULL);
	nx_log(NX_LOG_ERROR, "a strategy fails, and is asked once in a while only", "strategy", asker->name,
	       "plugin", asker->plugin, "reason", reason, NULL);
}

static void asker_worked(struct nx_asker *asker)
{
	asker->open_since = 0;
	if (nx_breaker_worked(&asker->breaker))
		nx_log(NX_LOG_INFO, "a strategy works again", "strategy", asker->name, NULL);
}

void nx_asker_judge(struct nx_asker *asker, const struct nx_proposal *proposal)
{
	if (proposal->status == NX_UNAVAILABLE)
		asker_failed(asker, proposal->error.message);
	else
		asker_worked(asker);
}

void nx_ask_withdraw(struct nx_ask *ask, bool running, struct nx_proposal *out)
{
	struct nx_asker *asker = ask->asker;

	*out = (struct nx_proposal){.status = NX_UNAVAILABLE};
	if (asker->all->stopping)
		nx_fail(&out->error, NX_UNAVAILABLE, NULL, "the server is stopping");
	else
		nx_fail(&out->error, NX_UNAVAILABLE, NULL, NOT_IN_TIME, asker->name);
	TAILQ_REMOVE(running ? &asker->running : &asker->waiting, ask, entry);
	atomic_store(&ask->awaited, false);
	asker->waiting_count -= !running;
	asker->hung += running;
	if (!asker->all->stopping)
		nx_asker_count(asker, NX_STRATEGY_TIMED_OUT, asker->all->timeout * 1000);
	/* That it never got a thread says nothing of the strategy. */
	if (running && !asker->all->stopping)
		asker_failed(asker, "it has not answered in time");
	else if (ask->trial)
		nx_breaker_spared(&asker->breaker);
}

/* --- deadlines --------------------------------------------------------------------------------- */

static struct nx_ask *due_find(struct nx_ask_list *list, uint64_t now)
{
	struct nx_ask *ask;

	TAILQ_FOREACH (ask, list, entry) {
		if (ask->deadline <= now)
			return ask;
	}
	return NULL;
}

/* One that is due. False: there is none. Gives the lock up while it tells. */
static bool expire_one(struct nx_asker *asker, uint64_t now)
{
	struct nx_ask *ask = due_find(&asker->running, now);
	bool running = ask != NULL;
	struct nx_proposal proposal;

	if (!ask)
		ask = due_find(&asker->waiting, now);
	if (!ask)
		return false;
	void (*answered)(void *context, const struct nx_proposal *proposal) = ask->answered;
	void *context = ask->context;
	nx_ask_withdraw(ask, running, &proposal);
	if (!running)
		free(ask);
	pthread_mutex_unlock(&asker->all->lock);
	answered(context, &proposal);
	pthread_mutex_lock(&asker->all->lock);
	return true;
}

void nx_asks_expire(struct nx_strategies *strategies, uint64_t now)
{
	for (size_t i = 0; i < strategies->count; i++) {
		while (expire_one(&strategies->asker[i], now))
			;
	}
}

static void earliest(const struct nx_ask_list *list, uint64_t *due)
{
	const struct nx_ask *ask;

	TAILQ_FOREACH (ask, list, entry) {
		*due = ask->deadline < *due ? ask->deadline : *due;
	}
}

static void keeper_wait(struct nx_strategies *strategies)
{
	uint64_t due = UINT64_MAX;

	for (size_t i = 0; i < strategies->count; i++) {
		earliest(&strategies->asker[i].waiting, &due);
		earliest(&strategies->asker[i].running, &due);
		uint64_t stuck = nx_asker_stuck_at(&strategies->asker[i]);
		due = stuck < due ? stuck : due;
	}
	/* Calls come one after the other as a rule: not to be woken for each, it looks again by itself. */
	if (due == UINT64_MAX && strategies->called)
		due = nx_milliseconds() + strategies->timeout;
	strategies->called = false;
	const struct timespec until = nx_timespec(due);
	strategies->resting = due == UINT64_MAX;
	if (due == UINT64_MAX)
		pthread_cond_wait(&strategies->changed, &strategies->lock);
	else
		pthread_cond_clockwait(&strategies->changed, &strategies->lock, CLOCK_MONOTONIC, &until);
}

static void *keeper_main(void *context)
{
	struct nx_strategies *strategies = context;

	pthread_setname_np(pthread_self(), "strategies");
	pthread_mutex_lock(&strategies->lock);
	while (!strategies->stopping) {
		keeper_wait(strategies);
		strategies->resting = false;
		nx_asks_expire(strategies, nx_milliseconds());
		for (size_t i = 0; i < strategies->count; i++)
			nx_asker_stuck_tell(&strategies->asker[i]);
	}
	pthread_mutex_unlock(&strategies->lock);
	return NULL;
}

bool nx_keeper_begin(struct nx_strategies *strategies)
{
	if (!strategies->kept)
		strategies->kept = pthread_create(&strategies->keeper, NULL, keeper_main, strategies) == 0;
	return strategies->kept;
}

/* --- asking -------------------------------------------------------------------------------------- */

/* May it be asked now? */
static enum nx_status admit(struct nx_asker *asker, struct nx_error *error)
{
	struct nx_strategies *all = asker->all;

	if (all->stopping)
		return nx_fail(error, NX_UNAVAILABLE, NULL, "the server is stopping");
	if (asker->hung >= all->threads)
		return nx_fail(error, NX_UNAVAILABLE, NULL,
			       "the strategy '%s' hangs, none of %u calls has come back: " OTHERWISE,
			       asker->name, asker->hung);
	if (asker->waiting_count >= NX_STRATEGY_QUEUE)
		return nx_fail(error, NX_UNAVAILABLE, NULL,
			       "too many devices wait for the strategy '%s': " OTHERWISE, asker->name);
	if (!nx_breaker_admit(&asker->breaker, nx_milliseconds()))
		return nx_fail(error, NX_UNAVAILABLE, NULL,
			       "the strategy '%s' has failed several times in a row, and is asked every %u s "
			       "only: " OTHERWISE,
			       asker->name, (unsigned)(all->retry / 1000));
	return NX_OK;
}

static enum nx_status enqueue(struct nx_asker *asker, struct nx_ask *ask, struct nx_error *error)
{
	enum nx_status status;

	if (ask->deadline <= nx_milliseconds()) /* earlier attempts have used it up */
		return nx_fail(error, NX_UNAVAILABLE, NULL, NOT_IN_TIME, asker->name);
	status = admit(asker, error);
	if (status != NX_OK)
		return status;
	ask->trial = asker->breaker.open;
	TAILQ_INSERT_TAIL(&asker->waiting, ask, entry);
	asker->waiting_count++;
	if (nx_keeper_begin(asker->all) && nx_strategy_thread_call(asker)) {
		pthread_cond_broadcast(&asker->all->changed);
		return NX_OK;
	}
	TAILQ_REMOVE(&asker->waiting, ask, entry);
	asker->waiting_count--;
	if (ask->trial)
		nx_breaker_spared(&asker->breaker);
	return nx_fail(error, NX_UNAVAILABLE, NULL,
		       "there is no thread to ask the strategy '%s': try again later", asker->name);
}

void nx_strategies_ask(struct nx_strategies *strategies, const struct nx_question *question,
		       uint64_t deadline, void (*answered)(void *context, const struct nx_proposal *proposal),
		       void *context)
{
	struct nx_asker *asker = nx_asker_find(strategies, &question->strategy);
	struct nx_proposal refusal = {0};
	struct nx_ask *ask = nx_alloc(sizeof(*ask));

	ask->asker = asker;
	ask->question = *question;
	ask->deadline = deadline;
	ask->answered = answered;
	ask->context = context;
	atomic_init(&ask->awaited, true);
	pthread_mutex_lock(&strategies->lock);
	refusal.status = enqueue(asker, ask, &refusal.error);
	if (refusal.status != NX_OK && !strategies->stopping)
		asker->result[NX_STRATEGY_REFUSED]++;
	pthread_mutex_unlock(&strategies->lock);
	if (refusal.status == NX_OK)
		return;
	free(ask);
	answered(context, &refusal);
}

/* --- and waiting ----------------------------------------------------------------------------------- */

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool done;
	struct nx_proposal *out;
};

static void waiter_answered(void *context, const struct nx_proposal *proposal)
{
	struct waiter *waiter = context;

	pthread_mutex_lock(&waiter->lock);
	*waiter->out = *proposal;
	waiter->done = true;
	pthread_cond_signal(&waiter->answered);
	pthread_mutex_unlock(&waiter->lock);
}

void nx_strategies_wait(struct nx_strategies *strategies, const struct nx_question *question,
			uint64_t deadline, struct nx_proposal *out)
{
	struct waiter waiter = {
		.lock = PTHREAD_MUTEX_INITIALIZER, .answered = PTHREAD_COND_INITIALIZER, .out = out};

	nx_strategies_ask(strategies, question, deadline, waiter_answered, &waiter);
	pthread_mutex_lock(&waiter.lock);
	while (!waiter.done)
		pthread_cond_wait(&waiter.answered, &waiter.lock);
	pthread_mutex_unlock(&waiter.lock);
}
