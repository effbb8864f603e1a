/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which strategy an organization's addresses come from: the one that the organization names,
 * or else the one that the family's plugin is configured with. Each is the pool's own, or a
 * capability "strategy/<name>". Constant while the plugins are loaded: any thread.
 */
#ifndef NX_SERVER_IPAM_STRATEGY_H
#define NX_SERVER_IPAM_STRATEGY_H

#include <nexodus/strategy.h>

#include "server/resources/fields.h"

/* A strategy, as it is asked. */
struct nx_strategy {
	const char *name; /* that operators choose it by */
	const char *plugin;
	const struct nx_strategy_ops *ops; /* NULL: the pool's own */
	void *instance;
	const struct nx_ipam_ops *family; /* whose own it is, when its calls are counted as that; NULL: a
					     plugin of its own */
};

/* What is counted as a family's own. */
static inline struct nx_strategy nx_strategy_own(const struct nx_family *family)
{
	return (struct nx_strategy){.plugin = family->plugin, .family = family->ops};
}

/*
 * What `name` ("": the configured one) means for a family. NX_UNSUPPORTED when nothing of that
 * name is loaded, or when the family can only do its own; the message says what there is.
 */
enum nx_status nx_strategy_find(const struct nx_plugins *plugins, const struct nx_ipam_ops *family,
				void *instance, const char *name, struct nx_strategy *out,
				struct nx_error *error);
/* The name of the strategy that holds for an organization, its own or the configured one; "" when
 * the family's plugin has no name for what it does. It lives as long as both. */
const char *nx_strategy_name(const struct nx_family *family, const struct nx_value *organization);
/* Is the configured strategy of each family loaded? NX_INVALID with the plugin whose key is
 * wrong. After nx_plugins_load(). */
enum nx_status nx_strategies_check(const struct nx_plugins *plugins, struct nx_error *error);
/* Are those that an organization names? NX_INVALID with the field that is wrong. */
enum nx_status nx_organization_strategies_check(const struct nx_server *server,
						const struct nx_value *organization, struct nx_error *error);

#endif
