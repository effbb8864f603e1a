/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/rehearsal.h"

#include "server/store/tx.h"

enum nx_status nx_store_rehearse(const struct nx_store_options *options,
				 enum nx_status (*work)(struct nx_tx *tx, void *context,
							struct nx_error *error),
				 void *context, struct nx_error *error)
{
	const struct nx_backend *backend =
		options->kind == NX_STORE_SQLITE ? &nx_sqlite_backend : &nx_postgres_backend;
	struct nx_tx tx = {.mode = NX_TX_CAREFUL};
	enum nx_outcome outcome = backend->rehearse(options->database, &tx.connection, error);
	enum nx_status status;

	if (outcome != NX_SQL_OK)
		return error && error->status == NX_NOT_FOUND ? NX_NOT_FOUND : nx_outcome_status(outcome);
	status = work(&tx, context, error);
	backend->rollback(tx.connection);
	nx_tx_unwind(&tx, (struct nx_tx_mark){0}, NX_TX_ROLLED_BACK);
	backend->close(tx.connection);
	nx_tx_free(&tx);
	return status;
}

enum nx_status nx_store_columns(struct nx_tx *tx, bool (*each)(void *context, const struct nx_row *row),
				void *context, struct nx_error *error)
{
	return nx_sql_each(tx, error, tx->connection->backend->columns, NX_NO_PARAMS, each, context);
}
