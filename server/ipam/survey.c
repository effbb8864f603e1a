/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what there is to compare. */
#include "server/ipam/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/resources/access.h"

static enum nx_status devices_read(struct nx_survey *survey, struct nx_tx *tx, struct nx_error *error)
{
	NX_AUTO_FREE char *sql =
		nx_printf("SELECT %s FROM devices WHERE organization_id = $1 ORDER BY created_at, id",
			  survey->devices.columns->list);

	return nx_sql_each(tx, error, sql, NX_PARAMS(survey->organization[NX_ORGANIZATION_ID]),
			   nx_record_list_take, &survey->devices);
}

/* Those of families that are not loaded are nobody's concern now. */
static bool lease_take(void *context, const struct nx_row *row)
{
	struct nx_survey *survey = context;
	const struct nx_family *family = nx_family_find(survey->server->fields, nx_row_text(row, 1));
	struct nx_survey_lease *lease;

	if (!family)
		return true;
	if (survey->lease_count == survey->lease_room) {
		survey->lease_room = survey->lease_room ? 2 * survey->lease_room : 64;
		survey->leases =
			nx_realloc_array(survey->leases, survey->lease_room, sizeof(*survey->leases));
	}
	lease = &survey->leases[survey->lease_count++];
	*lease = (struct nx_survey_lease){.family = family};
	snprintf(lease->address, sizeof(lease->address), "%s", nx_row_text(row, 0));
	snprintf(lease->device_id, sizeof(lease->device_id), "%s", nx_row_text(row, 2));
	return true;
}

static enum nx_status leases_read(struct nx_survey *survey, struct nx_tx *tx, struct nx_error *error)
{
	return nx_sql_each(
		tx, error,
		"SELECT address, family, device_id FROM leases WHERE organization_id = $1 ORDER BY address",
		NX_PARAMS(survey->organization[NX_ORGANIZATION_ID]), lease_take, survey);
}

static struct nx_seat *seat_add(struct nx_survey *survey, const struct nx_family *family,
				struct nx_value *device, const char *text)
{
	struct nx_seat *seat = &survey->seats[survey->seat_count++];
	struct nx_address address;

	seat->family = family;
	seat->device = device;
	if (nx_address_parse(text, &address))
		nx_address_format(&address, seat->address);
	else
		snprintf(seat->address, sizeof(seat->address), "%s", text);
	return seat;
}

static void seat_make(struct nx_survey *survey, const struct nx_family *family, struct nx_value *device)
{
	struct nx_seat *seat = seat_add(survey, family, device, device[family->device_address].text);

	snprintf(seat->key, sizeof(seat->key), "%zu %s", (size_t)(family - survey->server->fields->family),
		 device[NX_DEVICE_ID].text);
	nx_index_add(&survey->by_device, &seat->by_device, seat->key);
}

/* Where it is the first one again, there is nothing to look at a second time. */
static void second_make(struct nx_survey *survey, const struct nx_family *family, struct nx_value *device)
{
	seat_add(survey, family, device, nx_device_second(family, device))->second = true;
}

static void seats_make(struct nx_survey *survey)
{
	const struct nx_fields *fields = survey->server->fields;

	const struct nx_record_list *devices = &survey->devices;

	survey->seats = nx_alloc_array(2 * fields->family_count * devices->count + 1, sizeof(*survey->seats));
	for (size_t i = 0; i < fields->family_count; i++) {
		for (size_t j = 0; j < devices->count; j++)
			seat_make(survey, &fields->family[i], devices->records[j]);
	}
	for (size_t i = 0; i < fields->family_count; i++) {
		for (size_t j = 0; j < devices->count; j++)
			second_make(survey, &fields->family[i], devices->records[j]);
	}
}

enum nx_status nx_survey_make(struct nx_server *server, struct nx_tx *tx, const char *organization_id,
			      struct nx_survey *out, struct nx_error *error)
{
	const struct nx_columns *organizations = &server->fields->organizations;
	enum nx_status status;

	*out = (struct nx_survey){.server = server, .devices.columns = &server->fields->devices};
	status = nx_record_find(organizations, tx, organizations->find, organization_id, "organization",
				&out->organization, error);
	if (status == NX_OK)
		status = devices_read(out, tx, error);
	if (status == NX_OK)
		status = leases_read(out, tx, error);
	if (status != NX_OK)
		return status;
	seats_make(out);
	return nx_survey_judge(out, tx, error);
}

void nx_survey_clean(struct nx_survey *survey)
{
	for (size_t i = 0; i < survey->finding_count; i++) {
		free(survey->findings[i].what);
		free(survey->findings[i].remedy);
	}
	free(survey->findings);
	free(survey->seats);
	free(survey->leases);
	free(survey->organization);
	nx_index_clear(&survey->by_address);
	nx_index_clear(&survey->by_device);
	nx_record_list_clean(&survey->devices);
	*survey = (struct nx_survey){0};
}

bool nx_survey_mendable(const struct nx_survey *survey)
{
	for (size_t i = 0; i < survey->finding_count; i++) {
		if (survey->findings[i].mendable)
			return true;
	}
	return false;
}
