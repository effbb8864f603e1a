/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where leases, devices and reservations do not agree. A device's record is what its host and all
 * others live by, so that it is the lease that follows it; only what cannot stay is changed there.
 */
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/ipam/survey.h"

/* "<id> ('<host name>')" */
#define DEVICE_TEXT 320

static const char *device_name(const struct nx_value *device, char text[static DEVICE_TEXT])
{
	const char *hostname = device[NX_DEVICE_HOSTNAME].text;

	snprintf(text, DEVICE_TEXT, "%s%s%s%s", device[NX_DEVICE_ID].text, hostname[0] ? " ('" : "", hostname,
		 hostname[0] ? "')" : "");
	return text;
}

/* `what` and `remedy` are taken. */
static struct nx_survey_finding *finding_add(struct nx_survey *survey, const char *kind,
					     const struct nx_family *family, const char *address, char *what,
					     char *remedy)
{
	struct nx_survey_finding *finding;

	if (survey->finding_count == survey->finding_room) {
		survey->finding_room = survey->finding_room ? 2 * survey->finding_room : 16;
		survey->findings =
			nx_realloc_array(survey->findings, survey->finding_room, sizeof(*survey->findings));
	}
	finding = &survey->findings[survey->finding_count++];
	*finding = (struct nx_survey_finding){.kind = kind, .family = family, .mendable = true};
	finding->what = what;
	finding->remedy = remedy;
	snprintf(finding->address, sizeof(finding->address), "%s", address);
	return finding;
}

static void finding_seat(struct nx_survey_finding *finding, const struct nx_seat *seat)
{
	finding->seat = seat;
	snprintf(finding->device_id, sizeof(finding->device_id), "%s", seat->device[NX_DEVICE_ID].text);
}

/* The device that has the address, or gets it back; NULL: none. Families never share an address. */
static struct nx_seat *seat_of_address(const struct nx_survey *survey, const char *address)
{
	struct nx_index_entry *entry = nx_index_first(&survey->by_address, address);

	return entry ? nx_holder(entry, struct nx_seat, by_address) : NULL;
}

static struct nx_seat *seat_of_lease(const struct nx_survey *survey, const struct nx_survey_lease *lease)
{
	char key[NX_UUID_TEXT + 24];
	struct nx_index_entry *entry;

	snprintf(key, sizeof(key), "%zu %s", (size_t)(lease->family - survey->server->fields->family),
		 lease->device_id);
	entry = nx_index_first(&survey->by_device, key);
	return entry ? nx_holder(entry, struct nx_seat, by_device) : NULL;
}

/* The same device's in the same family, with its second address; of a first one. */
static struct nx_seat *seat_beside(const struct nx_survey *survey, struct nx_seat *seat)
{
	return seat + survey->seat_count / 2;
}

/* In the organization's prefix, or in the other one while it is renumbered. */
static bool range_fits(const struct nx_survey *survey, const struct nx_family *family,
		       const struct nx_range *range)
{
	const char *texts[] = {survey->organization[family->organization_prefix].text,
			       nx_organization_second(family, survey->organization)};
	struct nx_prefix prefix;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct nx_range whole = {0};

		if (nx_prefix_parse(texts[i], &prefix))
			whole = nx_range_of(&prefix);
		if (nx_range_within(range, &whole))
			return true;
	}
	return false;
}

static bool fits(const struct nx_survey *survey, const struct nx_family *family, const char *text)
{
	struct nx_range range;

	if (!nx_address_parse(text, &range.first))
		return false;
	range.last = range.first;
	return range_fits(survey, family, &range);
}

/* --- who keeps which address ------------------------------------------------------------------- */

/* The oldest device that has an address in its record keeps it. */
static void keepers_find(struct nx_survey *survey)
{
	for (size_t i = 0; i < survey->seat_count; i++) {
		struct nx_seat *seat = &survey->seats[i];

		if (!seat->address[0] || !fits(survey, seat->family, seat->address) ||
		    seat_of_address(survey, seat->address))
			continue;
		seat->keeps = true;
		nx_index_add(&survey->by_address, &seat->by_address, seat->address);
	}
}

/* Each lease to its device, when that keeps the address. */
static void leases_match(struct nx_survey *survey)
{
	for (size_t i = 0; i < survey->lease_count; i++) {
		struct nx_survey_lease *lease = &survey->leases[i];
		struct nx_seat *seat = seat_of_lease(survey, lease);

		if (seat && strcmp(seat->address, lease->address) != 0)
			seat = seat_beside(survey, seat);
		lease->drop = !seat || !seat->keeps || strcmp(seat->address, lease->address) != 0;
		if (!lease->drop)
			seat->lease = lease;
	}
}

/* A device that cannot keep what its record says, or says nothing, has the address of its lease, when
 * nobody else keeps that. */
static void leases_restore(struct nx_survey *survey)
{
	for (size_t i = 0; i < survey->lease_count; i++) {
		struct nx_survey_lease *lease = &survey->leases[i];
		struct nx_seat *seat = seat_of_lease(survey, lease);

		if (!seat || seat->keeps || seat->lease || !fits(survey, lease->family, lease->address) ||
		    seat_of_address(survey, lease->address))
			continue;
		lease->drop = false;
		seat->lease = lease;
		seat->mend = NX_SEAT_RESTORE;
		nx_index_add(&survey->by_address, &seat->by_address, lease->address);
	}
}

/* What else is to be done for each device. */
static void mends_choose(struct nx_survey *survey)
{
	for (size_t i = 0; i < survey->seat_count; i++) {
		struct nx_seat *seat = &survey->seats[i];

		if (seat->mend == NX_SEAT_RESTORE || (!seat->keeps && !seat->address[0]))
			continue;
		if (seat->keeps)
			seat->mend = seat->lease ? NX_SEAT_STAYS : NX_SEAT_LEASE;
		else
			seat->mend = !seat->second && nx_device_supports(seat->family, seat->device)
					     ? NX_SEAT_RESEAT
					     : NX_SEAT_VACATE;
	}
}

/* --- what there is to say ---------------------------------------------------------------------- */

static char *seat_remedy(const struct nx_seat *seat)
{
	if (seat->mend == NX_SEAT_RESTORE)
		return nx_printf("it gets %s, which is leased to it", seat->lease->address);
	if (seat->second)
		return nx_strdup("the second address is taken out of its record");
	if (seat->mend == NX_SEAT_VACATE)
		return nx_strdup("the address is taken out of its record; its host has no use for one");
	return nx_strdup("it gets a new address");
}

static void lease_tell(struct nx_survey *survey, const struct nx_survey_lease *lease)
{
	struct nx_seat *seat = seat_of_lease(survey, lease);
	char name[DEVICE_TEXT];
	struct nx_survey_finding *finding;

	if (!seat) {
		finding = finding_add(survey, "lease-without-device", lease->family, lease->address,
				      nx_printf("%s is leased to a device that is not there: %s",
						lease->address, lease->device_id),
				      nx_strdup("the lease is dropped"));
		snprintf(finding->device_id, sizeof(finding->device_id), "%s", lease->device_id);
		return;
	}
	/* That a device cannot keep an address says of its lease all there is to say. */
	if (!lease->drop || strcmp(seat->address, lease->address) == 0 ||
	    strcmp(seat_beside(survey, seat)->address, lease->address) == 0)
		return;
	finding = finding_add(survey, "lease-differs", lease->family, lease->address,
			      nx_printf("%s is leased to the device %s, whose record says %s", lease->address,
					device_name(seat->device, name),
					seat->address[0] ? seat->address : "nothing"),
			      nx_strdup("the lease is dropped"));
	snprintf(finding->device_id, sizeof(finding->device_id), "%s", lease->device_id);
}

static void seat_outside_tell(struct nx_survey *survey, const struct nx_seat *seat)
{
	const char *prefix = survey->organization[seat->family->organization_prefix].text;
	char name[DEVICE_TEXT];

	finding_seat(finding_add(survey, "address-outside-prefix", seat->family, seat->address,
				 nx_printf("the device %s has %s, which is no address of %s",
					   device_name(seat->device, name), seat->address,
					   prefix[0] ? prefix : "any prefix of the organization"),
				 seat_remedy(seat)),
		     seat);
}

static void seat_shared_tell(struct nx_survey *survey, const struct nx_seat *seat,
			     const struct nx_seat *keeper)
{
	char name[DEVICE_TEXT], older[DEVICE_TEXT];

	device_name(keeper->device, older);
	NX_AUTO_FREE char *remedy = seat_remedy(seat);
	finding_seat(finding_add(survey, "address-of-two-devices", seat->family, seat->address,
				 nx_printf("%s is the address of the device %s, and of the older device %s",
					   seat->address, device_name(seat->device, name), older),
				 nx_printf("the older one keeps the address; of the other, %s", remedy)),
		     seat);
}

static void seat_tell(struct nx_survey *survey, const struct nx_seat *seat)
{
	const struct nx_seat *keeper = seat->address[0] ? seat_of_address(survey, seat->address) : NULL;
	char name[DEVICE_TEXT];

	if (seat->mend == NX_SEAT_STAYS)
		return;
	if (seat->mend == NX_SEAT_LEASE)
		finding_seat(finding_add(survey, "device-without-lease", seat->family, seat->address,
					 nx_printf("the device %s has %s, but no lease of it",
						   device_name(seat->device, name), seat->address),
					 nx_strdup("the lease is made again")),
			     seat);
	else if (!seat->address[0])
		finding_seat(finding_add(survey, "lease-differs", seat->family, seat->lease->address,
					 nx_printf("%s is leased to the device %s, whose record says nothing",
						   seat->lease->address, device_name(seat->device, name)),
					 seat_remedy(seat)),
			     seat);
	else if (keeper && keeper != seat)
		seat_shared_tell(survey, seat, keeper);
	else
		seat_outside_tell(survey, seat);
}

/* --- reservations ------------------------------------------------------------------------------ */

static bool reservation_tell(void *context, const struct nx_row *row)
{
	struct nx_survey *survey = context;
	const struct nx_family *family = nx_family_find(survey->server->fields, nx_row_text(row, 1));
	struct nx_range range = {0};
	char text[NX_RANGE_TEXT] = "?";

	if (!family)
		return true;
	if (nx_range_parse(nx_row_text(row, 2), nx_row_text(row, 3), &range)) {
		if (range_fits(survey, family, &range))
			return true;
		nx_range_format(&range, text);
	}
	finding_add(survey, "reservation-outside-prefix", family, text,
		    nx_printf("the reservation %s of %s does not lie in the organization's prefix %s",
			      nx_row_text(row, 0), text,
			      survey->organization[family->organization_prefix].text),
		    nx_printf("none: it is for its owner to release it (nexctl ipam release %s)",
			      nx_row_text(row, 0)))
		->mendable = false;
	return true;
}

enum nx_status nx_survey_judge(struct nx_survey *survey, struct nx_tx *tx, struct nx_error *error)
{
	keepers_find(survey);
	leases_match(survey);
	leases_restore(survey);
	mends_choose(survey);
	for (size_t i = 0; i < survey->lease_count; i++)
		lease_tell(survey, &survey->leases[i]);
	for (size_t i = 0; i < survey->seat_count; i++)
		seat_tell(survey, &survey->seats[i]);
	return nx_sql_each(tx, error,
			   "SELECT id, family, first_address, last_address FROM reservations"
			   " WHERE organization_id = $1 ORDER BY id",
			   NX_PARAMS(survey->organization[NX_ORGANIZATION_ID]), reservation_tell, survey);
}
