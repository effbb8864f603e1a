/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that are kept: by reservations, in reserved ranges, in quarantine. */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/address.h"
#include "server/ipam/lease_inside.h"
#include "server/ipam/quarantine.h"
#include "server/resources/value.h"

/* NX_CONFLICT, of the device's address. */
__attribute__((format(printf, 3, 4))) static enum nx_status
refuse(const struct nx_choice *choice, struct nx_error *error, const char *format, ...)
{
	struct nx_error why = {0};
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why.message, sizeof(why.message), format, arguments);
	va_end(arguments);
	return nx_lease_refuse(choice, NX_CONFLICT, &why, error);
}

static bool in_quarantine(const struct nx_pool_entry *entry)
{
	return entry->quarantined_until > time(NULL);
}

/* --- for this device --------------------------------------------------------------------------- */

struct pick {
	const struct nx_prefix *prefix;
	struct nx_address *out;
};

/* What is reserved in another prefix, from which the organization comes or to which it goes, counts there. */
static bool address_pick(void *context, const struct nx_row *row)
{
	const struct pick *pick = context;
	struct nx_address address;

	if (!nx_address_parse(nx_row_text(row, 0), &address) || !nx_prefix_contains(pick->prefix, &address))
		return true;
	*pick->out = address;
	return false;
}

static void lower(const char *text, char out[static NX_TEXT_LIMIT + 1])
{
	size_t length = 0;

	for (; text && text[length] && length < NX_TEXT_LIMIT; length++)
		out[length] = (char)tolower((unsigned char)text[length]);
	out[length] = '\0';
}

/* By the key, or by the name: a query each, so that each finds its index. */
static enum nx_status reservation_look(const struct nx_choice *choice, const char *sql, const char *value,
				       struct nx_address *out, struct nx_error *error)
{
	struct pick pick = {&choice->entry->prefix, out};

	return nx_sql_each(choice->tx, error, sql,
			   NX_PARAMS(NX_TEXT(choice->request->organization_id), NX_TEXT(value),
				     NX_TEXT(choice->entry->family->key)),
			   address_pick, &pick);
}

#define SELECT_STATIC(column)                                                                                \
	"SELECT first_address FROM reservations WHERE organization_id = $1 AND " column                      \
	" = $2 AND family = $3 AND kind = '" NX_STATIC "'"

/* The address that is reserved for the device; length 0: none. Its key comes before its name. */
static enum nx_status reservation_find(const struct nx_choice *choice, struct nx_address *out,
				       struct nx_error *error)
{
	char hostname[NX_TEXT_LIMIT + 1];
	enum nx_status status;

	*out = (struct nx_address){0};
	if (!choice->entry->rules.kept_count)
		return NX_OK;
	status = reservation_look(choice, SELECT_STATIC("public_key"), choice->request->public_key, out,
				  error);
	lower(choice->request->hostname, hostname);
	if (status != NX_OK || out->length || !hostname[0])
		return status;
	return reservation_look(choice, SELECT_STATIC("hostname"), hostname, out, error);
}

/* To another device: one that is renumbered may have the address already. */
static enum nx_status leased(const struct nx_choice *choice, const struct nx_address *address, bool *out,
			     struct nx_error *error)
{
	char text[NX_ADDRESS_TEXT];
	int64_t count = 0;
	enum nx_status status = nx_sql_integer(
		choice->tx, error,
		"SELECT COUNT(*) FROM leases WHERE organization_id = $1 AND address = $2 AND device_id <> $3",
		NX_PARAMS(NX_TEXT(choice->request->organization_id),
			  NX_TEXT(nx_address_format(address, text)), NX_TEXT(choice->request->device_id)),
		&count);

	*out = count > 0;
	return status;
}

/* In the pool it is taken already, as a rule. */
static bool claim(const struct nx_choice *choice, const struct nx_address *address)
{
	struct nx_pool_entry *entry = choice->entry;

	if (entry->family->ops->pool_take(entry->pool, address, NULL) == NX_INVALID)
		return false;
	nx_pool_claimed(choice->tx, entry, address);
	return true;
}

static enum nx_status reserved_kept(const struct nx_choice *choice, const struct nx_address *wanted,
				    struct nx_address *out, bool *got, struct nx_error *error)
{
	char kept_text[NX_ADDRESS_TEXT], wanted_text[NX_ADDRESS_TEXT];
	bool another = false;
	enum nx_status status = reservation_find(choice, out, error);

	if (status == NX_OK && out->length)
		status = leased(choice, out, &another, error);
	if (status != NX_OK || !out->length || another)
		return status;
	if (wanted && nx_address_compare(wanted, out) != 0)
		return refuse(choice, error,
			      "%s is asked for, but %s is reserved for this device: ask for that one, or for "
			      "none",
			      nx_address_format(wanted, wanted_text), nx_address_format(out, kept_text));
	*got = claim(choice, out);
	return NX_OK;
}

/* The one that it wants, when it is its key's, or the one that its key had last: but what a device has given
 * up in a renumbering is not what it gets in the next one. */
static enum nx_status quarantine_kept(const struct nx_choice *choice, const struct nx_address *wanted,
				      struct nx_address *out, bool *got, struct nx_error *error)
{
	const struct nx_lease_request *request = choice->request;
	const struct nx_pool_entry *entry = choice->entry;
	struct nx_quarantine found = {0};
	char text[NX_ADDRESS_TEXT];
	enum nx_status status;

	if (!in_quarantine(entry) || (!wanted && choice->source->beside))
		return NX_OK;
	status = wanted ? nx_quarantine_find(choice->tx, request->organization_id,
					     nx_address_format(wanted, text), &found, error)
			: nx_quarantine_of(choice->tx, entry, request->public_key, &found, error);
	if (status != NX_OK)
		return status == NX_NOT_FOUND ? NX_OK : status;
	if (strcmp(found.public_key, request->public_key) != 0 ||
	    nx_rules_closed(&entry->rules, &found.address) || nx_rules_kept(&entry->rules, &found.address) ||
	    !claim(choice, &found.address))
		return NX_OK;
	*out = found.address;
	*got = true;
	return nx_quarantine_end(choice->tx, request->organization_id, nx_address_format(out, text), error);
}

enum nx_status nx_lease_kept(const struct nx_choice *choice, const struct nx_address *wanted,
			     struct nx_address *out, bool *got, struct nx_error *error)
{
	struct nx_address address = {0};
	enum nx_status status;

	*got = false;
	status = reserved_kept(choice, wanted, &address, got, error);
	if (status == NX_OK && !*got)
		status = quarantine_kept(choice, wanted, &address, got, error);
	if (status == NX_OK && *got)
		*out = address;
	return status;
}

/* --- from this device -------------------------------------------------------------------------- */

static enum nx_status quarantine_check(const struct nx_choice *choice, const struct nx_address *wanted,
				       struct nx_error *error)
{
	struct nx_quarantine found = {0};
	char text[NX_ADDRESS_TEXT], until[NX_TIME_TEXT];
	enum nx_status status;

	if (!in_quarantine(choice->entry))
		return NX_OK;
	status = nx_quarantine_find(choice->tx, choice->request->organization_id,
				    nx_address_format(wanted, text), &found, error);
	if (status != NX_OK)
		return status == NX_NOT_FOUND ? NX_OK : status;
	return refuse(choice, error,
		      "%s is in quarantine until %s, for the device that had it was deleted: ask for another "
		      "one, or have the organization's owner end it (nexctl ipam release %s)",
		      text, nx_time_format(found.ends_at, until), text);
}

enum nx_status nx_lease_wanted_check(const struct nx_choice *choice, const struct nx_address *wanted,
				     struct nx_error *error)
{
	const struct nx_rules *rules = &choice->entry->rules;
	const struct nx_range *closed;
	char text[NX_ADDRESS_TEXT], range[NX_RANGE_TEXT];

	if (nx_rules_kept(rules, wanted))
		return refuse(choice, error, "%s is reserved for another device: ask for another one",
			      nx_address_format(wanted, text));
	closed = nx_rules_closed(rules, wanted);
	if (closed)
		return refuse(choice, error,
			      "%s lies in the reserved range %s: ask for another one, or have the "
			      "organization's owner reserve it for this device",
			      nx_address_format(wanted, text), nx_range_format(closed, range));
	return quarantine_check(choice, wanted, error);
}

/* --- from everybody ---------------------------------------------------------------------------- */

struct waiting {
	int64_t count, first_end;
};

static bool waiting_note(void *context, const struct nx_row *row)
{
	struct waiting *waiting = context;

	waiting->count = nx_row_integer(row, 0);
	waiting->first_end = nx_row_integer(row, 1);
	return false;
}

static enum nx_status waiting_count(const struct nx_choice *choice, struct waiting *out,
				    struct nx_error *error)
{
	if (!in_quarantine(choice->entry))
		return NX_OK;
	return nx_sql_one(choice->tx, error,
			  "SELECT COUNT(*), COALESCE(MIN(ends_at), 0) FROM quarantine"
			  " WHERE organization_id = $1 AND family = $2 AND ends_at > $3",
			  NX_PARAMS(NX_TEXT(choice->request->organization_id),
				    NX_TEXT(choice->entry->family->key), NX_INT(time(NULL))),
			  waiting_note, out);
}

enum nx_status nx_lease_exhausted(const struct nx_choice *choice, struct nx_error *error)
{
	const struct nx_pool_entry *entry = choice->entry;
	bool reserved = entry->rules.limited || entry->rules.kept_count;
	char prefix[NX_ADDRESS_TEXT], until[NX_TIME_TEXT], quarantine[96] = "";
	struct nx_error why = {0};
	struct waiting waiting = {0};
	enum nx_status status = waiting_count(choice, &waiting, error);

	if (status != NX_OK)
		return status;
	if (!reserved && !waiting.count)
		return NX_EXHAUSTED; /* what the pool or the strategy has said is all */
	if (waiting.count)
		snprintf(quarantine, sizeof(quarantine),
			 "; %" PRId64 " more in quarantine, the first until %s", waiting.count,
			 nx_time_format(waiting.first_end, until));
	snprintf(why.message, sizeof(why.message),
		 "all addresses of %s that may be given are taken%s%s: remove devices, release some (nexctl "
		 "ipam release), or give the organization a larger prefix",
		 nx_prefix_format(&entry->prefix, prefix),
		 reserved ? "; others are reserved (nexctl ipam reservations)" : "", quarantine);
	return nx_lease_refuse(choice, NX_EXHAUSTED, &why, error);
}
