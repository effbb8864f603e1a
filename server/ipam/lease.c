/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ipam/lease.h"

#include <time.h>

#include "base/address.h"
#include "server/ipam/lease_inside.h"
#include "server/ipam/strategies.h"

static bool seen_one(void *context, const struct nx_row *row)
{
	(void)row;
	*(bool *)context = true;
	return false;
}

enum nx_status nx_address_held(struct nx_tx *tx, const char *organization_id,
			       const struct nx_address *address, bool *out, struct nx_error *error)
{
	char text[NX_ADDRESS_TEXT];

	*out = false;
	nx_address_format(address, text);
	return nx_sql_each(tx, error,
			   "SELECT device_id FROM leases WHERE organization_id = $1 AND address = $2"
			   " UNION ALL SELECT id FROM reservations WHERE organization_id = $3"
			   " AND first_address = $4 AND kind = '" NX_STATIC "'"
			   " UNION ALL SELECT public_key FROM quarantine WHERE organization_id = $5"
			   " AND address = $6 AND ends_at > $7",
			   NX_PARAMS(NX_TEXT(organization_id), NX_TEXT(text), NX_TEXT(organization_id),
				     NX_TEXT(text), NX_TEXT(organization_id), NX_TEXT(text),
				     NX_INT(time(NULL))),
			   seen_one, out);
}

enum nx_status nx_lease_exists(const struct nx_choice *choice, const struct nx_address *address, bool *out,
			       struct nx_error *error)
{
	return nx_address_held(choice->tx, choice->request->organization_id, address, out, error);
}

enum nx_status nx_lease_refuse(const struct nx_choice *choice, enum nx_status status,
			       const struct nx_error *why, struct nx_error *error)
{
	const struct nx_columns *devices = &choice->leases->server->fields->devices;

	return nx_fail(error, status, devices->column[choice->entry->family->device_address].name, "%s",
		       why->message);
}

enum nx_status nx_lease_misbehaves(const char *plugin, const struct nx_address *address, const char *what,
				   struct nx_error *error)
{
	char text[NX_ADDRESS_TEXT];

	nx_address_format(address, text);
	return nx_fail(error, NX_INTERNAL, NULL, "plugin %s misbehaves: it proposes %s, which %s", plugin,
		       text[0] ? text : "something", what);
}

enum nx_status nx_lease_proposal_check(const struct nx_choice *choice, const char *plugin,
				       const struct nx_address *address, struct nx_error *error)
{
	const struct nx_pool_entry *entry = choice->entry;

	if (address->length != entry->family->ops->address_length)
		return nx_lease_misbehaves(plugin, address, "is no address of its family", error);
	if (!nx_prefix_contains(&entry->prefix, address))
		return nx_lease_misbehaves(plugin, address, "lies outside the organization's prefix", error);
	return NX_OK;
}

/* --- the address that is wanted ---------------------------------------------------- */

enum nx_status nx_lease_take(const struct nx_choice *choice, const struct nx_address *address,
			     enum nx_status *verdict, struct nx_error *why, struct nx_error *error)
{
	struct nx_pool_entry *entry = choice->entry;
	const struct nx_ipam_ops *ops = entry->family->ops;
	bool taken = true;
	enum nx_status status = NX_OK;

	*verdict = ops->pool_take(entry->pool, address, why);
	if (*verdict != NX_CONFLICT)
		return NX_OK;
	status = nx_lease_exists(choice, address, &taken, error);
	if (status != NX_OK || taken)
		return status;
	status = nx_pool_read(choice->tx, entry, error);
	if (status == NX_OK)
		*verdict = ops->pool_take(entry->pool, address, why);
	return status;
}

/* The pool has taken the address; the other prefix's pool may have given it already, as the table knows. */
static enum nx_status choose_shared(const struct nx_choice *choice, const struct nx_address *wanted,
				    struct nx_error *error)
{
	struct nx_pool_entry *entry = choice->entry;
	char text[NX_ADDRESS_TEXT];
	struct nx_error why = {0};
	bool taken = false;
	enum nx_status status = nx_lease_exists(choice, wanted, &taken, error);

	if (status == NX_OK && !taken)
		nx_pool_taken(choice->tx, entry, wanted);
	else if (status != NX_OK)
		entry->family->ops->pool_give(entry->pool, wanted);
	if (status != NX_OK || !taken)
		return status;
	nx_fail(&why, NX_CONFLICT, NULL, "%s is taken by another device", nx_address_format(wanted, text));
	return nx_lease_refuse(choice, NX_CONFLICT, &why, error);
}

static enum nx_status choose_wanted(const struct nx_choice *choice, const struct nx_address *wanted,
				    struct nx_error *error)
{
	struct nx_error why = {0};
	enum nx_status verdict, status = nx_lease_wanted_check(choice, wanted, error);

	if (status == NX_OK)
		status = nx_lease_take(choice, wanted, &verdict, &why, error);
	if (status != NX_OK)
		return status;
	if (verdict != NX_OK)
		return nx_lease_refuse(choice, verdict, &why, error);
	if (choice->entry->shared)
		return choose_shared(choice, wanted, error);
	nx_pool_taken(choice->tx, choice->entry, wanted);
	return NX_OK;
}

/* --- either ------------------------------------------------------------------------ */

static enum nx_status choose_by_strategy(const struct nx_choice *choice, const char *name,
					 struct nx_address *out, struct nx_error *error)
{
	const struct nx_family *family = choice->entry->family;
	struct nx_strategy strategy = {0};
	enum nx_status status = nx_strategy_find(choice->leases->server->plugins, family->ops,
						 family->instance, name, &strategy, error);

	if (status != NX_OK)
		return status;
	if (nx_strategy_blocks(&strategy)) {
		status = nx_lease_foresee(choice->leases, choice->source, choice->request, &strategy, error);
		return status == NX_OK ? nx_lease_by_blocking(choice, &strategy, out, error) : status;
	}
	if (strategy.ops)
		return nx_lease_by_strategy(choice, &strategy, out, error);
	return choice->entry->rules.limited ? nx_lease_in_sequence(choice, out, error)
					    : nx_lease_by_pool(choice, out, error);
}

enum nx_status nx_lease_foresee_choice(struct nx_leases *leases, const struct nx_lease_source *source,
				       const struct nx_lease_request *request, struct nx_error *error)
{
	const struct nx_family *family = source->family;
	struct nx_strategy strategy = {0};
	enum nx_status status = nx_strategy_find(leases->server->plugins, family->ops, family->instance,
						 source->strategy, &strategy, error);

	if (status != NX_OK || !nx_strategy_blocks(&strategy) ||
	    !nx_pool_keeps_nothing(leases, source, request->organization_id))
		return status;
	return nx_lease_foresee(leases, source, request, &strategy, error);
}

enum nx_status nx_lease_choose(struct nx_leases *leases, struct nx_tx *tx,
			       const struct nx_lease_source *source, const struct nx_lease_request *request,
			       const struct nx_address *wanted, struct nx_address *out,
			       struct nx_error *error)
{
	struct nx_choice choice = {.leases = leases, .tx = tx, .request = request, .source = source};
	struct nx_address found = {0};
	bool kept = false;
	enum nx_status status =
		nx_pool_open(leases, tx, source, request->organization_id, &choice.entry, error);

	if (status == NX_OK)
		status = nx_pool_prepare(tx, choice.entry, source, error);
	if (status == NX_OK)
		status = nx_lease_kept(&choice, wanted, &found, &kept, error);
	if (status != NX_OK)
		return status;
	if (!kept && wanted)
		status = choose_wanted(&choice, wanted, error);
	else if (!kept)
		status = choose_by_strategy(&choice, source->strategy, &found, error);
	if (status == NX_EXHAUSTED)
		return nx_lease_exhausted(&choice, error);
	if (status == NX_OK)
		*out = wanted && !kept ? *wanted : found;
	return status;
}

/* --- the table --------------------------------------------------------------------- */

enum nx_status nx_lease_write(struct nx_leases *leases, struct nx_tx *tx, const struct nx_family *family,
			      const struct nx_lease_request *request, const struct nx_address *address,
			      struct nx_error *error)
{
	char text[NX_ADDRESS_TEXT];
	enum nx_status status = nx_sql(
		tx, error,
		"INSERT INTO leases (organization_id, address, family, device_id) VALUES ($1, $2, $3, $4)",
		NX_PARAMS(NX_TEXT(request->organization_id), NX_TEXT(nx_address_format(address, text)),
			  NX_TEXT(family->key), NX_TEXT(request->device_id)));

	if (status == NX_CONFLICT) {
		nx_pool_contradicted(leases, family, request->organization_id);
		nx_fail(error, NX_CONFLICT,
			leases->server->fields->devices.column[family->device_address].name,
			"%s was taken by another device at the same moment: try again", text);
	}
	return status;
}
