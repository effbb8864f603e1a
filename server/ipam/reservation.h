/* SPDX-License-Identifier: Apache-2.0 */
/* Reservations: what the owner of an organization has said of its addresses. */
#ifndef NX_SERVER_IPAM_RESERVATION_H
#define NX_SERVER_IPAM_RESERVATION_H

#include <nexodus/driver.h>

#include "server/ipam/range.h"
#include "server/ipam/rules.h"
#include "server/resources/fields.h"
#include "server/resources/value.h"

/* Ranges of an organization in one family at most: what a search for a free address may have to pass. */
#define NX_RANGE_LIMIT 1024

enum {
	NX_RESERVATION_ID,
	NX_RESERVATION_ORGANIZATION,
	NX_RESERVATION_KIND,
	NX_RESERVATION_FAMILY,
	NX_RESERVATION_FIRST,
	NX_RESERVATION_LAST,
	NX_RESERVATION_PUBLIC_KEY,
	NX_RESERVATION_HOSTNAME,
	NX_RESERVATION_DESCRIPTION,
	NX_RESERVATION_REVISION,
	NX_RESERVATION_CREATED,
	NX_RESERVATION_COLUMNS,
};

#define NX_RESERVATION_LIST                                                                                  \
	"id, organization_id, kind, family, first_address, last_address, public_key, hostname, "             \
	"description, "                                                                                      \
	"revision, created_at"

extern const struct nx_columns nx_reservation_columns;

/* One that is to be made. */
struct nx_reservation {
	const struct nx_family *family;
	const char *kind; /* NX_RESERVED, NX_ALLOCATION or NX_STATIC */
	struct nx_range range;
	char public_key[NX_PUBLIC_KEY_TEXT]; /* static: for this key, or "" */
	char hostname[NX_TEXT_LIMIT + 1];    /* or for this name, in lower case */
	const char *description;
};

/* What a client asks for, as far as it can be judged by itself. NX_INVALID with the field. Any thread. */
enum nx_status nx_reservation_read(struct nx_server *server, const struct nx_json *body,
				   struct nx_reservation *out, struct nx_error *error);
/*
 * In a command that has the organization's row: may it be made beside its prefix, its leases and its
 * other reservations? NX_INVALID or NX_CONFLICT say why not, and what to do.
 */
enum nx_status nx_reservation_judge(struct nx_tx *tx, const struct nx_value *organization,
				    const struct nx_reservation *reservation, struct nx_error *error);

#endif
