/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Migrations: the schema of the core and of each plugin, in numbered steps.
 * Each step runs in one transaction together with the row that records it
 * (component, number, name, checksum, the `down` text), under a lock, so that a
 * kill at any moment and two servers at once are safe.
 *
 * Refused, with a message that says what to do: a database whose steps are newer
 * than the program's, a recorded checksum that differs, a component in the
 * database that is not loaded any more (its `down` texts say what would be
 * dropped; `nexodus-server --drop-plugin NAME` confirms).
 */
#ifndef NX_SERVER_MIGRATE_H
#define NX_SERVER_MIGRATE_H

#include <nexodus/plugin.h>

#include "server/store/store.h"

struct nx_component {
	const char *name; /* "core", or the plugin's */
	struct nx_table migrations;
};

/* Between nx_store_open() and nx_store_start(), control thread. `applied` counts steps. */
enum nx_status nx_store_migrate(struct nx_store *store, const struct nx_component *components, size_t count,
				unsigned *applied, struct nx_error *error);
/* Has the database had a step of this component? At the same time. */
enum nx_status nx_store_recorded(struct nx_store *store, const char *component, bool *out,
				 struct nx_error *error);
/* `work` in one transaction, alone among all who write, as long as it takes; committed when it answers
 * NX_OK. At the same time. */
enum nx_status nx_store_alone(struct nx_store *store,
			      enum nx_status (*work)(struct nx_tx *tx, void *context, struct nx_error *error),
			      void *context, struct nx_error *error);
/* The same as nx_store_migrate() in a transaction that is under way: all steps or none. */
enum nx_status nx_components_apply(struct nx_tx *tx, const struct nx_component *components, size_t count,
				   struct nx_error *error);
/* The same as nx_store_drop_component(). */
enum nx_status nx_component_undo(struct nx_tx *tx, const char *name, struct nx_error *error);
/* Undo all steps of a component that is recorded in the database, from the recorded texts. */
enum nx_status nx_store_drop_component(struct nx_store *store, const char *name, struct nx_error *error);

/* The core's own steps. */
extern const struct nx_component nx_core_component;

#endif
