/* SPDX-License-Identifier: Apache-2.0 */
/* A session beside the store's, through the engine's own library and none of our code. */
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/store/fixture.h"

struct session {
	sqlite3 *sqlite;
	PGconn *postgres;
};

static void silent(void *context, const PGresult *result)
{
	(void)context;
	(void)result;
}

struct session *session_open(void)
{
	struct session *session = nx_alloc(sizeof(*session));
	bool opened;

	if (fixture.kind == NX_STORE_SQLITE) {
		opened = sqlite3_open(fixture.database, &session->sqlite) == SQLITE_OK;
		sqlite3_busy_timeout(session->sqlite, 20000);
	} else {
		session->postgres = PQconnectdb(fixture.database);
		opened = PQstatus(session->postgres) == CONNECTION_OK;
		PQsetNoticeReceiver(session->postgres, silent, NULL);
	}
	if (!opened) {
		fprintf(stderr, "cannot open the database aside\n");
		exit(EXIT_FAILURE);
	}
	return session;
}

void session_close(struct session *session)
{
	sqlite3_close(session->sqlite);
	PQfinish(session->postgres);
	free(session);
}

bool session_run(struct session *session, const char *sql)
{
	PGresult *result;
	bool good;

	if (session->sqlite)
		return sqlite3_exec(session->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK;
	result = PQexec(session->postgres, sql);
	good = PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
	PQclear(result);
	return good;
}

static int64_t sqlite_integer(struct session *session, const char *sql)
{
	sqlite3_stmt *statement;
	int64_t value = -1;

	if (sqlite3_prepare_v2(session->sqlite, sql, -1, &statement, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_step(statement) == SQLITE_ROW)
		value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

int64_t session_integer(struct session *session, const char *sql)
{
	PGresult *result;
	int64_t value = -1;

	if (session->sqlite)
		return sqlite_integer(session, sql);
	result = PQexec(session->postgres, sql);
	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0)
		value = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
	PQclear(result);
	return value;
}

int64_t database_integer(const char *sql)
{
	struct session *session = session_open();
	int64_t value = session_integer(session, sql);

	session_close(session);
	return value;
}

void session_end_others(struct session *session)
{
	session_run(session, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
			     " WHERE pid <> pg_backend_pid() AND datname = current_database()");
}

static void remove_file(const char *suffix)
{
	NX_AUTO_FREE char *path = nx_printf("%s%s", fixture.database, suffix);

	unlink(path);
}

void database_empty(void)
{
	struct session *session;

	if (fixture.kind == NX_STORE_SQLITE) {
		remove_file("");
		remove_file("-wal");
		remove_file("-shm");
		remove_file("-claims");
		return;
	}
	session = session_open();
	/* Whoever a test left behind must not hold what is to go. */
	session_end_others(session);
	if (!session_run(session, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")) {
		fprintf(stderr, "cannot empty the database: %s\n", PQerrorMessage(session->postgres));
		exit(EXIT_FAILURE);
	}
	session_close(session);
}
