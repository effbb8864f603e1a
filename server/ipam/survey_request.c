/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /api/organizations/{organization}/ipam-check, for its owner, and POST /api/ipam-check, of all
 * organizations, for administrators: do leases, devices, prefixes and reservations agree? With
 * `repair`, what can be mended is mended, in the transaction that has looked.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "server/ipam/survey.h"
#include "server/resources/access.h"
#include "server/resources/change.h"
#include "server/resources/handlers.h"
#include "server/resources/reply.h"

struct check {
	struct nx_write write; /* of a repair; of a look, only what it shares with one */
	bool all;	       /* organizations */
	bool repair;
	/* Of one run. */
	struct nx_buffer findings;
	size_t found, repaired;
};

/* --- what is answered -------------------------------------------------------------------------- */

static void member_write(struct nx_buffer *out, const char *name, const char *text)
{
	nx_buffer_printf(out, ",\"%s\":", name);
	nx_json_write_string(out, text);
}

static void finding_write(struct check *check, const struct nx_survey *survey,
			  const struct nx_survey_finding *finding)
{
	struct nx_buffer *out = &check->findings;

	nx_buffer_printf(out, "%s{\"kind\":\"%s\"", check->found++ ? "," : "", finding->kind);
	member_write(out, "organization_id", survey->organization[NX_ORGANIZATION_ID].text);
	member_write(out, "family", finding->family->key);
	member_write(out, "address", finding->address);
	member_write(out, "device_id", finding->device_id);
	member_write(out, "finding", finding->what);
	member_write(out, "remedy", finding->remedy);
	nx_buffer_printf(out, ",\"repaired\":%s}", finding->mended ? "true" : "false");
	check->repaired += finding->mended;
}

static void answer_write(struct check *check, struct nx_buffer *out)
{
	nx_buffer_printf(out, "{\"found\":%zu,\"repaired\":%zu,\"findings\":[", check->found,
			 check->repaired);
	nx_buffer_append(out, check->findings.data ? check->findings.data : "", check->findings.length);
	nx_buffer_text(out, "]}");
}

static void check_end(struct nx_write *write)
{
	struct check *check = (struct check *)write;

	nx_buffer_free(&check->findings);
	check->found = check->repaired = 0;
}

/* --- organizations ----------------------------------------------------------------------------- */

/* From the touch on, nobody else changes the organization: what was seen before is looked at again. */
static enum nx_status organization_mend(struct check *check, struct nx_tx *tx, struct nx_survey *survey,
					struct nx_error *error)
{
	NX_AUTO_FREE char *id = nx_strdup(survey->organization[NX_ORGANIZATION_ID].text);
	NX_AUTO_FREE struct nx_value *organization = NULL;
	enum nx_status status = nx_organization_touch(check->write.server, tx, id, &organization, error);

	if (status != NX_OK)
		return status;
	nx_survey_clean(survey);
	status = nx_survey_make(check->write.server, tx, id, survey, error);
	return status == NX_OK ? nx_survey_mend(survey, tx, error) : status;
}

static enum nx_status organization_check(struct check *check, struct nx_tx *tx, const char *id,
					 struct nx_error *error)
{
	NX_CLEANUP(nx_survey_clean) struct nx_survey survey = {0};
	enum nx_status status = nx_survey_make(check->write.server, tx, id, &survey, error);

	if (status == NX_OK && check->repair && nx_survey_mendable(&survey))
		status = organization_mend(check, tx, &survey, error);
	for (size_t i = 0; status == NX_OK && i < survey.finding_count; i++)
		finding_write(check, &survey, &survey.findings[i]);
	return status;
}

struct ids {
	char (*id)[NX_UUID_TEXT];
	size_t count, room;
};

static bool id_take(void *context, const struct nx_row *row)
{
	struct ids *ids = context;

	if (ids->count == ids->room) {
		ids->room = ids->room ? 2 * ids->room : 64;
		ids->id = nx_realloc_array(ids->id, ids->room, sizeof(*ids->id));
	}
	strncpy(ids->id[ids->count], nx_row_text(row, 0), NX_UUID_TEXT - 1);
	ids->id[ids->count++][NX_UUID_TEXT - 1] = '\0';
	return true;
}

static enum nx_status all_check(struct check *check, struct nx_tx *tx, struct nx_error *error)
{
	struct ids ids = {0};
	enum nx_status status = nx_sql_each(tx, error, "SELECT id FROM organizations ORDER BY id",
					    NX_NO_PARAMS, id_take, &ids);

	for (size_t i = 0; status == NX_OK && i < ids.count; i++)
		status = organization_check(check, tx, ids.id[i], error);
	free(ids.id);
	return status;
}

/* Who may is asked in the transaction; an administrator's right was known before. */
static enum nx_status check_run(struct check *check, struct nx_tx *tx, struct nx_error *error)
{
	const char *id;
	enum nx_status status;

	if (check->all)
		return all_check(check, tx, error);
	id = nx_request_param(check->write.request, "organization");
	status = nx_organization_owned(check->write.server->fields, tx, check->write.who, id, NULL, error);
	return status == NX_OK ? organization_check(check, tx, id, error) : status;
}

/* --- looking, and repairing -------------------------------------------------------------------- */

static enum nx_status look_run(struct nx_tx *tx, void *context, struct nx_error *error)
{
	struct check *check = context;

	check_end(&check->write);
	return check_run(check, tx, error);
}

static void look(struct check *check)
{
	struct nx_request *request = check->write.request;
	struct nx_buffer body = {0};
	struct nx_error error = {0};
	enum nx_status status = nx_store_read(check->write.server->store, look_run, check, &error);

	if (status == NX_OK)
		answer_write(check, &body);
	check_end(&check->write);
	if (status == NX_OK)
		nx_reply_json(request, 200, &body);
	else
		nx_refuse(request, &error);
}

static enum nx_status repair_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	struct check *check = (struct check *)write;
	enum nx_status status = check_run(check, tx, error);

	if (status == NX_OK)
		answer_write(check, &write->body);
	return status;
}

static void check_serve(struct nx_request *request, const struct nx_json *body, bool all)
{
	struct check *check = nx_write_new(request, sizeof(*check), 200, repair_run);
	struct nx_error error = {0};

	check->write.end = check_end;
	check->all = all;
	if (nx_flag_read(body, "repair", &check->repair, &error) != NX_OK)
		nx_refuse(request, &error);
	else if (check->repair)
		nx_write_submit(&check->write);
	else
		look(check);
}

void nx_ipam_check(struct nx_request *request)
{
	const struct nx_json *body = nx_request_json(request);

	if (body)
		check_serve(request, body, false);
}

void nx_ipam_check_all(struct nx_request *request)
{
	const struct nx_json *body = nx_request_json(request);
	struct nx_error error = {0};

	if (!body)
		return;
	if (nx_request_principal(request)->administrator) {
		check_serve(request, body, true);
		return;
	}
	nx_fail(&error, NX_DENIED, NULL, "only an administrator may check all organizations");
	nx_refuse(request, &error);
}
