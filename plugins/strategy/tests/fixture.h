/* SPDX-License-Identifier: Apache-2.0 */
/* A strategy through its descriptor, over a real pool, and what must be true of every strategy. */
#ifndef STRATEGY_FIXTURE_H
#define STRATEGY_FIXTURE_H

#include <nexodus/plugin.h>
#include <nexodus/strategy.h>

struct nx_strategy_view {
	struct nx_pool *pool;
	unsigned *looks; /* how often the strategy has asked */
};

struct asked {
	const struct nx_plugin *plugin;
	const struct nx_strategy_ops *ops;
	void *instance;
	struct nx_prefix prefix;
	struct nx_pool *pool;
	unsigned looks; /* of the last question */
};

/* The plugin over an empty pool. Ends the program when the prefix is unfit. */
struct asked asked_begin(const char *prefix);
void asked_end(struct asked *asked);

/* Ask on behalf of a device, and take what is proposed: that it is free, not reserved and in the prefix. */
enum nx_status asked_choose(struct asked *asked, const char *organization, const char *key,
			    struct nx_address *out, struct nx_error *error);
void asked_give(struct asked *asked, const struct nx_address *address);

/*
 * Every address of the prefix once, whatever the order, each with `looks` at most at the pool; then
 * NX_EXHAUSTED, with the pool's message; and one that is given back is the next.
 */
void asked_exhaust(const char *prefix, unsigned capacity, unsigned looks);
/* Each host bit of so many addresses is 0 in some and 1 in some. */
void asked_covers(const char *prefix, unsigned addresses);

#endif
