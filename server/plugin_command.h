/* SPDX-License-Identifier: Apache-2.0 */
/* --add-plugin and --drop-plugin: show what it means, ask, do it. */
#ifndef NX_SERVER_PLUGIN_COMMAND_H
#define NX_SERVER_PLUGIN_COMMAND_H

#include "server/server.h"

/* Exit codes besides 0, 1 (it failed) and 2 (the command line or the configuration is wrong). */
enum {
	NX_EXIT_ATTENTION = 3, /* of a dry run: it can be done, and somebody would miss something */
};

/* Every option that these two take besides the server's own. */
#define NX_PLUGIN_COMMAND_OPTIONS "add-plugin", "drop-plugin", "dry-run", "yes", "json"

/* Do those that were given go together? Fills `error` when not. */
bool nx_plugin_command_options_fit(const struct nx_config *config, struct nx_error *error);
/*
 * The command that was given, on the plugin `name`; answers the exit code. The configuration is loaded; for
 * --add-plugin all plugins are open, this one among them; for --drop-plugin they are loaded, or `missing`
 * says why they are not. Prints its failures.
 */
int nx_plugin_command(struct nx_server *server, const char *name, const char *missing);
/* The configured plugins, and one more unless it is among them; to be freed. */
char *nx_plugin_names(const struct nx_config *config, const char *more);

#endif
