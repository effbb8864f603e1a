/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/group.h"

#include "server/store/backoff.h"

#define RETRY_LIMIT 3
/* Commands that wait for locks one after the other do so for this long in all. */
#define GROUP_MILLISECONDS 5000

/* A group under way. */
struct run {
	struct nx_group *group;
	const struct nx_backend *backend;
	struct nx_tx tx;
	uint64_t deadline;
	size_t well, busy, full; /* commands that ended well, met a lock, met a full disk */
};

static struct run start_run(struct nx_group *group, enum nx_tx_mode mode)
{
	group->begun = group->unknown = group->barred = group->locked_out = false;
	return (struct run){.group = group,
			    .backend = group->connection->backend,
			    .tx = {.connection = group->connection, .mode = mode},
			    .deadline = nx_milliseconds() + GROUP_MILLISECONDS};
}

/* Nothing of the run is to remain. */
static enum nx_outcome give_up(struct run *run, enum nx_outcome outcome)
{
	bool connected = run->backend->rollback(run->group->connection);
	enum nx_tx_end end = run->group->unknown ? NX_TX_UNKNOWN : NX_TX_ROLLED_BACK;

	nx_tx_unwind(&run->tx, (struct nx_tx_mark){0}, end);
	nx_tx_free(&run->tx);
	return connected ? outcome : NX_SQL_LOST;
}

static enum nx_outcome commit_run(struct run *run, struct nx_error *error)
{
	struct nx_connection *connection = run->group->connection;
	enum nx_outcome outcome = nx_tx_send_notices(&run->tx, error);

	/* All is answered before the COMMIT leaves, so that only its own loss leaves doubt. */
	if (outcome == NX_SQL_OK)
		outcome = run->backend->flush(connection, error);
	if (outcome != NX_SQL_OK)
		return give_up(run, outcome);
	outcome = run->backend->commit(connection, error);
	run->group->unknown = outcome == NX_SQL_LOST;
	if (outcome != NX_SQL_OK)
		return give_up(run, outcome);
	nx_tx_settle(&run->tx, NX_TX_COMMITTED);
	nx_tx_free(&run->tx);
	return NX_SQL_OK;
}

static void run_command(struct run *run, struct nx_group_member *member)
{
	nx_tx_clear_failure(&run->tx);
	member->error = (struct nx_error){0};
	member->status = member->command->run(member->command, &run->tx, &member->error);
	member->status = nx_tx_verdict(&run->tx, member->status, &member->error);
	member->error.status = member->status;
}

enum nx_outcome nx_group_run_hastily(struct nx_group *group, struct nx_error *error)
{
	struct run run = start_run(group, NX_TX_HASTY);
	enum nx_outcome outcome = run.backend->begin(group->connection, NX_BEGIN_WRITE, error);

	if (outcome != NX_SQL_OK)
		return give_up(&run, outcome);
	group->begun = true;
	for (size_t i = 0; i < group->count; i++) {
		struct nx_group_member *member = &group->members[i];
		struct nx_tx_mark mark = nx_tx_mark(&run.tx);

		run_command(&run, member);
		if (member->status == NX_OK)
			continue;
		if (run.tx.outcome != NX_SQL_OK || run.tx.written) {
			*error = member->error;
			return give_up(&run, run.tx.outcome == NX_SQL_OK ? NX_SQL_WRONG : run.tx.outcome);
		}
		nx_tx_unwind(&run.tx, mark, NX_TX_ROLLED_BACK);
	}
	return commit_run(&run, error);
}

static bool worth_another(const struct run *run, const struct nx_group_member *member)
{
	return run->tx.outcome == NX_SQL_RACE ||
	       (run->tx.outcome == NX_SQL_UNIQUE && member->status == NX_CONFLICT);
}

/* A command between its savepoint and its release. Anything but NX_SQL_OK ends the group. */
static enum nx_outcome run_until_settled(struct run *run, struct nx_group_member *member,
					 struct nx_error *error)
{
	struct nx_connection *connection = run->group->connection;
	struct nx_tx_mark mark = nx_tx_mark(&run->tx);

	for (unsigned tries = 0;; tries++) {
		enum nx_outcome outcome;

		run_command(run, member);
		if (member->status == NX_OK)
			return NX_SQL_OK;
		nx_tx_unwind(&run->tx, mark, NX_TX_ROLLED_BACK);
		*error = member->error;
		if (run->tx.outcome == NX_SQL_LOST)
			return NX_SQL_LOST;
		/* A full disk may have cost the whole transaction. */
		if (run->tx.outcome != NX_SQL_OK && !run->backend->in_transaction(connection))
			return run->tx.outcome;
		outcome = nx_execute(connection, "ROLLBACK TO SAVEPOINT command", true, error);
		if (outcome != NX_SQL_OK)
			return outcome;
		if (!worth_another(run, member) || tries == RETRY_LIMIT)
			return NX_SQL_OK;
		run->group->retries++;
	}
}

static enum nx_outcome run_in_savepoint(struct run *run, struct nx_group_member *member,
					struct nx_error *error)
{
	struct nx_connection *connection = run->group->connection;
	enum nx_outcome outcome;

	if (run->busy > 0 && nx_milliseconds() >= run->deadline) {
		member->status = nx_fail(&member->error, NX_UNAVAILABLE, NULL,
					 "other sessions hold locks in the database for too long");
		run->busy++;
		return NX_SQL_OK;
	}
	outcome = nx_execute(connection, "SAVEPOINT command", true, error);
	if (outcome == NX_SQL_OK)
		outcome = run_until_settled(run, member, error);
	if (outcome != NX_SQL_OK)
		return outcome;
	if (member->status == NX_OK)
		run->well++;
	run->busy += run->tx.outcome == NX_SQL_BUSY;
	run->full += run->tx.outcome == NX_SQL_DISK;
	return nx_execute(connection, "RELEASE SAVEPOINT command", true, error);
}

enum nx_outcome nx_group_run_carefully(struct nx_group *group, bool hurry, struct nx_error *error)
{
	struct run run = start_run(group, NX_TX_CAREFUL);
	enum nx_outcome outcome =
		run.backend->begin(group->connection, hurry ? NX_BEGIN_HURRY : NX_BEGIN_WRITE, error);

	if (outcome == NX_SQL_OK)
		outcome = run.backend->flush(group->connection, error);
	if (outcome != NX_SQL_OK) {
		group->locked_out = outcome == NX_SQL_BUSY;
		return give_up(&run, outcome);
	}
	group->begun = true;
	for (size_t i = 0; i < group->count; i++) {
		outcome = run_in_savepoint(&run, &group->members[i], error);
		if (outcome != NX_SQL_OK)
			return give_up(&run, outcome);
	}
	group->locked_out = run.well == 0 && run.busy > 0;
	group->barred = run.well == 0 && run.busy + run.full > 0;
	return commit_run(&run, error);
}
