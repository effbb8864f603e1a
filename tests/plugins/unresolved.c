/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that needs a function which is nowhere. */
#include <nexodus/plugin.h>

const struct nx_plugin *function_that_is_nowhere(void);

const struct nx_plugin *nexodus_plugin(void)
{
	return function_that_is_nowhere();
}
