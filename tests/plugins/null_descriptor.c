/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that has nothing to say for itself. */
#include <nexodus/plugin.h>

const struct nx_plugin *nexodus_plugin(void)
{
	return NULL;
}
