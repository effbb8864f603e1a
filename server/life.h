/* SPDX-License-Identifier: Apache-2.0 */
/* The server's life: its parts made in order, run, and torn down in reverse. Control thread. */
#ifndef NX_SERVER_LIFE_H
#define NX_SERVER_LIFE_H

#include "server/plan/plan.h"
#include "server/server.h"
#include "server/store/migrate.h"

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
/*
 * Answer what is under way (10 s at most), stop, free. Any half-made server is fine. False when calls
 * of a plugin hang: what they stand on is left, and the process is to end by _exit(), since handlers
 * of exit() would take from them what is theirs.
 */
bool nx_life_end(struct nx_server *server);

/* --- a plugin that comes or goes: instead of a life ----------------------------------------- */

/* The components of the schema, the core's first; an array to be freed. */
struct nx_component *nx_life_components(const struct nx_server *server, size_t *count);
/*
 * What it would do to add the plan's plugin, which is open like the others, or to take it away: done on a
 * copy, while servers run. Fills the plan; writes nothing. NX_NOT_FOUND: the database holds nothing of it.
 */
enum nx_status nx_life_rehearse(struct nx_server *server, struct nx_plan *plan, struct nx_error *error);
/*
 * Do it. To add is what a start does: a kill leaves what the next start goes on with. To take away is one
 * transaction; the plan, an empty one, is filled by it. After it nx_life_end(). NX_CONFLICT: a server is at
 * work.
 */
enum nx_status nx_life_change(struct nx_server *server, struct nx_plan *plan, struct nx_error *error);

#endif
