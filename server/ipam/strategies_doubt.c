/* SPDX-License-Identifier: Apache-2.0 */
/* Strategies that somebody should look at: those that fail, answer wrongly, or hang. */
#include <time.h>

#include "base/log.h"
#include "server/ipam/strategies_inside.h"
#include "server/store/backoff.h"

/* --- wrong answers ----------------------------------------------------------------------------- */

void nx_asker_wrong(struct nx_asker *asker)
{
	if (++asker->wrong != NX_BREAKER_FAILURES)
		return;
	asker->wrong_since = time(NULL);
	nx_log(NX_LOG_ERROR, "a strategy has given nothing but wrong answers for some time", "strategy",
	       asker->name, "plugin", asker->plugin, NULL);
}

void nx_strategies_wrong(struct nx_strategies *strategies, const struct nx_strategy *strategy)
{
	struct nx_asker *asker = strategies ? nx_asker_find(strategies, strategy) : NULL;

	if (!asker)
		return;
	pthread_mutex_lock(&strategies->lock);
	nx_asker_wrong(asker);
	pthread_mutex_unlock(&strategies->lock);
}

void nx_strategies_given(struct nx_strategies *strategies, const struct nx_strategy *strategy)
{
	struct nx_asker *asker = strategies ? nx_asker_find(strategies, strategy) : NULL;

	if (!asker)
		return;
	pthread_mutex_lock(&strategies->lock);
	if (asker->wrong_since)
		nx_log(NX_LOG_INFO, "a strategy answers well again", "strategy", asker->name, NULL);
	asker->wrong = 0;
	asker->wrong_since = 0;
	pthread_mutex_unlock(&strategies->lock);
}

/* --- calls that all other writes wait for --------------------------------------------------------- */

void nx_strategies_calling(struct nx_strategies *strategies, const struct nx_strategy *strategy)
{
	struct nx_asker *asker = strategies ? nx_asker_find(strategies, strategy) : NULL;

	if (!asker)
		return;
	pthread_mutex_lock(&strategies->lock);
	asker->calling = nx_milliseconds();
	strategies->called = true;
	if (nx_keeper_begin(strategies) && strategies->resting)
		pthread_cond_broadcast(&strategies->changed);
	pthread_mutex_unlock(&strategies->lock);
}

uint64_t nx_asker_stuck_at(const struct nx_asker *asker)
{
	return asker->calling && !asker->told_stuck ? asker->calling + asker->all->timeout : UINT64_MAX;
}

bool nx_asker_stuck(const struct nx_asker *asker)
{
	return asker->calling && nx_milliseconds() >= asker->calling + asker->all->timeout;
}

void nx_asker_stuck_tell(struct nx_asker *asker)
{
	if (asker->told_stuck || !nx_asker_stuck(asker))
		return;
	asker->told_stuck = true;
	nx_log(NX_LOG_ERROR, "a strategy does not come back, and keeps all other writes waiting", "strategy",
	       asker->name, "plugin", asker->plugin, NULL);
}

/* --- showing ----------------------------------------------------------------------------------------- */

const char *nx_asker_doubt(const struct nx_asker *asker, int64_t *since)
{
	if (nx_asker_stuck(asker)) {
		*since = time(NULL) - (int64_t)((nx_milliseconds() - asker->calling) / 1000);
		return "it keeps all writes waiting";
	}
	if (asker->breaker.open) {
		*since = asker->open_since;
		return "it fails, and is asked once in a while only";
	}
	*since = asker->wrong_since;
	return asker->wrong_since ? "its answers are wrong" : NULL;
}
