/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/ipam/server.h"

#include <stdlib.h>
#include <string.h>

enum nx_status ipam_server_load(const struct ipam_family *family, struct nx_host *host,
				const struct nx_services *services, void **instance, struct nx_error *error)
{
	struct nx_error reason = {0};
	struct nx_prefix fallback;
	enum nx_status status = ipam_prefix_read(family, services, services->config_string(host, "prefix"),
						 &fallback, &reason);

	if (status != NX_OK)
		return services->fail(error, status, NULL, "the configured default prefix is unfit: %s",
				      reason.message);
	struct ipam_server *server = calloc(1, sizeof(*server));
	const char *strategy = services->config_string(host, "strategy");
	if (server)
		server->strategy = strdup(strcmp(strategy, IPAM_POOL_STRATEGY) == 0 ? "" : strategy);
	if (!server || !server->strategy) {
		free(server);
		return services->fail(error, NX_INTERNAL, NULL, "out of memory");
	}
	server->family = family;
	server->services = services;
	server->fallback = fallback;
	server->quarantine = services->config_integer(host, "quarantine");
	*instance = server;
	return NX_OK;
}

void ipam_server_unload(void *instance)
{
	struct ipam_server *server = instance;

	if (server)
		free(server->strategy);
	free(server);
}

const char *ipam_server_strategy_default(void *instance)
{
	const struct ipam_server *server = instance;

	return server->strategy;
}

int64_t ipam_server_quarantine(void *instance)
{
	const struct ipam_server *server = instance;

	return server->quarantine;
}

enum nx_status ipam_server_prefix_default(void *instance, struct nx_prefix *out, struct nx_error *error)
{
	const struct ipam_server *server = instance;

	(void)error; /* it was judged when the plugin was loaded */
	*out = server->fallback;
	return NX_OK;
}

enum nx_status ipam_server_prefix_check(void *instance, const char *text, struct nx_prefix *out,
					struct nx_error *error)
{
	const struct ipam_server *server = instance;

	return ipam_prefix_read(server->family, server->services, text, out, error);
}

enum nx_status ipam_server_network_check(void *instance, const struct nx_prefix *network,
					 struct nx_error *error)
{
	const struct ipam_server *server = instance;

	return ipam_network_judge(server->family, server->services, network, error);
}

enum nx_status ipam_server_pool_open(void *instance, const struct nx_prefix *prefix, struct nx_pool **out,
				     struct nx_error *error)
{
	const struct ipam_server *server = instance;
	enum nx_status status = ipam_prefix_judge(server->family, server->services, prefix, error);

	if (status != NX_OK)
		return status;
	return ipam_pool_open(server->family, server->services, prefix, out, error);
}
