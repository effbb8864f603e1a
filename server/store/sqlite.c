/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite: WAL, so that readers never wait for the writer; FULL, so that a commit is on the disk. */
#include "server/store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "server/store/backoff.h"

/* How long somebody else's lock is waited for. */
#define BUSY_MILLISECONDS 5000
#define PAUSE_MILLISECONDS 20

static const char setup_sql[] = "PRAGMA journal_mode = WAL;"
				"PRAGMA synchronous = FULL;"
				"PRAGMA foreign_keys = ON;"
				"PRAGMA trusted_schema = OFF;"
				"PRAGMA temp_store = MEMORY;"
				/* Checkpoints write and sync twice: seldom is better. What a long
				 * reader held back must not stay on the disk for ever. */
				"PRAGMA wal_autocheckpoint = 4000;"
				"PRAGMA journal_size_limit = 67108864;";

static const char *disk_message(int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return "the disk of the database is full: make room there";
	case SQLITE_CANTOPEN:
		return "the database cannot be opened: check its directory, owner and mode";
	case SQLITE_READONLY:
		return "the database is read-only: check its disk, owner and mode";
	case SQLITE_NOMEM:
		return "there is no memory left for the database";
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return "the database is damaged: stop the server, and restore the file from a backup";
	default:
		return "the disk of the database fails: check it";
	}
}

static enum nx_outcome disk_failed(const struct nx_sqlite *sqlite, int code, struct nx_error *error)
{
	int number = sqlite3_system_errno(sqlite->handle);

	nx_fail(error, NX_UNAVAILABLE, NULL, "%s (%s, %s)", disk_message(code), sqlite3_errstr(code),
		number ? strerrordesc_np(number) : "no system error");
	return NX_SQL_DISK;
}

static enum nx_outcome constraint_failed(const struct nx_sqlite *sqlite, int code, struct nx_error *error)
{
	enum nx_outcome outcome = NX_SQL_WRONG;

	if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
	    code == SQLITE_CONSTRAINT_ROWID)
		outcome = NX_SQL_UNIQUE;
	nx_fail(error, nx_outcome_status(outcome), NULL, "the database refused: %s",
		sqlite3_errmsg(sqlite->handle));
	return outcome;
}

enum nx_outcome nx_sqlite_failed(const struct nx_sqlite *sqlite, int code, struct nx_error *error)
{
	switch (code & 0xff) {
	case SQLITE_CONSTRAINT:
		return constraint_failed(sqlite, code, error);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		nx_fail(error, NX_UNAVAILABLE, NULL,
			"another program holds a lock on the database for longer than %d seconds",
			BUSY_MILLISECONDS / 1000);
		return NX_SQL_BUSY;
	case SQLITE_READONLY:
		if (sqlite->use == NX_USE_READ)
			break; /* writing while reading is our own fault */
		return disk_failed(sqlite, code, error);
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_NOMEM:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return disk_failed(sqlite, code, error);
	default:
		break;
	}
	nx_fail(error, NX_INTERNAL, NULL, "the database failed: %s", sqlite3_errmsg(sqlite->handle));
	return NX_SQL_WRONG;
}

/* SQLite makes files with the mode that the umask leaves; its -wal and -shm copy the mode. */
static enum nx_outcome create_private(const char *path, struct nx_error *error)
{
	NX_AUTO_CLOSE int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if ((file < 0 && errno == EEXIST) || (file >= 0 && fchmod(file, 0600) == 0))
		return NX_SQL_OK;
	nx_fail(error, NX_UNAVAILABLE, NULL, "cannot make the database %s: %s", path, strerrordesc_np(errno));
	return NX_SQL_DISK;
}

/* "C", so that one text sorts by bytes on both engines, whatever the locale of PostgreSQL. */
static int compare_bytes(void *unused, int a_length, const void *a, int b_length, const void *b)
{
	int order = memcmp(a, b, (size_t)(a_length < b_length ? a_length : b_length));

	(void)unused;
	return order ? order : a_length - b_length;
}

/*
 * The first change to WAL needs the file for itself, and SQLite does not wait for that as it waits for
 * other locks: of several servers that open a new database at once, all but one are told that it is busy.
 */
static int run_setup(struct nx_sqlite *sqlite)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MILLISECONDS * 1000000L};
	uint64_t deadline = nx_milliseconds() + BUSY_MILLISECONDS;
	int code;

	while (((code = sqlite3_exec(sqlite->handle, setup_sql, NULL, NULL, NULL)) & 0xff) == SQLITE_BUSY &&
	       nx_milliseconds() < deadline)
		nanosleep(&pause, NULL);
	return code;
}

static int set_up(struct nx_sqlite *sqlite)
{
	int code;

	sqlite3_extended_result_codes(sqlite->handle, 1);
	sqlite3_busy_timeout(sqlite->handle, BUSY_MILLISECONDS);
	sqlite3_db_config(sqlite->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(sqlite->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	code = sqlite3_create_collation(sqlite->handle, "C", SQLITE_UTF8, NULL, compare_bytes);
	if (code == SQLITE_OK)
		code = run_setup(sqlite);
	if (code == SQLITE_OK && sqlite->use == NX_USE_READ)
		code = sqlite3_exec(sqlite->handle, "PRAGMA query_only = ON", NULL, NULL, NULL);
	return code;
}

static void close_sqlite(struct nx_connection *connection)
{
	struct nx_sqlite *sqlite = nx_sqlite_of(connection);

	if (!sqlite)
		return;
	nx_sqlite_forget_statements(sqlite);
	sqlite3_close(sqlite->handle);
	if (sqlite->claims >= 0)
		close(sqlite->claims);
	free(sqlite);
}

enum nx_outcome nx_sqlite_connect(const char *path, enum nx_use use, struct nx_connection **out,
				  struct nx_error *error)
{
	struct nx_sqlite *sqlite = nx_alloc(sizeof(*sqlite));
	enum nx_outcome outcome;
	int code;

	sqlite->head.backend = &nx_sqlite_backend;
	sqlite->use = use;
	sqlite->claims = -1;
	/* One thread at a time uses a connection, so it needs no mutex of its own. */
	code = sqlite3_open_v2(path, &sqlite->handle,
			       SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (code == SQLITE_OK)
		code = set_up(sqlite);
	if (code != SQLITE_OK) {
		outcome = nx_sqlite_failed(sqlite, code, error);
		close_sqlite(&sqlite->head);
		return outcome;
	}
	*out = &sqlite->head;
	return NX_SQL_OK;
}

static enum nx_outcome open_sqlite(const char *database, enum nx_use use, struct nx_connection **out,
				   struct nx_error *error)
{
	enum nx_outcome outcome = create_private(database, error);

	return outcome == NX_SQL_OK ? nx_sqlite_connect(database, use, out, error) : outcome;
}

static bool sqlite_alive(struct nx_connection *connection)
{
	(void)connection;
	return true;
}

static int sqlite_identity(const struct nx_connection *connection)
{
	(void)connection;
	return 0;
}

static enum nx_outcome begin_sqlite(struct nx_connection *connection, enum nx_begin how,
				    struct nx_error *error)
{
	/* A reader that becomes a writer half-way may be refused: a writer is one from the start. */
	return nx_execute(connection, how == NX_BEGIN_READ ? "BEGIN" : "BEGIN IMMEDIATE", false, error);
}

static enum nx_outcome flush_sqlite(struct nx_connection *connection, struct nx_error *error)
{
	(void)connection;
	(void)error;
	return NX_SQL_OK;
}

static enum nx_outcome commit_sqlite(struct nx_connection *connection, struct nx_error *error)
{
	return nx_execute(connection, "COMMIT", false, error);
}

static bool sqlite_in_transaction(const struct nx_connection *connection)
{
	return !sqlite3_get_autocommit(((const struct nx_sqlite *)connection)->handle);
}

static bool rollback_sqlite(struct nx_connection *connection)
{
	/* A full or failing disk has rolled back already. */
	if (sqlite_in_transaction(connection))
		nx_execute(connection, "ROLLBACK", false, NULL);
	return true;
}

static void release_sqlite(struct nx_connection *connection)
{
	rollback_sqlite(connection);
}

static enum nx_outcome script_sqlite(struct nx_connection *connection, const char *text,
				     struct nx_error *error)
{
	struct nx_sqlite *sqlite = nx_sqlite_of(connection);
	int code = sqlite3_exec(sqlite->handle, text, NULL, NULL, NULL);

	return code == SQLITE_OK ? NX_SQL_OK : nx_sqlite_failed(sqlite, code, error);
}

const struct nx_backend nx_sqlite_backend = {
	.kind = NX_STORE_SQLITE,
	.glance = "PRAGMA schema_version",
	.probe = "PRAGMA user_version = 1",
	.columns = "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c"
		   " WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.name",
	.open = open_sqlite,
	.close = close_sqlite,
	.alive = sqlite_alive,
	.identity = sqlite_identity,
	.begin = begin_sqlite,
	.execute = nx_sqlite_execute,
	.flush = flush_sqlite,
	.commit = commit_sqlite,
	.rollback = rollback_sqlite,
	.release = release_sqlite,
	.in_transaction = sqlite_in_transaction,
	.script = script_sqlite,
	.claim = nx_sqlite_claim,
	.claimant = nx_sqlite_claimant,
	.rehearse = nx_sqlite_rehearse,
	.row_text = nx_sqlite_row_text,
	.row_integer = nx_sqlite_row_integer,
	.row_null = nx_sqlite_row_null,
	.row_columns = nx_sqlite_row_columns,
};
