/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /api/organizations/{organization}/renumbering: its owner. Begins, or (dry_run) says what would become
 * of whom; …/commit and …/rollback end it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/renumbering/plan.h"
#include "server/resources/access.h"
#include "server/resources/handlers.h"
#include "server/resources/reply.h"

/* How long old addresses are good after a commit that says nothing else, and at most. */
#define GRACE_SECONDS 3600
#define GRACE_LIMIT INT64_C(31622400) /* a year */
/* New addresses after a rollback: until those that are online have taken it up. */
#define RETURN_SECONDS 0

/* --- what would become of whom ------------------------------------------------------------------- */

struct planning {
	struct nx_request *request;
	const struct nx_json *body;
	struct nx_renumbering_plan plan;
};

static enum nx_status plan_read(struct nx_tx *tx, void *context, struct nx_error *error)
{
	struct planning *planning = context;
	const struct nx_server *server = nx_request_server(planning->request);
	NX_AUTO_FREE struct nx_value *organization = NULL;
	enum nx_status status = nx_organization_owned(
		server->fields, tx, nx_request_principal(planning->request),
		nx_request_param(planning->request, "organization"), &organization, error);

	nx_renumbering_plan_clean(&planning->plan);
	planning->plan = (struct nx_renumbering_plan){0};
	if (status == NX_OK)
		status = nx_renumbering_plan_read(server, planning->body, organization, &planning->plan,
						  error);
	return status == NX_OK ? nx_renumbering_plan_make(server, tx, organization, &planning->plan, error)
			       : status;
}

/* --- beginning ------------------------------------------------------------------------------------- */

struct beginning {
	struct nx_write write;
	struct nx_renumbering row;
};

/* The organization's prefix is still what the plan was made for. */
static enum nx_status prefix_unchanged(const struct nx_renumbering *row, const struct nx_value *organization,
				       struct nx_error *error)
{
	struct nx_prefix prefix;

	if (nx_prefix_parse(organization[row->family->organization_prefix].text, &prefix) &&
	    nx_prefix_compare(&prefix, &row->old_prefix) == 0)
		return NX_OK;
	return nx_fail(error, NX_CONFLICT, NULL,
		       "the organization's prefix has changed meanwhile: try again");
}

static enum nx_status begin_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	struct beginning *beginning = (struct beginning *)write;
	struct nx_server *server = write->server;
	struct nx_renumbering row = beginning->row;
	char first[NX_ADDRESS_TEXT], second[NX_ADDRESS_TEXT];
	struct nx_renumbering_prefixes prefixes = {.first = nx_prefix_format(&row.old_prefix, first),
						   .second = nx_prefix_format(&row.new_prefix, second)};
	NX_AUTO_FREE struct nx_value *organization = NULL;
	enum nx_status status = nx_organization_owned(server->fields, tx, write->who, row.organization_id,
						      &organization, error);

	if (status == NX_OK)
		status = nx_renumbering_under_way(server, tx, row.organization_id, error);
	if (status == NX_OK)
		status = prefix_unchanged(&row, organization, error);
	if (status == NX_OK)
		status = nx_renumbering_organization(server, tx, &row, &prefixes, &row.stage, error);
	row.started_at = time(NULL);
	if (status == NX_OK)
		status = nx_renumbering_insert(tx, &row, error);
	return status == NX_OK ? nx_renumbering_write(server, tx, &row, &write->body, error) : status;
}

static void changed(struct nx_write *write)
{
	nx_renumberings_poke(write->server->renumberings);
}

static void begin_submit(struct nx_request *request, const struct nx_renumbering *row)
{
	struct beginning *beginning = nx_write_new(request, sizeof(*beginning), 202, begin_run);

	beginning->write.committed = changed;
	beginning->row = *row;
	nx_write_submit(&beginning->write);
}

static void problems_refuse(struct nx_request *request, const struct nx_renumbering_plan *plan)
{
	struct nx_error error = {0};

	nx_fail(&error, NX_CONFLICT, NULL, "it cannot be done (a dry run says more): %s",
		plan->problems.length ? plan->problems.data : "");
	nx_refuse(request, &error);
}

void nx_renumbering_start(struct nx_request *request)
{
	struct planning planning = {.request = request, .body = nx_request_json(request)};
	struct nx_buffer body = {0};
	struct nx_error error = {0};
	bool dry = false;

	if (!planning.body)
		return;
	if (nx_flag_read(planning.body, "dry_run", &dry, &error) != NX_OK ||
	    nx_store_read(nx_request_server(request)->store, plan_read, &planning, &error) != NX_OK) {
		nx_refuse(request, &error);
	} else if (dry) {
		nx_renumbering_plan_write(&planning.plan, &body);
		nx_reply_json(request, 200, &body);
	} else if (planning.plan.problem_count) {
		problems_refuse(request, &planning.plan);
	} else {
		begin_submit(request, &planning.plan.row);
	}
	nx_renumbering_plan_clean(&planning.plan);
}

/* --- ending ------------------------------------------------------------------------------------------ */

struct ending {
	struct nx_write write;
	int64_t grace;
	bool grace_given;
	bool force;
};

static enum nx_status moved_meanwhile(struct nx_error *error)
{
	return nx_fail(error, NX_CONFLICT, NULL, "the renumbering has gone on meanwhile: try again");
}

/* Write the row in its new state, its pass at its beginning. */
static enum nx_status row_store(struct ending *ending, struct nx_tx *tx, struct nx_renumbering *row,
				enum nx_renumbering_state was, struct nx_error *error)
{
	char done_to[NX_UUID_TEXT];
	bool mine = false;
	enum nx_status status;

	snprintf(done_to, sizeof(done_to), "%s", row->done_to);
	row->done_to[0] = row->problem[0] = '\0';
	status = nx_renumbering_advance(tx, row, was, done_to, &mine, error);
	if (status == NX_OK && !mine)
		return moved_meanwhile(error);
	return status == NX_OK
		       ? nx_renumbering_write(ending->write.server, tx, row, &ending->write.body, error)
		       : status;
}

static enum nx_status row_find(struct nx_write *write, struct nx_tx *tx, struct nx_renumbering *row,
			       struct nx_error *error)
{
	const char *id = nx_request_param(write->request, "organization");
	NX_AUTO_FREE struct nx_value *organization = NULL;
	enum nx_status status =
		nx_organization_owned(write->server->fields, tx, write->who, id, &organization, error);

	if (status != NX_OK)
		return status;
	status = nx_renumbering_find(write->server->fields, tx, id, row, error);
	return status == NX_NOT_FOUND
		       ? nx_fail(error, NX_CONFLICT, NULL, "the organization is not being renumbered")
		       : status;
}

static enum nx_status commit_judge(const struct ending *ending, struct nx_tx *tx,
				   const struct nx_renumbering *row, struct nx_error *error)
{
	size_t waiting = 0;
	enum nx_status status = NX_OK;

	if (row->state < NX_RENUMBERING_STARTED)
		return nx_fail(error, NX_CONFLICT, NULL,
			       "not every device has been given its second address yet%s%s",
			       row->problem[0] ? ": " : "", row->problem);
	if (row->state == NX_RENUMBERING_COMMITTED && ending->grace_given)
		return NX_OK;
	if (row->state != NX_RENUMBERING_STARTED)
		return nx_fail(error, NX_CONFLICT, NULL, "there is nothing to commit: it is %s",
			       nx_renumbering_state_name(row->state));
	if (!ending->force)
		status = nx_renumbering_waiting_online(ending->write.server, tx, row, &waiting, error);
	if (status == NX_OK && waiting)
		return nx_fail(
			error, NX_CONFLICT, NULL,
			"%zu devices that are online have not taken up the new addresses yet, and would lose "
			"packets: wait for them, or force it",
			waiting);
	return status;
}

static enum nx_status commit_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	struct ending *ending = (struct ending *)write;
	char first[NX_ADDRESS_TEXT], second[NX_ADDRESS_TEXT];
	struct nx_renumbering row;
	struct nx_renumbering_prefixes prefixes;
	enum nx_status status = row_find(write, tx, &row, error);

	if (status == NX_OK)
		status = commit_judge(ending, tx, &row, error);
	if (status != NX_OK)
		return status;
	row.ends_at = time(NULL) + ending->grace;
	if (row.state == NX_RENUMBERING_COMMITTED) /* only another grace */
		return row_store(ending, tx, &row, NX_RENUMBERING_COMMITTED, error);
	prefixes = (struct nx_renumbering_prefixes){.first = nx_prefix_format(&row.new_prefix, first),
						    .second = nx_prefix_format(&row.old_prefix, second),
						    .strategy = row.keeps ? NULL : row.new_strategy};
	status = nx_renumbering_organization(write->server, tx, &row, &prefixes, &row.stage, error);
	row.turned = row.stage;
	row.state = NX_RENUMBERING_COMMITTING;
	return status == NX_OK ? row_store(ending, tx, &row, NX_RENUMBERING_STARTED, error) : status;
}

/* Nobody has the new address as its first: it is only to be taken away. */
static enum nx_status rollback_started(struct ending *ending, struct nx_tx *tx, struct nx_renumbering *row,
				       struct nx_error *error)
{
	enum nx_renumbering_state was = row->state;

	row->state = NX_RENUMBERING_CLEARING;
	return row_store(ending, tx, row, was, error);
}

static enum nx_status rollback_committed(struct ending *ending, struct nx_tx *tx, struct nx_renumbering *row,
					 struct nx_error *error)
{
	char first[NX_ADDRESS_TEXT], second[NX_ADDRESS_TEXT];
	enum nx_renumbering_state was = row->state;
	struct nx_renumbering_prefixes prefixes = {.first = nx_prefix_format(&row->old_prefix, first),
						   .second = nx_prefix_format(&row->new_prefix, second),
						   .strategy = row->keeps ? NULL : row->old_strategy};
	enum nx_status status =
		nx_renumbering_organization(ending->write.server, tx, row, &prefixes, &row->stage, error);

	row->state = NX_RENUMBERING_RETURNING;
	row->ends_at = time(NULL) + RETURN_SECONDS;
	return status == NX_OK ? row_store(ending, tx, row, was, error) : status;
}

static enum nx_status rollback_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	struct ending *ending = (struct ending *)write;
	struct nx_renumbering row;
	enum nx_status status = row_find(write, tx, &row, error);

	if (status != NX_OK)
		return status;
	if (row.rolled_back)
		return nx_fail(error, NX_CONFLICT, NULL, "it is being rolled back already");
	row.rolled_back = true;
	if (row.state <= NX_RENUMBERING_STARTED)
		return rollback_started(ending, tx, &row, error);
	if (row.state == NX_RENUMBERING_COMMITTING || row.state == NX_RENUMBERING_COMMITTED)
		return rollback_committed(ending, tx, &row, error);
	return nx_fail(error, NX_CONFLICT, NULL,
		       "the old addresses are being taken away already: renumber back when that is done");
}

static enum nx_status grace_read(const struct nx_json *body, struct ending *out, struct nx_error *error)
{
	const struct nx_json *value = nx_body_member(body, "grace");

	out->grace = GRACE_SECONDS;
	out->grace_given = value != NULL;
	if (value && (!nx_json_integer(value, &out->grace) || out->grace < 0 || out->grace > GRACE_LIMIT))
		return nx_fail(error, NX_INVALID, "grace", "expected seconds, 0 to %" PRId64, GRACE_LIMIT);
	return NX_OK;
}

static struct ending *ending_new(struct nx_request *request,
				 enum nx_status (*run)(struct nx_write *write, struct nx_tx *tx,
						       struct nx_error *error))
{
	struct ending *ending = nx_write_new(request, sizeof(*ending), 202, run);

	ending->write.committed = changed;
	return ending;
}

void nx_renumbering_commit(struct nx_request *request)
{
	const struct nx_json *body = nx_request_json(request);
	struct ending *ending;
	struct nx_error error = {0};

	if (!body)
		return;
	ending = ending_new(request, commit_run);
	if (grace_read(body, ending, &error) == NX_OK &&
	    nx_flag_read(body, "force", &ending->force, &error) == NX_OK)
		nx_write_submit(&ending->write);
	else
		nx_refuse(request, &error);
}

void nx_renumbering_rollback(struct nx_request *request)
{
	nx_write_submit(&ending_new(request, rollback_run)->write);
}
