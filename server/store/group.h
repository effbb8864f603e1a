/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that are committed together, in one of two ways.
 *
 * Hastily: without savepoints, and, where the database is a process away, with
 * statements sent before the one before is answered. Nearly every group ends
 * well this way. When a command fails that has written something, or a deferred
 * statement fails, the whole group is rolled back (its hooks hear of it), and
 * run once more.
 *
 * Carefully: each command inside a savepoint, each statement answered before the
 * next, so that a command sees its own failure, loses a race at most three
 * times, and leaves its neighbours alone.
 */
#ifndef NX_SERVER_STORE_GROUP_H
#define NX_SERVER_STORE_GROUP_H

#include "server/store/tx.h"

struct nx_group_member {
	struct nx_command *command;
	enum nx_status status;
	struct nx_error error;
};

struct nx_group {
	struct nx_connection *connection;
	struct nx_group_member *members;
	size_t count;
	/* What the last run came to. */
	bool begun;	 /* commands were run */
	bool unknown;	 /* the connection was lost during the COMMIT */
	bool barred;	 /* no command got past locks of others, or a disk that is full */
	bool locked_out; /* it was the locks */
	uint64_t retries;
};

/*
 * Run and commit. NX_SQL_OK: committed, and each member's status and error are
 * true. Anything else: nothing was committed (or nobody knows, see `unknown`),
 * and `error` says why; members say nothing. Hooks have been called in either
 * case; `done` has not. NX_SQL_LOST: the connection must be replaced.
 */
enum nx_outcome nx_group_run_hastily(struct nx_group *group, struct nx_error *error);
enum nx_outcome nx_group_run_carefully(struct nx_group *group, bool hurry, struct nx_error *error);

#endif
