/* SPDX-License-Identifier: Apache-2.0 */
/* A copy in memory. A reader of a file in WAL mode is in nobody's way, and nobody in its. */
#include <errno.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "server/store/sqlite.h"

#define BUSY_MILLISECONDS 5000

/* Who closes a database last writes its log into it; what a killed server has left is not ours to move. */
static bool log_is_there(const char *database)
{
	NX_AUTO_FREE char *path = nx_printf("%s-wal", database);
	struct stat status;

	return stat(path, &status) == 0;
}

static enum nx_outcome source_open(const char *database, struct nx_sqlite *source, struct nx_error *error)
{
	struct stat status;
	bool keep_log = log_is_there(database);
	int code;

	if (stat(database, &status) != 0 && errno == ENOENT) {
		nx_fail(error, NX_NOT_FOUND, NULL,
			"there is no database %s yet: the server makes one at its first start", database);
		return NX_SQL_WRONG;
	}
	code = sqlite3_open_v2(database, &source->handle,
			       SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (code != SQLITE_OK)
		return nx_sqlite_failed(source, code, error);
	sqlite3_busy_timeout(source->handle, BUSY_MILLISECONDS);
	if (keep_log)
		sqlite3_db_config(source->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return NX_SQL_OK;
}

/* In one step, so that it is the state of one moment. */
static enum nx_outcome copy(struct nx_sqlite *from, struct nx_sqlite *to, struct nx_error *error)
{
	sqlite3_backup *backup = sqlite3_backup_init(to->handle, "main", from->handle, "main");
	int code;

	if (!backup)
		return nx_sqlite_failed(to, sqlite3_extended_errcode(to->handle), error);
	code = sqlite3_backup_step(backup, -1);
	sqlite3_backup_finish(backup);
	return code == SQLITE_DONE ? NX_SQL_OK : nx_sqlite_failed(from, code, error);
}

enum nx_outcome nx_sqlite_rehearse(const char *database, struct nx_connection **out, struct nx_error *error)
{
	struct nx_sqlite source = {.use = NX_USE_READ, .claims = -1};
	struct nx_connection *made = NULL;
	enum nx_outcome outcome = source_open(database, &source, error);

	if (outcome == NX_SQL_OK)
		outcome = nx_sqlite_connect(":memory:", NX_USE_WRITE, &made, error);
	if (outcome == NX_SQL_OK)
		outcome = copy(&source, nx_sqlite_of(made), error);
	sqlite3_close(source.handle);
	if (outcome == NX_SQL_OK)
		outcome = nx_execute(made, "BEGIN IMMEDIATE", false, error);
	if (outcome == NX_SQL_OK)
		*out = made;
	else
		nx_sqlite_backend.close(made);
	return outcome;
}
