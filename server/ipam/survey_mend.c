/* SPDX-License-Identifier: Apache-2.0 */
/* Mending what a survey has found. */
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/ipam/pools.h"
#include "server/ipam/survey.h"
#include "server/resources/change.h"
#include "server/resources/device.h"

static enum nx_status leases_drop(const struct nx_survey *survey, struct nx_tx *tx, struct nx_error *error)
{
	enum nx_status status = NX_OK;

	for (size_t i = 0; status == NX_OK && i < survey->lease_count; i++) {
		if (survey->leases[i].drop)
			status = nx_sql(tx, error,
					"DELETE FROM leases WHERE organization_id = $1 AND address = $2",
					NX_PARAMS(survey->organization[NX_ORGANIZATION_ID],
						  NX_TEXT(survey->leases[i].address)));
	}
	return status;
}

static enum nx_status leases_make(const struct nx_survey *survey, struct nx_tx *tx, struct nx_error *error)
{
	enum nx_status status = NX_OK;

	for (size_t i = 0; status == NX_OK && i < survey->seat_count; i++) {
		const struct nx_seat *seat = &survey->seats[i];
		const struct nx_lease_request request = {
			.size = sizeof(request),
			.organization_id = survey->organization[NX_ORGANIZATION_ID].text,
			.device_id = seat->device[NX_DEVICE_ID].text,
		};
		struct nx_address address;

		if (seat->mend == NX_SEAT_LEASE && nx_address_parse(seat->address, &address))
			status = nx_lease_write(survey->server->leases, tx, seat->family, &request, &address,
						error);
	}
	return status;
}

/* --- devices ----------------------------------------------------------------------------------- */

/* The mends of one device in all families: the seats are family by family. */
static bool record_mend(const struct nx_survey *survey, size_t device, struct nx_value *after)
{
	bool changed = false;

	for (size_t i = device; i < survey->seat_count; i += survey->devices.count) {
		const struct nx_seat *seat = &survey->seats[i];

		if (seat->mend != NX_SEAT_RESTORE && seat->mend != NX_SEAT_RESEAT &&
		    seat->mend != NX_SEAT_VACATE)
			continue;
		changed = true;
		if (seat->second)
			after[seat->family->device_second_address] =
				after[seat->family->device_second_prefix] = NX_TEXT("");
		else
			after[seat->family->device_address] =
				NX_TEXT(seat->mend == NX_SEAT_RESTORE ? seat->lease->address : "");
	}
	return changed;
}

static enum nx_status record_store(const struct nx_survey *survey, struct nx_tx *tx, struct nx_value *after,
				   const struct nx_device_texts *texts, struct nx_error *error)
{
	struct nx_server *server = survey->server;
	const struct nx_columns *columns = &server->fields->devices;
	struct nx_value params[NX_COLUMN_LIMIT];
	struct nx_buffer json = {0};
	enum nx_status status = nx_revision_next(tx, after[NX_DEVICE_ORGANIZATION].text,
						 &after[NX_DEVICE_REVISION].integer, error);

	if (status == NX_OK)
		status = nx_sql(tx, error, columns->update, params,
				nx_columns_update_params(columns, after, params));
	if (status == NX_OK)
		status = nx_device_addresses_write(server, tx, after, texts, error);
	if (status == NX_OK)
		status = nx_device_announce(server, tx, after, &json, error);
	nx_buffer_free(&json);
	return status;
}

/* That there is no address for it is told with the findings of this device, which stays as it is. */
static void refusal_tell(struct nx_survey *survey, const struct nx_value *device, const struct nx_error *why)
{
	for (size_t i = 0; i < survey->finding_count; i++) {
		struct nx_survey_finding *finding = &survey->findings[i];

		if (!finding->seat || finding->seat->device != device || finding->seat->mend == NX_SEAT_LEASE)
			continue;
		char *remedy = nx_printf("%s, which was not to be had: %s", finding->remedy, why->message);
		free(finding->remedy);
		finding->remedy = remedy;
		finding->mended = false;
	}
}

static enum nx_status device_mend(struct nx_survey *survey, struct nx_tx *tx, size_t device,
				  struct nx_error *error)
{
	const struct nx_value *before = survey->devices.records[device];
	struct nx_value after[NX_COLUMN_LIMIT];
	struct nx_device_texts texts;
	struct nx_error why = {0};
	enum nx_status status;

	memcpy(after, before, survey->devices.columns->count * sizeof(*after));
	if (!record_mend(survey, device, after))
		return NX_OK;
	/* Nobody is asked and waited for in the midst of a repair: who depends on it stays without. */
	status = nx_device_addresses_choose(survey->server, tx, survey->organization, NULL, after, NULL,
					    &texts, &why);
	if (status == NX_EXHAUSTED || status == NX_UNSUPPORTED) {
		refusal_tell(survey, before, &why);
		return NX_OK;
	}
	if (status != NX_OK) {
		*error = why;
		return status;
	}
	return record_store(survey, tx, after, &texts, error);
}

enum nx_status nx_survey_mend(struct nx_survey *survey, struct nx_tx *tx, struct nx_error *error)
{
	const char *organization_id = survey->organization[NX_ORGANIZATION_ID].text;
	enum nx_status status = leases_drop(survey, tx, error);

	if (status == NX_OK)
		status = leases_make(survey, tx, error);
	nx_pools_forget(survey->server->leases, organization_id);
	for (size_t i = 0; i < survey->finding_count; i++)
		survey->findings[i].mended = survey->findings[i].mendable;
	for (size_t i = 0; status == NX_OK && i < survey->devices.count; i++)
		status = device_mend(survey, tx, i, error);
	/* What was chosen in vain is taken in a pool, and nowhere else. */
	nx_pools_forget(survey->server->leases, organization_id);
	return status;
}
