/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a plugin, twice over: what is unloaded can be loaded again. */
#include "check/check.h"

/* The set is ours to change for this one check. */
static bool life_once(struct check *check, struct nx_plugins *plugins)
{
	struct nx_error error = {0};
	enum nx_status status;

	if (nx_plugins_load(plugins, &error))
		return check_fail(check, "%s", error.message);
	status = nx_plugins_start(plugins, &error);
	if (status == NX_UNSUPPORTED) {
		check_skip(check, "it does not start here: %s", error.message);
		return false;
	}
	if (status || nx_plugins_reload(plugins, &error))
		return check_fail(check, "%s", error.message);
	nx_plugins_unload(plugins);
	return true;
}

static void life_run(struct check *check)
{
	if (life_once(check, check->plugins))
		life_once(check, check->plugins);
}

const struct check_case life_case = {"life-cycle", "load, start, reload, stop, unload, twice", life_run};
