/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/ipam/agent.h"

#include <stdlib.h>

enum nx_status ipam_agent_load(const struct ipam_family *family, const struct ipam_kernel *kernel,
			       struct nx_host *host, const struct nx_services *services, void **instance,
			       struct nx_error *error)
{
	struct ipam_agent *agent = calloc(1, sizeof(*agent));

	if (!agent)
		return services->fail(error, NX_INTERNAL, NULL, "out of memory");
	agent->family = family;
	agent->kernel = kernel;
	agent->host = host;
	agent->services = services;
	*instance = agent;
	return NX_OK;
}

void ipam_agent_unload(void *instance)
{
	free(instance);
}
