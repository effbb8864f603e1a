/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ipam/strategies.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "server/ipam/strategies_inside.h"
#include "server/store/backoff.h"

#define SECTION "strategies"

static const struct nx_config_key config_keys[] = {
	{
		.name = "timeout",
		.type = NX_CONFIG_DURATION,
		.fallback = "5s",
		.minimum = 1,
		.maximum = 20,
		.reloadable = true,
		.summary = "how long a device that registers waits for a strategy that asks others",
	},
	{
		.name = "threads",
		.type = NX_CONFIG_INTEGER,
		.fallback = "8",
		.minimum = 1,
		.maximum = NX_STRATEGY_THREADS,
		.summary = "questions to one such strategy at a time at most",
	},
	{
		.name = "retry",
		.type = NX_CONFIG_DURATION,
		.fallback = "10s",
		.minimum = 1,
		.maximum = 3600,
		.reloadable = true,
		.summary = "how often such a strategy is asked once it has failed several times in a row",
	},
};
const struct nx_table nx_strategies_config_keys = NX_TABLE(config_keys);

/* --- life ---------------------------------------------------------------------------------- */

static struct nx_asker *asker_add(struct nx_strategies *strategies, const struct nx_capability *capability)
{
	struct nx_asker *asker = &strategies->asker[strategies->count++];

	asker->all = strategies;
	asker->plugin = capability->provider->plugin->name;
	asker->instance = capability->provider->instance;
	TAILQ_INIT(&asker->waiting);
	TAILQ_INIT(&asker->running);
	pthread_cond_init(&asker->work, NULL);
	return asker;
}

static struct nx_strategies *strategies_make(const struct nx_plugins *plugins)
{
	size_t count = nx_plugins_capability_count(plugins, "strategy") +
		       nx_plugins_capability_count(plugins, "ipam");
	struct nx_strategies *strategies =
		nx_alloc(sizeof(*strategies) + count * sizeof(strategies->asker[0]));
	const struct nx_capability *capability;

	for (size_t i = 0; (capability = nx_plugins_capability(plugins, "strategy", i)); i++) {
		struct nx_asker *asker = asker_add(strategies, capability);

		asker->name = nx_printf("%s", capability->key);
		asker->ops = capability->ops;
	}
	for (size_t i = 0; (capability = nx_plugins_capability(plugins, "ipam", i)); i++) {
		struct nx_asker *asker = asker_add(strategies, capability);

		asker->name = nx_printf("ipam/%s", capability->key);
		asker->family = capability->ops;
	}
	return strategies;
}

struct nx_strategies *nx_strategies_new(struct nx_server *server)
{
	struct nx_strategies *strategies = strategies_make(server->plugins);

	pthread_mutex_init(&strategies->lock, NULL);
	pthread_cond_init(&strategies->changed, NULL);
	strategies->config = server->config;
	strategies->threads =
		server->config ? (unsigned)nx_config_integer(server->config, SECTION, "threads") : 8;
	nx_strategies_reload(strategies);
	return strategies;
}

void nx_strategies_reload(struct nx_strategies *strategies)
{
	const struct nx_config *config = strategies->config;
	uint64_t timeout = config ? (uint64_t)nx_config_integer(config, SECTION, "timeout") : 5;
	uint64_t retry = config ? (uint64_t)nx_config_integer(config, SECTION, "retry") : 10;

	pthread_mutex_lock(&strategies->lock);
	strategies->timeout = timeout * 1000;
	strategies->retry = retry * 1000;
	pthread_mutex_unlock(&strategies->lock);
}

/* --- the end --------------------------------------------------------------------------------- */

/* How many are inside a plugin still. */
static unsigned calling_count(const struct nx_strategies *strategies)
{
	unsigned count = 0;

	for (size_t i = 0; i < strategies->count; i++) {
		for (unsigned t = 0; t < strategies->asker[i].thread_count; t++)
			count += strategies->asker[i].thread[t].calling;
	}
	return count;
}

/* The last deadline of a call that is awaited, a moment from now at least: for those that return when
 * they are told that nobody waits any more. */
static uint64_t patience_end(const struct nx_strategies *strategies)
{
	uint64_t end = nx_milliseconds() + 200;
	const struct nx_ask *ask;

	for (size_t i = 0; i < strategies->count; i++) {
		TAILQ_FOREACH (ask, &strategies->asker[i].running, entry) {
			end = ask->deadline > end ? ask->deadline : end;
		}
	}
	return end;
}

/* Under the lock. */
static void calls_wait(struct nx_strategies *strategies, uint64_t end)
{
	const struct timespec due = nx_timespec(end);

	while (calling_count(strategies) && nx_milliseconds() < end)
		pthread_cond_clockwait(&strategies->changed, &strategies->lock, CLOCK_MONOTONIC, &due);
}

static void threads_end(struct nx_asker *asker)
{
	for (unsigned i = 0; i < asker->thread_count; i++) {
		pthread_mutex_lock(&asker->all->lock);
		bool hangs = asker->thread[i].calling;
		pthread_mutex_unlock(&asker->all->lock);
		if (hangs)
			pthread_detach(asker->thread[i].id);
		else
			pthread_join(asker->thread[i].id, NULL);
	}
}

bool nx_strategies_stop(struct nx_strategies *strategies)
{
	if (!strategies)
		return true;
	pthread_mutex_lock(&strategies->lock);
	uint64_t end = patience_end(strategies);
	strategies->stopping = true;
	nx_asks_expire(strategies, UINT64_MAX);
	for (size_t i = 0; i < strategies->count; i++)
		pthread_cond_broadcast(&strategies->asker[i].work);
	pthread_cond_broadcast(&strategies->changed);
	calls_wait(strategies, end);
	unsigned left = calling_count(strategies);
	pthread_mutex_unlock(&strategies->lock);
	if (strategies->kept)
		pthread_join(strategies->keeper, NULL);
	for (size_t i = 0; i < strategies->count; i++)
		threads_end(&strategies->asker[i]);
	if (left)
		nx_log(NX_LOG_WARNING, "calls of strategies hang, and are left behind", NULL);
	return left == 0;
}

void nx_strategies_free(struct nx_strategies *strategies)
{
	if (!strategies)
		return;
	for (size_t i = 0; i < strategies->count; i++) {
		pthread_cond_destroy(&strategies->asker[i].work);
		free(strategies->asker[i].name);
	}
	pthread_cond_destroy(&strategies->changed);
	pthread_mutex_destroy(&strategies->lock);
	free(strategies);
}

/* --- organizations that are expected ------------------------------------------------------- */

/* FNV-1a. Ids are of the server's own making. */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return hash;
}

void nx_strategies_expect(struct nx_strategies *strategies, const char *organization_id)
{
	uint64_t hash = hash_of(organization_id);

	pthread_mutex_lock(&strategies->lock);
	strategies->expected[hash % NX_STRATEGY_EXPECTED] = hash;
	pthread_mutex_unlock(&strategies->lock);
}

bool nx_strategies_expected(struct nx_strategies *strategies, const char *organization_id)
{
	uint64_t hash = hash_of(organization_id);

	pthread_mutex_lock(&strategies->lock);
	bool expected = strategies->expected[hash % NX_STRATEGY_EXPECTED] == hash;
	pthread_mutex_unlock(&strategies->lock);
	return expected;
}
