/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims beside a file: locks on bytes of another file next to it, one byte for each component. (Not
 * on the database itself: to close a second descriptor of that would end SQLite's own locks.) What a
 * server keeps in memory over the tables allows no other process to write them, so that to be alone
 * here means with no server at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "server/store/sqlite.h"

static enum nx_outcome file_failed(const char *path, int number, struct nx_error *error)
{
	nx_fail(error, NX_UNAVAILABLE, NULL, "cannot lock %s: %s: check its directory, owner and mode", path,
		strerrordesc_np(number));
	return NX_SQL_DISK;
}

/* An administrator who runs this as root leaves a file that the server can open. */
static void owner_follow(int file, const char *database)
{
	struct stat status;

	if (geteuid() == 0 && stat(database, &status) == 0 && fchown(file, status.st_uid, status.st_gid) != 0)
		return; /* then the server says so */
}

static enum nx_outcome claims_open(struct nx_sqlite *sqlite, const char *database, const char *path,
				   struct nx_error *error)
{
	if (sqlite->claims >= 0)
		return NX_SQL_OK;
	sqlite->claims = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (sqlite->claims < 0)
		return file_failed(path, errno, error);
	owner_follow(sqlite->claims, database);
	return NX_SQL_OK;
}

/* Who is, or was, alone has all bytes. */
static struct flock lock_of(uint32_t number, enum nx_claim how)
{
	bool one = how == NX_CLAIM_SHARED;

	return (struct flock){.l_type = how == NX_CLAIM_ALONE ? F_WRLCK : F_RDLCK,
			      .l_whence = SEEK_SET,
			      .l_start = one ? (off_t)number : 0,
			      .l_len = one ? 1 : 0};
}

enum nx_outcome nx_sqlite_claim(struct nx_connection *connection, const char *database, uint32_t number,
				enum nx_claim how, struct nx_error *error)
{
	struct nx_sqlite *sqlite = nx_sqlite_of(connection);
	NX_AUTO_FREE char *path = nx_printf("%s-claims", database);
	struct flock lock = lock_of(number, how);
	enum nx_outcome outcome = claims_open(sqlite, database, path, error);

	if (outcome != NX_SQL_OK)
		return outcome;
	/* A shared lock would take the place of the stronger one. */
	if (sqlite->alone && how == NX_CLAIM_SHARED)
		return NX_SQL_OK;
	if (fcntl(sqlite->claims, F_SETLK, &lock) == 0) {
		sqlite->alone = how == NX_CLAIM_ALONE;
		return NX_SQL_OK;
	}
	if (errno != EAGAIN && errno != EACCES)
		return file_failed(path, errno, error);
	nx_fail(error, NX_UNAVAILABLE, NULL,
		"another process brings a plugin into the database or takes one away: try again when it has "
		"ended");
	return NX_SQL_BUSY;
}

enum nx_outcome nx_sqlite_claimant(struct nx_connection *connection, const char *database, uint32_t number,
				   char who[static NX_CLAIMANT_TEXT], struct nx_error *error)
{
	struct flock lock = lock_of(number, NX_CLAIM_ALONE);
	NX_AUTO_FREE char *path = nx_printf("%s-claims", database);
	const struct nx_sqlite *sqlite = nx_sqlite_of(connection);
	/* To close another descriptor of the file would end the claims of this connection. */
	NX_AUTO_CLOSE int own = sqlite->claims < 0 ? open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC) : -1;
	int file = sqlite->claims < 0 ? own : sqlite->claims;

	who[0] = '\0';
	if (file < 0 && errno == ENOENT)
		return NX_SQL_OK;
	if (file < 0 || fcntl(file, F_GETLK, &lock) != 0)
		return file_failed(path, errno, error);
	if (lock.l_type != F_UNLCK)
		snprintf(who, NX_CLAIMANT_TEXT, "process %d", (int)lock.l_pid);
	return NX_SQL_OK;
}
