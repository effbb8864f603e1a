/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/ipam/agent.h"

#include <stdlib.h>
#include <sys/utsname.h>

/* IFA_PROTO came with Linux 5.18. A kernel that cannot be told is taken for a recent one: it then removes
 * less. */
static bool kernel_keeps_tags(void)
{
	struct utsname system;
	char *point;

	if (uname(&system) != 0)
		return true;
	unsigned long major = strtoul(system.release, &point, 10);
	if (*point != '.')
		return true;
	unsigned long minor = strtoul(point + 1, NULL, 10);

	return major > 5 || (major == 5 && minor >= 18);
}

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
	agent->tags_kept = kernel_keeps_tags();
	*instance = agent;
	return NX_OK;
}

void ipam_agent_unload(void *instance)
{
	free(instance);
}
