/* SPDX-License-Identifier: Apache-2.0 */
/* What the server halves of the families share: an instance that knows the default prefix. */
#ifndef IPAM_SERVER_H
#define IPAM_SERVER_H

#include "plugins/ipam/family.h"
#include "plugins/ipam/pool.h"

struct ipam_server {
	const struct ipam_family *family;
	const struct nx_services *services;
	struct nx_prefix fallback; /* the prefix of an organization that names none */
	char *strategy;		   /* the same of strategies; "": the pool's own */
	int64_t quarantine;	   /* seconds */
};

/* A family's configuration key "strategy". */
#define IPAM_STRATEGY_KEY(label)                                                                             \
	{                                                                                                    \
		.name = "strategy", .type = NX_CONFIG_STRING, .fallback = IPAM_POOL_STRATEGY,                \
		.summary = "Strategy that proposes " label                                                   \
			   " addresses where the organization names none: " IPAM_POOL_STRATEGY               \
			   ", or that of a plugin"                                                           \
	}

/* The same, "quarantine". */
#define IPAM_QUARANTINE_KEY(label)                                                                           \
	{                                                                                                    \
		.name = "quarantine", .type = NX_CONFIG_DURATION, .fallback = "0", .minimum = 0,             \
		.maximum = IPAM_QUARANTINE_LIMIT,                                                            \
		.summary = "Time before the " label " address of a deleted device is given to another one"   \
	}
#define IPAM_QUARANTINE_LIMIT (INT64_C(366) * 24 * 3600)

/* `load` of a family: reads the configuration's "prefix", refusing one that is unfit, "strategy" and
 * "quarantine". */
enum nx_status ipam_server_load(const struct ipam_family *family, struct nx_host *host,
				const struct nx_services *services, void **instance, struct nx_error *error);
void ipam_server_unload(void *instance);

/* Members of `struct nx_ipam_ops`. */
enum nx_status ipam_server_prefix_default(void *instance, struct nx_prefix *out, struct nx_error *error);
enum nx_status ipam_server_prefix_check(void *instance, const char *text, struct nx_prefix *out,
					struct nx_error *error);
enum nx_status ipam_server_network_check(void *instance, const struct nx_prefix *network,
					 struct nx_error *error);
const char *ipam_server_strategy_default(void *instance);
int64_t ipam_server_quarantine(void *instance);
enum nx_status ipam_server_pool_open(void *instance, const struct nx_prefix *prefix, struct nx_pool **out,
				     struct nx_error *error);

#endif
