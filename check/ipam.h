/* SPDX-License-Identifier: Apache-2.0 */
/* What the checks of "ipam/…" share: the prefixes that a plugin takes, and a pool beside a model of it. */
#ifndef NX_CHECK_IPAM_H
#define NX_CHECK_IPAM_H

#include <nexodus/ipam.h>

#include "check/check.h"
#include "check/model.h"
#include "check/number.h"
#include "check/random.h"

#define IPAM_SIZES 129

struct ipam {
	struct check *check;
	const struct nx_ipam_ops *ops;
	void *instance;
	struct nx_prefix fallback;	    /* the default prefix */
	struct nx_prefix sizes[IPAM_SIZES]; /* one of each length that the plugin takes, longest first */
	size_t size_count;		    /* at least one */
	unsigned int devices;		    /* requests made so far */
	char device_id[37];
};

/* A pool and what must be in it. */
struct ipam_pool {
	struct ipam *ipam;
	const char *name; /* for the journal: "organization B"; NULL */
	struct nx_prefix prefix;
	struct nx_pool *pool;
	struct model model;
	uint64_t capacity; /* what it says of itself when it is new */
};

/* Find out what the plugin takes. False: the check has failed. */
bool ipam_begin(struct check *check, struct ipam *out);
/* The prefix with the most host bits that is not above `bits`, or the smallest one. */
const struct nx_prefix *ipam_size(const struct ipam *ipam, unsigned int bits);

bool ipam_pool_open(struct ipam *ipam, const struct nx_prefix *prefix, const char *name,
		    struct ipam_pool *out);
void ipam_pool_close(struct ipam_pool *pool); /* and forget the model */

/*
 * The calls, each held against the model, which follows. False: the check has failed. A call that the plugin
 * may refuse tells by `*done` what it did.
 */
bool ipam_allocate(struct ipam_pool *pool, struct nx_address *out, bool *done); /* for another device */
bool ipam_propose(struct ipam_pool *pool, struct nx_address *out, bool *done);	/* for the same device */
bool ipam_take(struct ipam_pool *pool, const struct nx_address *address, bool *done);
bool ipam_give(struct ipam_pool *pool, const struct nx_address *address);
bool ipam_usage(struct ipam_pool *pool);

/* The call alone, in the journal. */
enum nx_status ipam_call_allocate(struct ipam_pool *pool, struct nx_address *out, struct nx_error *error);
enum nx_status ipam_call_take(struct ipam_pool *pool, const struct nx_address *address,
			      struct nx_error *error);
enum nx_status ipam_call_give(struct ipam_pool *pool, const struct nx_address *address);
/* The next request is that of another device. */
void ipam_device_next(struct ipam *ipam);

/* Give all back, in random order. */
bool ipam_give_all(struct ipam_pool *pool);
/* One of those that are taken; there must be one. */
struct nx_address ipam_any_taken(struct ipam_pool *pool);
/* One random call of any kind, so that the pool holds about `target` addresses. */
bool ipam_step(struct ipam_pool *pool, uint64_t target);
/* Random calls over several fill levels. */
bool ipam_churn(struct ipam_pool *pool, uint64_t operations, bool usage_always);

/* Is it a text for a person: not empty, without control characters? */
bool ipam_text_fit(const char *text);

/* The checks, by file. */
void ipam_check_prefix_default(struct check *check); /* ipam_prefix.c */
void ipam_check_prefix_check(struct check *check);
void ipam_check_network_check(struct check *check);
void ipam_check_reserved(struct check *check); /* ipam_fill.c */
void ipam_check_sizes(struct check *check);
void ipam_check_exhaustion(struct check *check);
void ipam_check_untouched(struct check *check);
void ipam_check_random(struct check *check); /* ipam_random.c */
void ipam_check_usage(struct check *check);
void ipam_check_release(struct check *check);
void ipam_check_restart(struct check *check); /* ipam_pools.c */
void ipam_check_organizations(struct check *check);
void ipam_check_memory(struct check *check);
void ipam_check_two_servers(struct check *check); /* ipam_servers.c */

#endif
