/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL. Writers of all servers on one database take turns, group by group,
 * through an advisory lock: groups touch many rows in any order, and would
 * otherwise end in deadlocks that PostgreSQL needs a second to notice.
 */
#include "server/store/postgres.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* The name of the turn: "nexodus" as a number. */
#define TURN_SQL "SELECT pg_advisory_xact_lock(31073815377507699)"

/*
 * A lock is waited for 5 s. A server that is frozen while it has the turn loses
 * it after 15 s; what a killed server had under way, a migration, say, ends after
 * 2 s (since PostgreSQL 14). A commit that was answered is on the disk, whatever
 * the database's own default.
 */
static const char setup_sql[] =
	"SET lock_timeout = 5000; SET idle_in_transaction_session_timeout = 15000;"
	"SET default_transaction_isolation = 'read committed'; SET client_min_messages = warning;"
	"SELECT set_config(name, '2000', false) FROM pg_settings"
	" WHERE name = 'client_connection_check_interval';"
	"SELECT set_config('synchronous_commit', 'on', false)"
	" WHERE current_setting('synchronous_commit') = 'off';";

/* How long a statement may take, and how long the server may be silent, in milliseconds. */
static const struct {
	const char *setup;
	int patience;
} limits[] = {
	[NX_USE_READ] = {"SET statement_timeout = 30000", 35000},
	[NX_USE_WRITE] = {"SET statement_timeout = 10000", 15000},
	[NX_USE_LISTEN] = {"SET statement_timeout = 10000", 15000},
};

static void drop_notice(void *unused, const PGresult *result)
{
	(void)unused;
	(void)result;
}

static void close_postgres(struct nx_connection *connection)
{
	struct nx_postgres *postgres = nx_postgres_of(connection);

	if (!postgres)
		return;
	PQfinish(postgres->handle);
	nx_cache_clear(&postgres->statements, NULL);
	free(postgres->pending);
	free(postgres);
}

/* What stands before "dbname" is a default that the connection string overrides. */
static PGconn *connect_postgres(const char *database)
{
	static const char *const names[] = {
		"connect_timeout",  "keepalives_idle",	"keepalives_interval",
		"keepalives_count", "tcp_user_timeout", "fallback_application_name",
		"dbname",	    "client_encoding",	NULL,
	};
	const char *values[] = {"5", "10", "5", "3", "15000", "nexodus-server", database, "UTF8", NULL};

	return PQconnectdbParams(names, values, 1);
}

static enum nx_outcome set_up(struct nx_postgres *postgres, struct nx_error *error)
{
	const char *encoding = PQparameterStatus(postgres->handle, "server_encoding");
	enum nx_outcome outcome;

	if (!encoding || strcmp(encoding, "UTF8") != 0) {
		nx_fail(error, NX_UNSUPPORTED, NULL, "the database has the encoding %s: make one with UTF8",
			encoding);
		return NX_SQL_WRONG;
	}
	PQsetNoticeReceiver(postgres->handle, drop_notice, NULL);
	if (PQsetnonblocking(postgres->handle, 1) != 0 || !PQenterPipelineMode(postgres->handle))
		return nx_postgres_failed(postgres, NULL, error);
	outcome = nx_postgres_script(&postgres->head, setup_sql, error);
	if (outcome == NX_SQL_OK)
		outcome = nx_postgres_script(&postgres->head, limits[postgres->use].setup, error);
	return outcome;
}

static enum nx_outcome open_postgres(const char *database, enum nx_use use, struct nx_connection **out,
				     struct nx_error *error)
{
	struct nx_postgres *postgres = nx_alloc(sizeof(*postgres));
	enum nx_outcome outcome;

	postgres->head.backend = &nx_postgres_backend;
	postgres->use = use;
	postgres->patience = limits[use].patience;
	postgres->handle = connect_postgres(database);
	if (PQstatus(postgres->handle) == CONNECTION_OK)
		outcome = set_up(postgres, error);
	else
		outcome = nx_postgres_failed(postgres, NULL, error);
	if (outcome != NX_SQL_OK) {
		close_postgres(&postgres->head);
		return outcome;
	}
	*out = &postgres->head;
	return NX_SQL_OK;
}

static bool postgres_alive(struct nx_connection *connection)
{
	struct nx_postgres *postgres = nx_postgres_of(connection);
	struct pollfd socket = {.fd = PQsocket(postgres->handle), .events = POLLIN};

	/* A last word and the end of the stream come one after the other. */
	while (socket.fd >= 0 && poll(&socket, 1, 0) > 0) {
		if (!PQconsumeInput(postgres->handle))
			return false;
	}
	return !postgres->lost && PQstatus(postgres->handle) == CONNECTION_OK;
}

static int postgres_identity(const struct nx_connection *connection)
{
	return PQbackendPID(((const struct nx_postgres *)connection)->handle);
}

static enum nx_outcome begin_postgres(struct nx_connection *connection, enum nx_begin how,
				      struct nx_error *error)
{
	static const char *const steps[][3] = {
		[NX_BEGIN_READ] = {"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"},
		[NX_BEGIN_WRITE] = {"BEGIN", TURN_SQL},
		[NX_BEGIN_HURRY] = {"BEGIN", "SET LOCAL lock_timeout = 250", TURN_SQL},
		[NX_BEGIN_MIGRATE] = {"BEGIN", "SET LOCAL statement_timeout = 0", TURN_SQL},
	};
	struct nx_postgres *postgres = nx_postgres_of(connection);
	enum nx_outcome outcome = NX_SQL_OK;

	postgres->patience = how == NX_BEGIN_MIGRATE ? -1 : limits[postgres->use].patience;
	for (size_t i = 0; i < NX_COUNT(steps[how]) && steps[how][i] && outcome == NX_SQL_OK; i++)
		outcome = nx_execute(connection, steps[how][i], true, error);
	return outcome;
}

static enum nx_outcome commit_postgres(struct nx_connection *connection, struct nx_error *error)
{
	enum nx_outcome outcome = nx_execute(connection, "COMMIT", false, error);

	/* PostgreSQL answers a COMMIT of a failed transaction politely, by rolling back. */
	if (outcome != NX_SQL_OK || strcmp(nx_postgres_of(connection)->tag, "COMMIT") == 0)
		return outcome;
	nx_fail(error, NX_INTERNAL, NULL, "the database rolled back instead of committing");
	return NX_SQL_WRONG;
}

static bool rollback_postgres(struct nx_connection *connection)
{
	const struct nx_postgres *postgres = nx_postgres_of(connection);

	if (nx_postgres_flush(connection, NULL) == NX_SQL_LOST)
		return false;
	if (PQtransactionStatus(postgres->handle) == PQTRANS_IDLE)
		return true;
	return nx_execute(connection, "ROLLBACK", false, NULL) == NX_SQL_OK;
}

/* Ends a failed one too. If it cannot even be sent, the next use of the connection notices. */
static void release_postgres(struct nx_connection *connection)
{
	struct nx_postgres *postgres = nx_postgres_of(connection);

	if (nx_execute(connection, "COMMIT", true, NULL) == NX_SQL_OK && nx_postgres_sync(postgres))
		PQflush(postgres->handle);
}

static bool postgres_in_transaction(const struct nx_connection *connection)
{
	PGTransactionStatusType status =
		PQtransactionStatus(((const struct nx_postgres *)connection)->handle);

	return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

const struct nx_backend nx_postgres_backend = {
	.kind = NX_STORE_POSTGRESQL,
	.glance = "SELECT 1",
	.probe = "SELECT txid_current()",
	.notify = "SELECT pg_notify('nexodus_changes', $1)",
	/* Of a rehearsal, only the copies. */
	.columns = "SELECT t.relname::text, c.attname::text FROM pg_class t JOIN pg_attribute c ON "
		   "c.attrelid = t.oid"
		   " WHERE t.relkind = 'r' AND c.attnum > 0 AND NOT c.attisdropped AND t.relnamespace ="
		   " CASE WHEN pg_my_temp_schema() = 0 THEN to_regnamespace(current_schema()::text)::oid"
		   " ELSE pg_my_temp_schema() END"
		   " ORDER BY t.relname::text COLLATE \"C\", c.attname::text COLLATE \"C\"",
	.open = open_postgres,
	.close = close_postgres,
	.alive = postgres_alive,
	.identity = postgres_identity,
	.begin = begin_postgres,
	.execute = nx_postgres_execute,
	.flush = nx_postgres_flush,
	.commit = commit_postgres,
	.rollback = rollback_postgres,
	.release = release_postgres,
	.in_transaction = postgres_in_transaction,
	.script = nx_postgres_script,
	.claim = nx_postgres_claim,
	.claimant = nx_postgres_claimant,
	.rehearse = nx_postgres_rehearse,
	.listen = nx_postgres_listen,
	.await = nx_postgres_await,
	.row_text = nx_postgres_row_text,
	.row_integer = nx_postgres_row_integer,
	.row_null = nx_postgres_row_null,
	.row_columns = nx_postgres_row_columns,
};
