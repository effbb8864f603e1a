/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that is brought into the database: what the next start with it would do. */
#ifndef NX_SERVER_PLAN_ARRIVAL_H
#define NX_SERVER_PLAN_ARRIVAL_H

#include "server/plan/plan.h"
#include "server/server.h"
#include "server/store/migrate.h"

/*
 * In a rehearsal's transaction, fill the plan, whose `plugin` is set. The server's plugins are loaded, with
 * the one that comes among them, and its fields and leases are made for the purpose: they go after the
 * transaction. `components` are the plugins', and the core's.
 */
enum nx_status nx_arrival_rehearse(struct nx_plan *plan, struct nx_server *server,
				   const struct nx_component *components, size_t count, struct nx_tx *tx,
				   struct nx_error *error);

#endif
