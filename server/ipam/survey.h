/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A survey of one organization's addresses: what the tables of leases, devices and reservations say,
 * and where they do not agree. Any transaction; mending wants a command.
 */
#ifndef NX_SERVER_IPAM_SURVEY_H
#define NX_SERVER_IPAM_SURVEY_H

#include "base/secret.h"
#include "server/ipam/range.h"
#include "server/resources/index.h"
#include "server/resources/record_list.h"

struct nx_survey_lease {
	const struct nx_family *family;
	char address[NX_ADDRESS_TEXT];
	char device_id[NX_UUID_TEXT];
	bool drop; /* a mending deletes it */
};

/* What becomes of a device's address when it is mended. */
enum nx_seat_mend {
	NX_SEAT_STAYS,
	NX_SEAT_LEASE,	 /* it stays, and is leased to the device again */
	NX_SEAT_RESTORE, /* the device gets the address of its lease */
	NX_SEAT_RESEAT,	 /* it gets a new one */
	NX_SEAT_VACATE,	 /* it gets none: it cannot use one, or, a second one, does not need it */
};

/* One device in one family; and once more, with its second address, while it is renumbered. */
struct nx_seat {
	const struct nx_family *family;
	bool second;		       /* address of the family: never restored, nor given anew */
	struct nx_value *device;       /* its record */
	char address[NX_ADDRESS_TEXT]; /* in the record, in canonical form if it is one; "": none */
	bool keeps;		       /* the address is in the prefix, and this device's */
	struct nx_survey_lease *lease; /* that goes with it, or that it is restored from */
	enum nx_seat_mend mend;
	struct nx_index_entry by_address; /* of those that keep or are restored */
	struct nx_index_entry by_device;  /* "<family> <device>", of the first addresses */
	char key[NX_UUID_TEXT + 24];
};

struct nx_survey_finding {
	const char *kind;
	const struct nx_family *family;
	const struct nx_seat *seat; /* whose mending is the finding's; NULL: it is the lease's, or nobody's */
	char address[NX_RANGE_TEXT];
	char device_id[NX_UUID_TEXT];
	char *what;   /* in plain words */
	char *remedy; /* what mending does, or what a person has to do */
	bool mendable;
	bool mended;
};

struct nx_survey {
	struct nx_server *server;
	struct nx_value *organization;
	struct nx_record_list devices; /* the oldest first */
	struct nx_survey_lease *leases;
	size_t lease_count, lease_room;
	struct nx_seat
		*seats; /* family by family, in the order of the devices; then all second ones, alike */
	size_t seat_count;
	struct nx_index by_address, by_device;
	struct nx_survey_finding *findings;
	size_t finding_count, finding_room;
};

/* Reads and judges. NX_NOT_FOUND: there is no such organization. *out is to be cleaned in any case. */
enum nx_status nx_survey_make(struct nx_server *server, struct nx_tx *tx, const char *organization_id,
			      struct nx_survey *out, struct nx_error *error);
void nx_survey_clean(struct nx_survey *survey);
/* survey_judge.c: fills in what is found, and what would mend it. */
enum nx_status nx_survey_judge(struct nx_survey *survey, struct nx_tx *tx, struct nx_error *error);
bool nx_survey_mendable(const struct nx_survey *survey);

/*
 * survey_mend.c, in a command that has the organization's row: mend what can be mended, and say of
 * each finding whether it was. The pools of the organization are read anew.
 */
enum nx_status nx_survey_mend(struct nx_survey *survey, struct nx_tx *tx, struct nx_error *error);

#endif
