/* SPDX-License-Identifier: Apache-2.0 */
/* Passes of a renumbering over the devices of its organization, a batch at a time, and what follows each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/ipam/quarantine.h"
#include "server/ipam/strategies.h"
#include "server/renumbering/inside.h"
#include "server/resources/access.h"
#include "server/resources/record_list.h"
#include "server/watch/hub.h"

/* Devices of one transaction: few enough not to keep others waiting, enough to be worth a commit. */
#define BATCH 64
/* How long those that are in touch are waited for when the old addresses are due to go. */
#define PATIENCE_SECONDS 60

/* --- a batch ---------------------------------------------------------------------------------------- */

static enum nx_status devices_read(const struct nx_renumbering_pass *pass, struct nx_tx *tx,
				   struct nx_record_list *list, struct nx_error *error)
{
	NX_AUTO_FREE char *sql = nx_printf("SELECT %s FROM devices WHERE organization_id = $1 AND id > $2"
					   " ORDER BY id LIMIT $3",
					   list->columns->list);

	return nx_sql_each(
		tx, error, sql,
		NX_PARAMS(NX_TEXT(pass->row->organization_id), NX_TEXT(pass->row->done_to), NX_INT(BATCH)),
		nx_record_list_take, list);
}

/* --- what comes after a pass ------------------------------------------------------------------------ */

static enum nx_status organization_clear(const struct nx_renumbering_pass *pass, struct nx_tx *tx,
					 struct nx_error *error)
{
	const struct nx_renumbering *row = pass->row;
	const struct nx_prefix *rest = row->rolled_back ? &row->old_prefix : &row->new_prefix;
	char first[NX_ADDRESS_TEXT];
	struct nx_renumbering_prefixes prefixes = {.second = ""};
	int64_t revision;
	enum nx_status status;

	prefixes.first = nx_prefix_format(rest, first);
	status = nx_renumbering_organization(pass->server, tx, row, &prefixes, &revision, error);
	return status == NX_OK ? nx_quarantine_leave(tx, row->organization_id, row->family, rest, error)
			       : status;
}

static void next_state(struct nx_renumbering *next)
{
	switch (next->state) {
	case NX_RENUMBERING_STARTING:
		next->state = NX_RENUMBERING_ASKING;
		break;
	case NX_RENUMBERING_ASKING:
		next->state = NX_RENUMBERING_STARTED;
		break;
	case NX_RENUMBERING_COMMITTING:
		next->state = NX_RENUMBERING_COMMITTED;
		break;
	case NX_RENUMBERING_RETURNING:
		next->state = NX_RENUMBERING_RETURNED;
		break;
	default:
		next->state = NX_RENUMBERING_ENDED;
	}
	next->done_to[0] = '\0';
}

/* Is the row as it was read? False when another server, or a rollback, has changed it meanwhile. */
static enum nx_status row_judge(const struct nx_renumbering_pass *pass, struct nx_tx *tx, bool *mine,
				struct nx_error *error)
{
	return nx_renumbering_advance(tx, pass->row, pass->row->state, pass->row->done_to, mine, error);
}

/* Note how far it came: `done` devices of those that were read. */
static enum nx_status row_advance(struct nx_renumbering_pass *pass, struct nx_tx *tx,
				  const struct nx_record_list *list, size_t done, struct nx_error *error)
{
	struct nx_renumbering *next = &pass->next;
	bool mine;

	*next = *pass->row;
	if (done || !list->count)
		next->problem[0] = '\0';
	if (done < list->count || list->count == BATCH)
		snprintf(next->done_to, sizeof(next->done_to), "%s",
			 done ? list->records[done - 1][NX_DEVICE_ID].text : pass->row->done_to);
	else
		next_state(next);
	return nx_renumbering_advance(tx, next, pass->row->state, pass->row->done_to, &mine, error);
}

/*
 * All of a batch, or those before a device for which a strategy has to be asked: what it needs is chosen
 * before anything of it is written.
 */
static enum nx_status devices_pass(struct nx_renumbering_pass *pass, struct nx_tx *tx,
				   const struct nx_record_list *list, size_t *done, struct nx_error *error)
{
	enum nx_status status = NX_OK;

	for (*done = 0; status == NX_OK && *done < list->count; *done += status == NX_OK)
		status = nx_renumbering_device(pass, tx, list->records[*done], error);
	return status == NX_UNAVAILABLE && pass->asking.open ? NX_OK : status;
}

/* Who else changes a device of the organization, waits here or has done it: on other servers too. */
static enum nx_status organization_lock(struct nx_renumbering_pass *pass, struct nx_tx *tx,
					struct nx_error *error)
{
	const struct nx_columns *columns = &pass->server->fields->organizations;
	enum nx_status status =
		nx_sql(tx, error, "UPDATE organizations SET revision = revision WHERE id = $1",
		       NX_PARAMS(NX_TEXT(pass->row->organization_id)));

	return status == NX_OK ? nx_record_find(columns, tx, columns->find, pass->row->organization_id,
						"organization", &pass->organization, error)
			       : status;
}

static enum nx_status batch_run(struct nx_command *command, struct nx_tx *tx, struct nx_error *error)
{
	struct nx_renumbering_pass *pass = (struct nx_renumbering_pass *)command;
	struct nx_record_list list = {.columns = &pass->server->fields->devices};
	bool mine = false;
	size_t done = 0;
	enum nx_status status;

	nx_asking_begin(&pass->asking);
	free(NX_TAKE(pass->organization));
	status = organization_lock(pass, tx, error);
	if (status == NX_OK)
		status = row_judge(pass, tx, &mine, error);
	if (status == NX_OK && mine)
		status = devices_read(pass, tx, &list, error);
	if (status == NX_OK)
		status = devices_pass(pass, tx, &list, &done, error);
	if (status == NX_OK && mine)
		status = row_advance(pass, tx, &list, done, error);
	if (status == NX_OK && mine && pass->next.state == NX_RENUMBERING_ENDED)
		status = organization_clear(pass, tx, error);
	nx_record_list_clean(&list);
	pass->more = status == NX_OK && (!mine || nx_renumbering_passing(pass->next.state));
	return status;
}

/* --- strategies that block --------------------------------------------------------------------------- */

/* Have the open question answered. */
static enum nx_status question_settle(struct nx_renumbering_pass *pass, struct nx_error *error)
{
	struct nx_strategies *strategies = pass->server->strategies;
	struct nx_asking *asking = &pass->asking;
	struct nx_proposal proposal;

	if (!asking->deadline)
		asking->deadline = nx_strategies_deadline(strategies);
	nx_strategies_wait(strategies, &asking->question, asking->deadline, &proposal);
	if (proposal.status == NX_OK)
		nx_asking_answer(asking, &proposal.address);
	else
		*error = proposal.error;
	return proposal.status;
}

static enum nx_status batch_write(struct nx_renumbering_pass *pass, struct nx_error *error)
{
	enum nx_status status;

	pass->command.run = batch_run;
	status = nx_store_write(pass->server->store, &pass->command, error);
	if (status == NX_OK && pass->asking.open)
		*pass->row = pass->next;
	return status;
}

/*
 * One batch; where it ends before a device for which a strategy has to be asked, until that has its address:
 * one such device at a time, so that other organizations do not wait longer than for one.
 */
static enum nx_status batch_pass(struct nx_renumbering_pass *pass, bool *refused, struct nx_error *error)
{
	char asked[NX_UUID_TEXT] = "";
	enum nx_status status = batch_write(pass, error);

	while (status == NX_OK && pass->asking.open && (!asked[0] || strcmp(asked, pass->asked) == 0)) {
		snprintf(asked, sizeof(asked), "%s", pass->asked);
		status = question_settle(pass, error);
		*refused = status != NX_OK;
		if (status == NX_OK)
			status = batch_write(pass, error);
	}
	return status;
}

/* --- waiting ------------------------------------------------------------------------------------------ */

static bool due(const struct nx_renumbering *row)
{
	return (row->state == NX_RENUMBERING_COMMITTED || row->state == NX_RENUMBERING_RETURNED) &&
	       time(NULL) >= row->ends_at;
}

/* Has everybody who is in touch a stream open here? Not when there may be other servers, nor when this one
 * has only just begun. */
static bool sees_all(const struct nx_renumbering_pass *pass, const struct nx_tx *tx)
{
	return nx_tx_kind(tx) == NX_STORE_SQLITE && time(NULL) - pass->since >= PATIENCE_SECONDS;
}

/* Is there anybody who would lose packets, and can still be waited for? */
static enum nx_status somebody_awaited(const struct nx_renumbering_pass *pass, struct nx_tx *tx,
				       const struct nx_renumbering *row, bool *out, struct nx_error *error)
{
	int64_t from = row->ends_at > pass->since ? row->ends_at : pass->since;
	int64_t known = 0;
	size_t online = 0;
	enum nx_status status = nx_renumbering_waiting_online(pass->server, tx, row, &online, error);

	if (status == NX_OK && !sees_all(pass, tx))
		status = nx_renumbering_waiting_known(tx, pass->server->fields, row, &known, error);
	*out = (online || known) && time(NULL) - from < PATIENCE_SECONDS;
	return status;
}

/* The old addresses, or after a rollback the new ones, have had their time: unless they have been given more
 * of it since the row was read. */
static enum nx_status clearing_run(struct nx_command *command, struct nx_tx *tx, struct nx_error *error)
{
	struct nx_renumbering_pass *pass = (struct nx_renumbering_pass *)command;
	struct nx_renumbering *next = &pass->next;
	struct nx_renumbering now;
	bool mine = false, awaited = false;
	enum nx_status status =
		nx_renumbering_find(pass->server->fields, tx, pass->row->organization_id, &now, error);

	pass->more = false;
	if (status == NX_NOT_FOUND)
		return NX_OK; /* it has ended, on another server */
	if (status == NX_OK)
		status = somebody_awaited(pass, tx, &now, &awaited, error);
	if (status != NX_OK || awaited || !due(&now))
		return status;
	*next = now;
	next->state = NX_RENUMBERING_CLEARING;
	status = nx_renumbering_advance(tx, next, now.state, now.done_to, &mine, error);
	pass->more = status == NX_OK;
	return status;
}

/* --- what stands in the way --------------------------------------------------------------------------- */

static enum nx_status problem_run(struct nx_command *command, struct nx_tx *tx, struct nx_error *error)
{
	struct nx_renumbering_pass *pass = (struct nx_renumbering_pass *)command;
	bool mine;

	return nx_renumbering_advance(tx, &pass->next, pass->row->state, pass->row->done_to, &mine, error);
}

/* For the owner to see, and to roll back or to mend; it is tried again. */
static void problem_note(struct nx_renumbering_pass *pass, const struct nx_error *why)
{
	pass->next = *pass->row;
	snprintf(pass->next.problem, sizeof(pass->next.problem), "%s", why->message);
	if (strcmp(pass->next.problem, pass->row->problem) == 0)
		return;
	pass->command.run = problem_run;
	nx_store_write(pass->server->store, &pass->command, NULL);
}

static enum nx_status clearing_write(struct nx_renumbering_pass *pass, struct nx_error *error)
{
	pass->command.run = clearing_run;
	return nx_store_write(pass->server->store, &pass->command, error);
}

enum nx_status nx_renumbering_step(struct nx_server *server, struct nx_renumbering *row, int64_t since,
				   bool *more, struct nx_error *error)
{
	struct nx_renumbering_pass pass = {.server = server, .row = row, .since = since};
	struct nx_error why = {0};
	bool refused = false; /* by a strategy that was asked */
	enum nx_status status = NX_OK;

	*more = false;
	if (nx_renumbering_passing(row->state))
		status = batch_pass(&pass, &refused, &why);
	else if (due(row))
		status = clearing_write(&pass, &why);
	else
		return NX_OK;
	free(pass.organization);
	nx_watch_flush(server->watch);
	*more = status == NX_OK && pass.more;
	if (status == NX_OK)
		return NX_OK;
	if (status != NX_UNAVAILABLE || refused)
		problem_note(&pass, &why);
	return nx_fail(error, status, why.field, "%s", why.message);
}
