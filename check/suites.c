/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of each kind of capability. */
#include <string.h>

#include "check/check.h"

const struct check_suite check_suites[] = {
	{NX_ROLE_SERVER, "ipam", ipam_cases, NULL},
	{NX_ROLE_SERVER, "strategy", strategy_cases, NULL},
	{NX_ROLE_SERVER, "relay", relay_server_cases, NULL},
	{NX_ROLE_SERVER, "driver", driver_server_cases, NULL},
	{NX_ROLE_AGENT, "family", family_agent_cases, NULL},
	{NX_ROLE_AGENT, "relay", relay_agent_cases, NULL},
	{NX_ROLE_AGENT, "driver", driver_agent_cases, driver_netns_cases},
	{0},
};

const struct check_suite *check_suite_find(enum nx_role role, const char *kind)
{
	for (const struct check_suite *suite = check_suites; suite->kind; suite++) {
		if (suite->role == role && strcmp(suite->kind, kind) == 0)
			return suite;
	}
	return NULL;
}
