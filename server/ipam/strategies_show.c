/* SPDX-License-Identifier: Apache-2.0 */
/* What calls of strategies come to: counted, logged, shown. */
#include <stdio.h>
#include <time.h>

#include "base/json.h"
#include "base/log.h"
#include "server/ipam/strategies_inside.h"
#include "server/resources/value.h"
#include "server/store/backoff.h"

/* A call on the writer's thread that keeps all other writes waiting for longer is worth a line. */
#define SLOW_MICROSECONDS 100000
/* Milliseconds between two such lines, and two of failures, about one strategy. */
#define SLOW_PAUSE 60000
#define FAILURE_PAUSE 10000

static const struct {
	uint64_t microseconds;
	const char *seconds;
} bounds[NX_STRATEGY_BOUNDS] = {
	{1000, "0.001"}, {10000, "0.01"}, {100000, "0.1"}, {1000000, "1"}, {5000000, "5"}, {20000000, "20"},
};

static const char *const results[NX_STRATEGY_RESULTS] = {"proposed", "exhausted", "failed", "timed_out",
							 "refused"};
static const char *const rejections[NX_STRATEGY_REJECTIONS] = {"taken", "unfit"};

uint64_t nx_strategies_microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* --- counting --------------------------------------------------------------------------------- */

void nx_asker_count(struct nx_asker *asker, enum nx_strategy_result result, uint64_t microseconds)
{
	size_t bucket = 0;

	while (bucket < NX_STRATEGY_BOUNDS && microseconds > bounds[bucket].microseconds)
		bucket++;
	asker->result[result]++;
	asker->bucket[bucket]++;
	asker->microseconds += microseconds;
}

static void slow_tell(struct nx_asker *asker, uint64_t microseconds)
{
	uint64_t now = nx_milliseconds();
	char milliseconds[24];

	if (microseconds < SLOW_MICROSECONDS || (asker->told_slow && now - asker->told_slow < SLOW_PAUSE))
		return;
	asker->told_slow = now;
	snprintf(milliseconds, sizeof(milliseconds), "%llu", (unsigned long long)(microseconds / 1000));
	nx_log(NX_LOG_WARNING, "a strategy has kept all other writes waiting", "strategy", asker->name,
	       "plugin", asker->plugin, "milliseconds", milliseconds, NULL);
}

void nx_asker_tell(struct nx_asker *asker, const char *reason)
{
	uint64_t now = nx_milliseconds();
	char untold[16];

	if (asker->told && now - asker->told < FAILURE_PAUSE) {
		asker->untold++;
		return;
	}
	snprintf(untold, sizeof(untold), "%u", asker->untold);
	nx_log(NX_LOG_WARNING, "a strategy has given no address", "strategy", asker->name, "plugin",
	       asker->plugin, "reason", reason, "more since last told", asker->untold ? untold : NULL, NULL);
	asker->told = now;
	asker->untold = 0;
}

void nx_strategies_measured(struct nx_strategies *strategies, const struct nx_strategy *strategy,
			    enum nx_strategy_result result, uint64_t microseconds)
{
	struct nx_asker *asker = strategies ? nx_asker_find(strategies, strategy) : NULL;

	if (!asker)
		return;
	pthread_mutex_lock(&strategies->lock);
	asker->calling = 0;
	asker->told_stuck = false;
	nx_asker_count(asker, result, microseconds);
	slow_tell(asker, microseconds);
	pthread_mutex_unlock(&strategies->lock);
}

void nx_strategies_rejected(struct nx_strategies *strategies, const struct nx_strategy *strategy,
			    enum nx_strategy_rejection reason)
{
	struct nx_asker *asker = strategies ? nx_asker_find(strategies, strategy) : NULL;

	if (!asker)
		return;
	pthread_mutex_lock(&strategies->lock);
	asker->rejection[reason]++;
	if (reason == NX_STRATEGY_UNFIT)
		nx_asker_wrong(asker);
	pthread_mutex_unlock(&strategies->lock);
}

/* --- showing -------------------------------------------------------------------------------------- */

static void head_write(struct nx_buffer *out, const char *name, const char *type, const char *help)
{
	nx_buffer_printf(out, "# HELP nexodus_%s %s\n# TYPE nexodus_%s %s\n", name, help, name, type);
}

static void calls_write(const struct nx_strategies *strategies, struct nx_buffer *out)
{
	head_write(out, "strategy_calls_total", "counter", "Calls of strategies, by what came of them.");
	for (size_t i = 0; i < strategies->count; i++) {
		for (size_t r = 0; r < NX_STRATEGY_RESULTS; r++)
			nx_buffer_printf(out,
					 "nexodus_strategy_calls_total{strategy=\"%s\",result=\"%s\"} %llu\n",
					 strategies->asker[i].name, results[r],
					 (unsigned long long)strategies->asker[i].result[r]);
	}
	head_write(out, "strategy_rejected_total", "counter", "Proposals of strategies that were not given.");
	for (size_t i = 0; i < strategies->count; i++) {
		for (size_t r = 0; r < NX_STRATEGY_REJECTIONS; r++)
			nx_buffer_printf(
				out, "nexodus_strategy_rejected_total{strategy=\"%s\",reason=\"%s\"} %llu\n",
				strategies->asker[i].name, rejections[r],
				(unsigned long long)strategies->asker[i].rejection[r]);
	}
}

static void duration_write(const struct nx_asker *asker, struct nx_buffer *out)
{
	uint64_t below = 0;

	for (size_t i = 0; i <= NX_STRATEGY_BOUNDS; i++) {
		below += asker->bucket[i];
		nx_buffer_printf(out, "nexodus_strategy_seconds_bucket{strategy=\"%s\",le=\"%s\"} %llu\n",
				 asker->name, i < NX_STRATEGY_BOUNDS ? bounds[i].seconds : "+Inf",
				 (unsigned long long)below);
	}
	nx_buffer_printf(out, "nexodus_strategy_seconds_sum{strategy=\"%s\"} %.6f\n", asker->name,
			 (double)asker->microseconds / 1e6);
	nx_buffer_printf(out, "nexodus_strategy_seconds_count{strategy=\"%s\"} %llu\n", asker->name,
			 (unsigned long long)below);
}

static void gauge_write(const struct nx_asker *asker, const char *name, unsigned value, struct nx_buffer *out)
{
	nx_buffer_printf(out, "nexodus_%s{strategy=\"%s\"} %u\n", name, asker->name, value);
}

void nx_strategies_metrics_write(struct nx_strategies *strategies, struct nx_buffer *out)
{
	int64_t since;

	pthread_mutex_lock(&strategies->lock);
	calls_write(strategies, out);
	head_write(out, "strategy_seconds", "histogram", "How long calls of strategies take.");
	for (size_t i = 0; i < strategies->count; i++)
		duration_write(&strategies->asker[i], out);
	head_write(out, "strategy_waiting", "gauge", "Devices that wait for a strategy to be asked.");
	for (size_t i = 0; i < strategies->count; i++)
		gauge_write(&strategies->asker[i], "strategy_waiting", strategies->asker[i].waiting_count,
			    out);
	head_write(out, "strategy_hanging", "gauge", "Calls that are not back in time.");
	for (size_t i = 0; i < strategies->count; i++)
		gauge_write(&strategies->asker[i], "strategy_hanging",
			    strategies->asker[i].hung + nx_asker_stuck(&strategies->asker[i]), out);
	head_write(out, "strategy_degraded", "gauge",
		   "1: it is asked once in a while only, answers wrongly, or keeps all writes waiting.");
	for (size_t i = 0; i < strategies->count; i++)
		gauge_write(&strategies->asker[i], "strategy_degraded",
			    nx_asker_doubt(&strategies->asker[i], &since) != NULL, out);
	pthread_mutex_unlock(&strategies->lock);
}

bool nx_strategies_degraded_write(struct nx_strategies *strategies, struct nx_buffer *out)
{
	char text[NX_TIME_TEXT];
	bool writable = true;
	size_t count = 0;

	pthread_mutex_lock(&strategies->lock);
	for (size_t i = 0; i < strategies->count; i++) {
		const struct nx_asker *asker = &strategies->asker[i];

		int64_t since;
		const char *doubt = nx_asker_doubt(asker, &since);

		if (!doubt)
			continue;
		nx_buffer_printf(out, "%s{\"strategy\":\"%s\",\"since\":\"%s\",\"reason\":\"%s\"}",
				 count++ ? "," : "[", asker->name, nx_time_format(since, text), doubt);
		writable = writable && !nx_asker_stuck(asker);
	}
	pthread_mutex_unlock(&strategies->lock);
	if (count)
		nx_buffer_text(out, "]");
	return writable;
}
