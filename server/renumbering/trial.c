/* SPDX-License-Identifier: Apache-2.0 */
/* Which address each device would get: tried in a pool of our own over the new prefix. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/ipam/pool_figures.h"
#include "server/ipam/rules.h"
#include "server/renumbering/plan.h"

/* An address of the new prefix that is reserved for a device, of which one of key and host name is "". */
struct kept {
	struct nx_address address;
	char public_key[NX_PUBLIC_KEY_TEXT], hostname[NX_TEXT_LIMIT + 1];
	bool leased; /* to somebody */
};

struct trial {
	struct nx_renumbering_plan *plan;
	struct nx_pool *pool; /* in which what would be given is taken */
	struct nx_rules rules;
	struct kept *kept;
	size_t kept_count, kept_room;
	uint64_t found,
		taken; /* devices for which one has to be found; moved ones, in what is open for these */
};

static void trial_clean(struct trial *trial)
{
	if (trial->pool)
		trial->plan->row.family->ops->pool_close(trial->pool);
	nx_rules_clear(&trial->rules);
	free(trial->kept);
}

static enum nx_status take(const struct trial *trial, const struct nx_address *address)
{
	return trial->plan->row.family->ops->pool_take(trial->pool, address, NULL);
}

/* --- what is taken or reserved ------------------------------------------------------------------ */

static bool taken_note(void *context, const struct nx_row *row)
{
	struct nx_address address;

	if (nx_address_parse(nx_row_text(row, 0), &address))
		take(context, &address);
	return true;
}

static bool kept_note(void *context, const struct nx_row *row)
{
	struct trial *trial = context;
	struct nx_address address;
	struct kept *kept;

	if (!nx_address_parse(nx_row_text(row, 0), &address) ||
	    !nx_prefix_contains(&trial->plan->row.new_prefix, &address))
		return true;
	if (trial->kept_count == trial->kept_room) {
		trial->kept_room = trial->kept_room ? 2 * trial->kept_room : 16;
		trial->kept = nx_realloc_array(trial->kept, trial->kept_room, sizeof(*trial->kept));
	}
	kept = &trial->kept[trial->kept_count++];
	*kept = (struct kept){.address = address, .leased = take(trial, &address) != NX_OK};
	snprintf(kept->public_key, sizeof(kept->public_key), "%s", nx_row_text(row, 1));
	snprintf(kept->hostname, sizeof(kept->hostname), "%s", nx_row_text(row, 2));
	return true;
}

static enum nx_status standing_read(struct trial *trial, struct nx_tx *tx, struct nx_error *error)
{
	const struct nx_renumbering *row = &trial->plan->row;
	const struct nx_value id = NX_TEXT(row->organization_id), family = NX_TEXT(row->family->key);
	enum nx_status status = nx_rules_load(tx, row->organization_id, row->family->key, &row->new_prefix,
					      &trial->rules, error);

	if (status == NX_OK)
		status =
			nx_sql_each(tx, error,
				    "SELECT address FROM leases WHERE organization_id = $1 AND family = $2"
				    " UNION ALL SELECT address FROM quarantine WHERE organization_id = $3"
				    " AND family = $4 AND ends_at > $5",
				    NX_PARAMS(id, family, id, family, NX_INT(time(NULL))), taken_note, trial);
	return status == NX_OK
		       ? nx_sql_each(tx, error,
				     "SELECT first_address, public_key, hostname FROM reservations"
				     " WHERE organization_id = $1 AND family = $2 AND kind = '" NX_STATIC "'",
				     NX_PARAMS(id, family), kept_note, trial)
		       : status;
}

/* --- one device ----------------------------------------------------------------------------------- */

static void device_name(struct nx_renumbering_plan *plan, const struct nx_row *row, const char *new_address)
{
	struct nx_buffer *out = &plan->addresses;

	if (plan->named++ >= NX_PLAN_DEVICES)
		return;
	nx_buffer_text(out, out->length ? ",{\"device_id\":" : "{\"device_id\":");
	nx_json_write_string(out, nx_row_text(row, 0));
	nx_buffer_text(out, ",\"hostname\":");
	nx_json_write_string(out, nx_row_text(row, 1));
	nx_buffer_text(out, ",\"old\":");
	nx_json_write_string(out, nx_row_text(row, 2));
	nx_buffer_text(out, ",\"new\":");
	if (new_address)
		nx_json_write_string(out, new_address);
	else
		nx_buffer_text(out, "null");
	nx_buffer_text(out, "}");
}

/* What is reserved for the device, by its key or else its name; NULL: nothing that it can have. */
static const struct nx_address *kept_find(const struct trial *trial, const struct nx_row *row,
					  const struct nx_address *old)
{
	const struct kept *found = NULL;

	for (size_t i = 0; i < trial->kept_count; i++) {
		const struct kept *kept = &trial->kept[i];

		bool by_key = kept->public_key[0] && strcmp(kept->public_key, nx_row_text(row, 3)) == 0;
		bool by_name = kept->hostname[0] && strcasecmp(kept->hostname, nx_row_text(row, 1)) == 0;

		if (by_key || (by_name && !found))
			found = kept;
	}
	if (!found || (found->leased && nx_address_compare(&found->address, old) != 0))
		return NULL;
	return &found->address;
}

/* With its host part in the new prefix, or the very same. */
static bool moved(struct trial *trial, const struct nx_address *old, struct nx_address *out)
{
	const struct nx_renumbering *row = &trial->plan->row;

	return row->keeps && nx_renumbering_move(old, &row->old_prefix, &row->new_prefix, out);
}

/* May the device have this address? Its own is taken in the trial's pool, by itself. */
static bool moved_given(struct trial *trial, const struct nx_address *old, const struct nx_address *next)
{
	bool open = nx_rules_open(&trial->rules, next);

	if (nx_address_compare(old, next) == 0)
		return take(trial, next) != NX_INVALID;
	if (nx_rules_closed(&trial->rules, next) || take(trial, next) != NX_OK)
		return false;
	trial->taken += open;
	return true;
}

/* Which address it gets; false: the one that the strategy proposes. */
static bool device_give(struct trial *trial, const struct nx_row *row, const struct nx_address *old,
			struct nx_address *out)
{
	struct nx_renumbering_plan *plan = trial->plan;
	const struct nx_address *kept = kept_find(trial, row, old);
	struct nx_address next = {0};
	bool moves = moved(trial, old, &next);

	if ((!moves || nx_address_compare(old, &next) != 0) && kept) {
		bool same = nx_address_compare(old, kept) == 0;
		bool like_moved = moves && nx_address_compare(&next, kept) == 0;

		*out = *kept;
		plan->same += same;
		plan->moved += !same && like_moved;
		plan->chosen += !same && !like_moved;
		return true;
	}
	if (!moves || !moved_given(trial, old, &next)) {
		plan->chosen++;
		trial->found++;
		return false;
	}
	*out = next;
	plan->same += nx_address_compare(old, &next) == 0;
	plan->moved += nx_address_compare(old, &next) != 0;
	return true;
}

static bool device_try(void *context, const struct nx_row *row)
{
	struct trial *trial = context;
	struct nx_address old, next;
	char text[NX_ADDRESS_TEXT];

	if (!nx_address_parse(nx_row_text(row, 2), &old))
		return true;
	trial->plan->devices++;
	device_name(trial->plan, row,
		    device_give(trial, row, &old, &next) ? nx_address_format(&next, text) : NULL);
	return true;
}

/* --- all of them ------------------------------------------------------------------------------------ */

static enum nx_status devices_try(const struct nx_server *server, struct nx_tx *tx, struct trial *trial,
				  struct nx_error *error)
{
	const struct nx_renumbering *row = &trial->plan->row;
	const char *address = server->fields->devices.column[row->family->device_address].column;
	NX_AUTO_FREE char *sql = nx_printf("SELECT id, hostname, %s, public_key FROM devices"
					   " WHERE organization_id = $1 AND %s <> '' ORDER BY id",
					   address, address);

	return nx_sql_each(tx, error, sql, NX_PARAMS(NX_TEXT(row->organization_id)), device_try, trial);
}

static void room_judge(const struct trial *trial, uint64_t free_count)
{
	struct nx_renumbering_plan *plan = trial->plan;
	uint64_t room = free_count == UINT64_MAX    ? free_count
			: free_count > trial->taken ? free_count - trial->taken
						    : 0;
	char text[200] = "";

	if ((uint64_t)plan->devices > plan->capacity)
		snprintf(text, sizeof(text),
			 "%" PRId64 " devices have addresses, and the new prefix has %" PRIu64, plan->devices,
			 plan->capacity);
	else if (trial->found > room)
		snprintf(text, sizeof(text),
			 "for %" PRIu64 " devices another address has to be found, and %" PRIu64
			 " are left that are neither taken nor reserved",
			 trial->found, room);
	if (text[0])
		nx_renumbering_problem(plan, text);
}

enum nx_status nx_renumbering_addresses(const struct nx_server *server, struct nx_tx *tx,
					const struct nx_value *organization, struct nx_renumbering_plan *plan,
					struct nx_error *error)
{
	const struct nx_renumbering *row = &plan->row;
	NX_CLEANUP(trial_clean) struct trial trial = {.plan = plan};
	struct nx_pool_figures figures = {0};
	enum nx_status status =
		nx_pool_figures(tx, row->family, organization, &row->new_prefix, &figures, error);

	if (status != NX_OK)
		return status;
	plan->capacity = figures.capacity;
	status = row->family->ops->pool_open(row->family->instance, &row->new_prefix, &trial.pool, error);
	if (status != NX_OK) {
		trial.pool = NULL;
		return status;
	}
	status = standing_read(&trial, tx, error);
	if (status == NX_OK)
		status = devices_try(server, tx, &trial, error);
	if (status == NX_OK)
		room_judge(&trial, figures.free);
	return status;
}
