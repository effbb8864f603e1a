/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and judging a reservation that is to be made. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "server/ipam/reservation.h"
#include "server/resources/device.h"
#include "server/resources/organization.h"
#include "server/resources/reply.h"

/* --- what is asked for ------------------------------------------------------------------------- */

static enum nx_status kind_read(const struct nx_json *body, struct nx_reservation *out,
				struct nx_error *error)
{
	static const char *const kinds[] = {NX_RESERVED, NX_ALLOCATION, NX_STATIC};
	bool named = out->public_key[0] || out->hostname[0];
	const char *text = named ? NX_STATIC : NX_RESERVED;
	enum nx_status status = nx_text_read(body, "kind", NX_TEXT_LIMIT, &text, error);

	if (status != NX_OK)
		return status;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(text, kinds[i]) == 0)
			out->kind = kinds[i];
	}
	if (!out->kind)
		return nx_fail(error, NX_INVALID, "kind",
			       "expected " NX_RESERVED ", " NX_ALLOCATION " or " NX_STATIC);
	if (named && strcmp(out->kind, NX_STATIC) != 0)
		return nx_fail(error, NX_INVALID, "kind", "a range is for no certain device: leave out %s",
			       out->public_key[0] ? "public_key" : "hostname");
	return NX_OK;
}

static enum nx_status hostname_read(const struct nx_json *body, char out[static NX_TEXT_LIMIT + 1],
				    struct nx_error *error)
{
	const char *text = "";
	size_t length = 0;
	enum nx_status status = nx_text_read(body, "hostname", NX_HOSTNAME_LIMIT, &text, error);

	if (status != NX_OK)
		return status;
	for (; text[length] && length < NX_TEXT_LIMIT; length++)
		out[length] = (char)tolower((unsigned char)text[length]);
	out[length] = '\0';
	return NX_OK;
}

/* It says of which driver the key is: none that is not there, even without a key. */
static enum nx_status driver_read(const struct nx_server *server, const struct nx_json *body,
				  struct nx_error *error)
{
	const char *name = NULL;
	enum nx_status status = nx_text_read(body, "driver", NX_OS_LIMIT, &name, error);

	if (status == NX_OK && name && !nx_plugins_find(server->plugins, "driver", name))
		return nx_fail(error, NX_INVALID, "driver", "this server has no driver '%s'", name);
	return status;
}

static enum nx_status device_read(struct nx_server *server, const struct nx_json *body,
				  struct nx_reservation *out, struct nx_error *error)
{
	const struct nx_json *key = nx_body_member(body, "public_key");
	const char *driver, *text = key ? nx_json_string(key) : NULL;
	enum nx_status status = hostname_read(body, out->hostname, error);

	if (status == NX_OK)
		status = driver_read(server, body, error);
	if (status == NX_OK && key && !(text && !text[0])) /* "" is none, as in what is answered */
		status = nx_device_key_read(server, body, &driver, out->public_key, error);
	if (status == NX_OK && out->public_key[0] && out->hostname[0])
		return nx_fail(error, NX_INVALID, "hostname",
			       "an address is reserved for a public_key or for a hostname, not for both");
	return status;
}

static enum nx_status range_read(const struct nx_fields *fields, const struct nx_json *body,
				 struct nx_reservation *out, struct nx_error *error)
{
	const char *text = "";
	enum nx_status status = nx_text_read(body, "range", NX_TEXT_LIMIT, &text, error);

	if (status == NX_OK && !text[0])
		return nx_missing(error, "range");
	if (status == NX_OK)
		status = nx_range_read(text, "range", &out->range, error);
	if (status != NX_OK)
		return status;
	out->family = nx_family_of(fields, &out->range.first);
	if (!out->family)
		return nx_fail(error, NX_INVALID, "range",
			       "'%s' is of no address family that this server has", text);
	return NX_OK;
}

/* Does the kind fit the range? */
static enum nx_status shape_check(const struct nx_reservation *reservation, struct nx_error *error)
{
	const struct nx_range *range = &reservation->range;

	if (strcmp(reservation->kind, NX_STATIC) != 0) {
		if (!reservation->family->ops->pool_find)
			return nx_fail(
				error, NX_INVALID, "range",
				"there are no ranges of %s addresses: the family's plugin does not say "
				"what is free (pool_find)",
				reservation->family->ops->label);
		return NX_OK;
	}
	if (!reservation->public_key[0] && !reservation->hostname[0])
		return nx_fail(error, NX_INVALID, "kind",
			       "for which device? Say its public_key or its hostname");
	if (nx_address_compare(&range->first, &range->last) != 0)
		return nx_fail(error, NX_INVALID, "range", "one device gets one address, not a range");
	return NX_OK;
}

enum nx_status nx_reservation_read(struct nx_server *server, const struct nx_json *body,
				   struct nx_reservation *out, struct nx_error *error)
{
	enum nx_status status = range_read(server->fields, body, out, error);

	out->description = "";
	if (status == NX_OK)
		status = device_read(server, body, out, error);
	if (status == NX_OK)
		status = kind_read(body, out, error);
	if (status == NX_OK)
		status = nx_text_read(body, "description", NX_DESCRIPTION_LIMIT, &out->description, error);
	return status == NX_OK ? shape_check(out, error) : status;
}

/* --- beside the prefix ------------------------------------------------------------------------- */

static bool lies_in(const struct nx_reservation *reservation, const char *text, struct nx_prefix *prefix)
{
	struct nx_range whole;

	if (!nx_prefix_parse(text, prefix))
		return false;
	whole = nx_range_of(prefix);
	return nx_range_within(&reservation->range, &whole);
}

/* In the organization's prefix, or in the other one while it is renumbered. */
static enum nx_status prefix_judge(const struct nx_value *organization,
				   const struct nx_reservation *reservation, struct nx_prefix *prefix,
				   struct nx_error *error)
{
	const struct nx_family *family = reservation->family;
	const char *first = organization[family->organization_prefix].text;
	const char *second = nx_organization_second(family, organization);
	char text[NX_RANGE_TEXT];

	if (!first[0])
		return nx_fail(error, NX_INVALID, "range", "the organization has no %s prefix yet",
			       family->ops->label);
	if (lies_in(reservation, first, prefix) || lies_in(reservation, second, prefix))
		return NX_OK;
	return nx_fail(error, NX_INVALID, "range", "%s does not lie in the organization's prefix %s%s%s",
		       nx_range_format(&reservation->range, text), first, second[0] ? " or " : "", second);
}

/* Is it an address that the family gives at all? Asked of a pool of our own. */
static enum nx_status giving_judge(const struct nx_reservation *reservation, const struct nx_prefix *prefix,
				   struct nx_error *error)
{
	const struct nx_family *family = reservation->family;
	struct nx_pool *pool = NULL;
	struct nx_error why = {0};
	enum nx_status status = family->ops->pool_open(family->instance, prefix, &pool, error);

	if (status != NX_OK)
		return status;
	status = family->ops->pool_take(pool, &reservation->range.first, &why);
	family->ops->pool_close(pool);
	return status == NX_OK ? NX_OK : nx_fail(error, status, "range", "%s", why.message);
}

/* --- beside other reservations ----------------------------------------------------------------- */

struct neighbours {
	const struct nx_reservation *made;
	struct nx_range whole; /* the prefix that it lies in */
	struct nx_error *error;
	size_t ranges;
	enum nx_status status;
};

static enum nx_status clash(struct neighbours *neighbours, const struct nx_row *row, const char *why)
{
	struct nx_range range;
	char text[NX_RANGE_TEXT] = "";

	if (nx_range_parse(nx_row_text(row, 2), nx_row_text(row, 3), &range))
		nx_range_format(&range, text);
	return nx_fail(neighbours->error, NX_CONFLICT, "range",
		       "%s %s (reservation %s): release that first, or %s", text, why, nx_row_text(row, 0),
		       strcmp(neighbours->made->kind, NX_STATIC) == 0 ? "choose another address"
								      : "choose another range");
}

static bool is_kind(const struct nx_row *row, const char *kind)
{
	return strcmp(nx_row_text(row, 1), kind) == 0;
}

static enum nx_status static_compare(struct neighbours *neighbours, const struct nx_row *row,
				     const struct nx_range *other)
{
	const struct nx_reservation *made = neighbours->made;

	if (!is_kind(row, NX_STATIC))
		return NX_OK;
	if (nx_range_equal(&made->range, other))
		return clash(neighbours, row, "is reserved for a device already");
	if (!nx_range_overlaps(other, &neighbours->whole))
		return NX_OK; /* of another prefix: a device may have one in each */
	if (made->public_key[0] && strcmp(made->public_key, nx_row_text(row, 4)) == 0)
		return clash(neighbours, row, "is reserved for this key already");
	if (made->hostname[0] && strcmp(made->hostname, nx_row_text(row, 5)) == 0)
		return clash(neighbours, row, "is reserved for this host name already");
	return NX_OK;
}

/* A reserved range may be a hole in an allocation range, and may leave something of it: all else that
 * overlaps would say of an address twice, or two things, what becomes of it. */
static enum nx_status range_compare(struct neighbours *neighbours, const struct nx_row *row,
				    const struct nx_range *other)
{
	const struct nx_reservation *made = neighbours->made;
	bool reserved = strcmp(made->kind, NX_RESERVED) == 0;

	if (is_kind(row, NX_STATIC))
		return NX_OK;
	if (++neighbours->ranges >= NX_RANGE_LIMIT)
		return nx_fail(
			neighbours->error, NX_CONFLICT, "range",
			"the organization has %d ranges of %s addresses, which is as many as there may be: "
			"release some, or make one of several",
			NX_RANGE_LIMIT, made->family->ops->label);
	if (!nx_range_overlaps(&made->range, other))
		return NX_OK;
	if (is_kind(row, made->kind))
		return clash(neighbours, row,
			     reserved ? "is reserved already" : "is an allocation range already");
	if (reserved && nx_range_within(&made->range, other) && !nx_range_equal(&made->range, other))
		return NX_OK;
	if (!reserved && nx_range_within(other, &made->range) && !nx_range_equal(&made->range, other))
		return NX_OK;
	return clash(neighbours, row,
		     reserved ? "is an allocation range, of which a part inside can be reserved"
			      : "is reserved, and can only be a part inside of an allocation range");
}

static bool neighbour_judge(void *context, const struct nx_row *row)
{
	struct neighbours *neighbours = context;
	struct nx_range other;

	if (!nx_range_parse(nx_row_text(row, 2), nx_row_text(row, 3), &other))
		return true;
	neighbours->status = strcmp(neighbours->made->kind, NX_STATIC) == 0
				     ? static_compare(neighbours, row, &other)
				     : range_compare(neighbours, row, &other);
	return neighbours->status == NX_OK;
}

static enum nx_status neighbours_judge(struct nx_tx *tx, const struct nx_value *organization,
				       const struct nx_reservation *reservation,
				       const struct nx_prefix *prefix, struct nx_error *error)
{
	struct neighbours neighbours = {
		.made = reservation, .whole = nx_range_of(prefix), .error = error, .status = NX_OK};
	enum nx_status status =
		nx_sql_each(tx, error,
			    "SELECT id, kind, first_address, last_address, public_key, hostname"
			    " FROM reservations WHERE organization_id = $1 AND family = $2",
			    NX_PARAMS(organization[NX_ORGANIZATION_ID], NX_TEXT(reservation->family->key)),
			    neighbour_judge, &neighbours);

	return status == NX_OK ? neighbours.status : status;
}

/* --- beside leases ----------------------------------------------------------------------------- */

struct holder {
	const struct nx_reservation *made;
	bool other;
	char id[64], hostname[64];
};

static bool holder_note(void *context, const struct nx_row *row)
{
	struct holder *holder = context;
	const struct nx_reservation *made = holder->made;

	holder->other = made->public_key[0] ? strcmp(made->public_key, nx_row_text(row, 2)) != 0
					    : strcasecmp(made->hostname, nx_row_text(row, 1)) != 0;
	snprintf(holder->id, sizeof(holder->id), "%s", nx_row_text(row, 0));
	snprintf(holder->hostname, sizeof(holder->hostname), "%s", nx_row_text(row, 1));
	return false;
}

static enum nx_status holder_judge(struct nx_tx *tx, const struct nx_value *organization,
				   const struct nx_reservation *reservation, struct nx_error *error)
{
	struct holder holder = {.made = reservation};
	char address[NX_ADDRESS_TEXT];
	enum nx_status status =
		nx_sql_one(tx, error,
			   "SELECT d.id, d.hostname, d.public_key FROM leases l JOIN devices d"
			   " ON d.id = l.device_id WHERE l.organization_id = $1 AND l.address = $2",
			   NX_PARAMS(organization[NX_ORGANIZATION_ID],
				     NX_TEXT(nx_address_format(&reservation->range.first, address))),
			   holder_note, &holder);

	if (status != NX_OK)
		return status == NX_NOT_FOUND ? NX_OK : status;
	if (holder.other)
		return nx_fail(
			error, NX_CONFLICT, "range",
			"%s is the address of the device %s%s%s%s: delete that device first, or reserve "
			"another address",
			address, holder.id, holder.hostname[0] ? " ('" : "", holder.hostname,
			holder.hostname[0] ? "')" : "");
	return NX_OK;
}

enum nx_status nx_reservation_judge(struct nx_tx *tx, const struct nx_value *organization,
				    const struct nx_reservation *reservation, struct nx_error *error)
{
	bool single = strcmp(reservation->kind, NX_STATIC) == 0;
	struct nx_prefix prefix;
	enum nx_status status = prefix_judge(organization, reservation, &prefix, error);

	if (status == NX_OK && single)
		status = giving_judge(reservation, &prefix, error);
	if (status == NX_OK)
		status = neighbours_judge(tx, organization, reservation, &prefix, error);
	if (status == NX_OK && single)
		status = holder_judge(tx, organization, reservation, error);
	return status;
}
