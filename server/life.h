/* SPDX-License-Identifier: Apache-2.0 */
/* The server's life: its parts made in order, run, and torn down in reverse. Control thread. */
#ifndef NX_SERVER_LIFE_H
#define NX_SERVER_LIFE_H

#include "server/server.h"

/* Load the plugins, and judge what they are configured with together. */
enum nx_status nx_life_load(struct nx_server *server, struct nx_error *error);
/* The configuration is loaded and the plugins are open; all else is made here. On failure
 * what was made is left for nx_life_end(). */
enum nx_status nx_life_begin(struct nx_server *server, struct nx_error *error);
/* Take over what may change while running; the configuration has been loaded anew. What
 * can fail comes first, and changes nothing when it fails, but for plugins that took it already. */
enum nx_status nx_life_reload(struct nx_server *server, struct nx_error *error);
/* After it failed: the old configuration holds again, for the plugins too. */
enum nx_status nx_life_reload_back(struct nx_server *server, struct nx_error *error);
/* Answer what is under way (10 s at most), stop, free. Any half-made server is fine. */
void nx_life_end(struct nx_server *server);

/* Undo all that a plugin brought into the database. */
enum nx_status nx_life_drop_plugin(const struct nx_config *config, const char *name, struct nx_error *error);

#endif
