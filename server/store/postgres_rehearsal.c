/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy in temporary tables of the same names, in a transaction that sees nothing else. To copy a table
 * takes the weakest of its locks, for which neither readers nor writers wait, but only a migration.
 */
#include "server/store/postgres.h"

static const char copy_sql[] =
	"BEGIN ISOLATION LEVEL REPEATABLE READ;"
	"SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;"
	"DO $copy$ DECLARE name text; source text := current_schema(); BEGIN"
	" FOR name IN SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = source ORDER BY 1 LOOP"
	"  EXECUTE format('CREATE TEMPORARY TABLE %I (LIKE %I.%I INCLUDING ALL)', name, source, name);"
	"  EXECUTE format('INSERT INTO pg_temp.%I SELECT * FROM %I.%I', name, source, name);"
	" END LOOP;"
	"END $copy$;"
	"SET LOCAL search_path = pg_temp;";

enum nx_outcome nx_postgres_rehearse(const char *database, struct nx_connection **out, struct nx_error *error)
{
	struct nx_connection *made = NULL;
	enum nx_outcome outcome = nx_postgres_backend.open(database, NX_USE_WRITE, &made, error);

	if (outcome != NX_SQL_OK)
		return outcome;
	nx_postgres_of(made)->patience = -1;
	outcome = nx_postgres_script(made, copy_sql, error);
	if (outcome == NX_SQL_OK)
		*out = made;
	else
		nx_postgres_backend.close(made);
	return outcome;
}
