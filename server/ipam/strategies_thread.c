/* SPDX-License-Identifier: Apache-2.0 */
/* The threads on which blocking strategies are asked. */
#include <stdlib.h>
#include <time.h>

#include "base/address.h"
#include "server/ipam/lease_inside.h"
#include "server/ipam/strategies_inside.h"
#include "server/store/backoff.h"

/* --- one call ---------------------------------------------------------------------------------- */

/* What a blocking strategy sees through is its question. */
static bool is_awaited(const struct nx_strategy_view *view)
{
	const struct nx_ask *ask = (const struct nx_ask *)(const void *)view;

	return atomic_load(&ask->awaited);
}

static void proposal_judge(const struct nx_ask *ask, const struct nx_error *why, struct nx_proposal *out)
{
	const struct nx_question *question = &ask->question;
	const char *plugin = question->strategy.plugin;

	if (out->status == NX_OK && out->address.length != question->prefix.address.length)
		out->status = nx_lease_misbehaves(plugin, &out->address, "is no address of its family",
						  &out->error);
	else if (out->status == NX_OK && !nx_prefix_contains(&question->prefix, &out->address))
		out->status = nx_lease_misbehaves(plugin, &out->address,
						  "lies outside the organization's prefix", &out->error);
	else if (out->status == NX_EXHAUSTED && why->message[0])
		nx_fail(&out->error, NX_EXHAUSTED, question->field, "%s", why->message);
	else if (out->status == NX_EXHAUSTED)
		nx_fail(&out->error, NX_EXHAUSTED, question->field, "plugin %s has no address to propose",
			plugin);
	else if (out->status == NX_UNAVAILABLE)
		nx_fail(&out->error, NX_UNAVAILABLE, NULL, "the strategy '%s' gives no address now: %s",
			question->strategy.name, why->message[0] ? why->message : "it does not say why");
	else if (out->status != NX_OK)
		out->status = nx_lease_no_proposal(plugin, why, &out->error);
}

/* Answers what the strategy itself said. */
static enum nx_status choose(const struct nx_ask *ask, struct nx_proposal *out)
{
	const struct nx_question *question = &ask->question;
	const struct nx_lease_request device = {
		.size = sizeof(device),
		.organization_id = question->organization_id,
		.device_id = question->device_id,
		.public_key = question->public_key,
		.hostname = question->hostname,
	};
	uint64_t now = nx_milliseconds();
	const struct nx_strategy_request request = {
		.size = sizeof(request),
		.family = question->family,
		.prefix = &question->prefix,
		.device = &device,
		.attempt = question->attempt,
		.last = question->last.length ? &question->last : NULL,
		.view = (const struct nx_strategy_view *)(const void *)ask,
		.milliseconds = ask->deadline > now ? (uint32_t)(ask->deadline - now) : 1,
		.is_awaited = is_awaited,
	};
	struct nx_error why = {0};
	enum nx_status said;

	*out = (struct nx_proposal){0};
	said = question->strategy.ops->choose(question->strategy.instance, &request, &out->address, &why);
	out->status = said;
	proposal_judge(ask, &why, out);
	return said;
}

/* What came of a call that is awaited: under the lock. */
static void call_note(struct nx_asker *asker, enum nx_status said, const struct nx_proposal *proposal,
		      uint64_t microseconds)
{
	nx_asker_count(asker, nx_strategy_result(said), microseconds);
	asker->rejection[NX_STRATEGY_UNFIT] += said == NX_OK && proposal->status != NX_OK;
	if (proposal->status == NX_INTERNAL)
		nx_asker_wrong(asker);
	nx_asker_judge(asker, proposal);
}

/* --- threads ------------------------------------------------------------------------------------ */

/* Ask, and tell who waits for it; the lock is held before and after. */
static void ask_run(struct nx_strategy_thread *thread, struct nx_ask *ask)
{
	struct nx_asker *asker = thread->asker;
	struct nx_proposal proposal;

	thread->calling = true;
	pthread_mutex_unlock(&asker->all->lock);
	uint64_t begun = nx_strategies_microseconds();
	enum nx_status said = choose(ask, &proposal);
	uint64_t took = nx_strategies_microseconds() - begun;
	pthread_mutex_lock(&asker->all->lock);
	thread->calling = false;
	pthread_cond_broadcast(&asker->all->changed);
	if (!atomic_load(&ask->awaited)) {
		asker->hung--;
		free(ask);
		return;
	}
	TAILQ_REMOVE(&asker->running, ask, entry);
	call_note(asker, said, &proposal, took);
	pthread_mutex_unlock(&asker->all->lock);
	ask->answered(ask->context, &proposal);
	free(ask);
	pthread_mutex_lock(&asker->all->lock);
}

/* NULL: the end. */
static struct nx_ask *ask_next(struct nx_asker *asker)
{
	asker->idle++;
	while (TAILQ_EMPTY(&asker->waiting) && !asker->all->stopping)
		pthread_cond_wait(&asker->work, &asker->all->lock);
	asker->idle--;
	struct nx_ask *ask = asker->all->stopping ? NULL : TAILQ_FIRST(&asker->waiting);
	if (!ask)
		return NULL;
	TAILQ_REMOVE(&asker->waiting, ask, entry);
	asker->waiting_count--;
	TAILQ_INSERT_TAIL(&asker->running, ask, entry);
	return ask;
}

static void *thread_main(void *context)
{
	struct nx_strategy_thread *thread = context;
	pthread_mutex_t *lock = &thread->asker->all->lock;
	struct nx_ask *ask;

	pthread_setname_np(pthread_self(), "strategy");
	pthread_mutex_lock(lock);
	while ((ask = ask_next(thread->asker)))
		ask_run(thread, ask);
	pthread_mutex_unlock(lock);
	return NULL;
}

bool nx_strategy_thread_call(struct nx_asker *asker)
{
	struct nx_strategy_thread *thread = &asker->thread[asker->thread_count];

	pthread_cond_signal(&asker->work);
	if (asker->idle >= asker->waiting_count || asker->thread_count == asker->all->threads)
		return true;
	thread->asker = asker;
	if (pthread_create(&thread->id, NULL, thread_main, thread) == 0)
		asker->thread_count++;
	return asker->thread_count > asker->hung;
}
