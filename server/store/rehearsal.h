/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rehearsal: work on a private copy of all tables, which goes when the work is done. The database
 * itself is only read, as it is at one moment, and nobody waits for it: a server that runs on it runs
 * on. Costs the memory (SQLite) or the temporary space (PostgreSQL) of what the database holds.
 */
#ifndef NX_SERVER_STORE_REHEARSAL_H
#define NX_SERVER_STORE_REHEARSAL_H

#include "server/store/store.h"

/* NX_NOT_FOUND when there is no database yet. Hooks of the transaction are told that it was rolled back. */
enum nx_status nx_store_rehearse(const struct nx_store_options *options,
				 enum nx_status (*work)(struct nx_tx *tx, void *context,
							struct nx_error *error),
				 void *context, struct nx_error *error);

/* Every (table, column) of the copy, or of the database, in order. */
enum nx_status nx_store_columns(struct nx_tx *tx, bool (*each)(void *context, const struct nx_row *row),
				void *context, struct nx_error *error);

#endif
