/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plan/departure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "server/resources/device.h"
#include "server/store/migrate.h"

/* --- networks behind devices ----------------------------------------------------------- */

struct children {
	struct nx_plan *plan;
	uint8_t length;		    /* bytes of an address of the family; 0: of another as well */
	struct nx_texts ids, texts; /* the devices whose list changes, and what it becomes */
};

static bool take_length(void *context, const struct nx_row *row)
{
	struct nx_address address;

	if (nx_address_parse(nx_row_text(row, 0), &address))
		*(uint8_t *)context = address.length;
	return true;
}

static bool compare_length(void *context, const struct nx_row *row)
{
	struct children *children = context;
	struct nx_address address;

	if (nx_address_parse(nx_row_text(row, 0), &address) && address.length == children->length)
		children->length = 0;
	return true;
}

/* By a lease. A family that stays may have addresses of the same length. */
static enum nx_status length_find(struct children *children, struct nx_tx *tx, struct nx_error *error)
{
	const struct nx_plan *plan = children->plan;
	enum nx_status status = nx_sql_each(tx, error, "SELECT address FROM leases WHERE family = $1 LIMIT 1",
					    NX_PARAMS(NX_TEXT(plan->family)), take_length, &children->length);

	if (status != NX_OK)
		return status;
	return nx_sql_each(tx, error, "SELECT min(address) FROM leases WHERE family <> $1 GROUP BY family",
			   NX_PARAMS(NX_TEXT(plan->family)), compare_length, children);
}

/* The list without those of the family; NULL when it had none. */
static char *list_without(const struct nx_child_prefixes *list, uint8_t length, int64_t *gone)
{
	struct nx_buffer text = {0};
	char prefix[NX_ADDRESS_TEXT];
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (list->prefix[i].address.length != length)
			nx_buffer_printf(&text, "%s\"%s\"", kept++ ? "," : "[",
					 nx_prefix_format(&list->prefix[i], prefix));
	}
	*gone = (int64_t)(list->count - kept);
	nx_buffer_text(&text, kept ? "]" : "null");
	if (!*gone)
		nx_buffer_free(&text);
	return *gone ? nx_buffer_take(&text) : NULL;
}

static bool take_children(void *context, const struct nx_row *row)
{
	struct children *children = context;
	struct nx_child_prefixes list = {0};
	struct nx_plan_organization *organization;
	int64_t gone;
	char *text;

	nx_child_prefixes_parse(nx_row_text(row, 2), &list);
	text = list_without(&list, children->length, &gone);
	if (!text)
		return true;
	nx_texts_add(&children->ids, nx_strdup(nx_row_text(row, 0)));
	nx_texts_add(&children->texts, text);
	organization = nx_plan_organization(children->plan, nx_row_text(row, 1), children->plan->family);
	if (organization)
		organization->child_prefixes += gone;
	return true;
}

static enum nx_status children_write(const struct children *children, struct nx_tx *tx,
				     struct nx_error *error)
{
	enum nx_status status = NX_OK;

	for (size_t i = 0; i < children->ids.count && status == NX_OK; i++)
		status =
			nx_sql(tx, error, "UPDATE devices SET child_prefix = $1 WHERE id = $2",
			       NX_PARAMS(NX_TEXT(children->texts.items[i]), NX_TEXT(children->ids.items[i])));
	return status;
}

static enum nx_status children_drop(struct nx_plan *plan, struct nx_tx *tx, struct nx_error *error)
{
	struct children children = {.plan = plan};
	enum nx_status status = length_find(&children, tx, error);

	if (status == NX_OK && children.length)
		status = nx_sql_each(tx, error,
				     "SELECT id, organization_id, child_prefix FROM devices"
				     " WHERE child_prefix <> 'null' AND child_prefix <> '[]'",
				     NX_NO_PARAMS, take_children, &children);
	if (status == NX_OK)
		status = children_write(&children, tx, error);
	nx_texts_free(&children.ids);
	nx_texts_free(&children.texts);
	return status;
}

/* --- what is being renumbered ---------------------------------------------------------------- */

/* Its organization has two prefixes, of which this is the first. */
static bool take_renumbering(void *context, const struct nx_row *row)
{
	struct nx_plan *plan = context;
	struct nx_plan_organization *organization =
		nx_plan_organization(plan, nx_row_text(row, 0), plan->family);

	if (!organization)
		return true;
	snprintf(organization->prefix, sizeof(organization->prefix), "%s", nx_row_text(row, 1));
	nx_texts_add(&plan->warnings,
		     nx_printf("%s: it is being renumbered from %s to %s, which ends with "
			       "the family",
			       organization->name, nx_row_text(row, 2), nx_row_text(row, 3)));
	return true;
}

/* The row goes with all others of the family; devices are not asked to acknowledge any more. */
static enum nx_status renumberings_end(struct nx_plan *plan, struct nx_tx *tx, struct nx_error *error)
{
	NX_CLEANUP(nx_texts_free) struct nx_texts columns = {0};
	enum nx_status status = nx_plan_columns_read(&columns, tx, error);

	if (status != NX_OK || !nx_texts_have(&columns, "renumberings.family"))
		return status; /* a database from before there were any */
	status = nx_sql_each(tx, error,
			     "SELECT organization_id, CASE WHEN turned > 0 AND outcome = '' THEN new_prefix"
			     " ELSE old_prefix END, old_prefix, new_prefix FROM renumberings"
			     " WHERE family = $1 AND state <> 'ended' ORDER BY organization_id",
			     NX_PARAMS(NX_TEXT(plan->family)), take_renumbering, plan);
	if (status == NX_OK)
		status = nx_sql(
			tx, error,
			"UPDATE devices SET renumbering = 0, renumbering_seen = 0 WHERE organization_id IN"
			" (SELECT organization_id FROM renumberings WHERE family = $1"
			" AND state <> 'ended')",
			NX_PARAMS(NX_TEXT(plan->family)));
	return status;
}

/* --- what the core keeps for the family ---------------------------------------------------- */

static enum nx_status rows_drop_from(struct nx_plan *plan, struct nx_tx *tx, const char *table,
				     struct nx_error *error)
{
	NX_AUTO_FREE char *sql = nx_printf("DELETE FROM \"%s\" WHERE family = $1", table);
	int64_t count = 0;
	enum nx_status status = nx_sql_changed(tx, error, sql, NX_PARAMS(NX_TEXT(plan->family)), &count);

	if (status != NX_OK || count == 0)
		return status;
	plan->rows = nx_realloc_array(plan->rows, plan->row_count + 1, sizeof(*plan->rows));
	plan->rows[plan->row_count++] = (struct nx_plan_rows){.table = nx_strdup(table), .count = count};
	return NX_OK;
}

/* Every table that says of its rows of which family they are. */
static enum nx_status rows_drop(struct nx_plan *plan, struct nx_tx *tx, struct nx_error *error)
{
	NX_CLEANUP(nx_texts_free) struct nx_texts columns = {0};
	enum nx_status status = nx_plan_columns_read(&columns, tx, error);

	for (size_t i = 0; i < columns.count && status == NX_OK; i++) {
		const char *dot = strrchr(columns.items[i], '.');

		if (strcmp(dot, ".family") != 0)
			continue;
		NX_AUTO_FREE char *table = nx_printf("%.*s", (int)(dot - columns.items[i]), columns.items[i]);
		status = rows_drop_from(plan, tx, table, error);
	}
	return status;
}

/* --- revisions ------------------------------------------------------------------------------- */

/* Does an organization or a device look otherwise afterwards? */
static bool resources_change(const struct nx_plan *plan)
{
	for (size_t i = 0; i < plan->columns.count; i++) {
		if (strncmp(plan->columns.items[i], "organizations.", 14) == 0 ||
		    strncmp(plan->columns.items[i], "devices.", 8) == 0)
			return true;
	}
	return false;
}

static bool take_payload(void *context, const struct nx_row *row)
{
	nx_texts_add(context, nx_printf("%s %" PRId64, nx_row_text(row, 0), nx_row_integer(row, 1)));
	return true;
}

/* For each organization a revision, and for each of its devices one more. */
static enum nx_status revisions_advance(struct nx_tx *tx, struct nx_error *error)
{
	NX_CLEANUP(nx_texts_free) struct nx_texts payloads = {0};
	enum nx_status status =
		nx_sql(tx, error,
		       "UPDATE devices SET revision = n.revision FROM (SELECT d.id, o.revision + 1"
		       " + row_number() OVER (PARTITION BY d.organization_id ORDER BY d.id) AS revision"
		       " FROM devices d JOIN organizations o ON o.id = d.organization_id) AS n"
		       " WHERE n.id = devices.id",
		       NX_NO_PARAMS);

	if (status == NX_OK)
		status = nx_sql_each(
			tx, error,
			"UPDATE organizations SET changed = revision + 1, revision = revision + 1"
			" + (SELECT count(*) FROM devices WHERE organization_id = organizations.id)"
			" RETURNING id, revision",
			NX_NO_PARAMS, take_payload, &payloads);
	for (size_t i = 0; i < payloads.count && status == NX_OK; i++)
		status = nx_tx_notify(tx, payloads.items[i], error);
	return status;
}

enum nx_status nx_departure_run(struct nx_plan *plan, const struct nx_fields *fields, struct nx_tx *tx,
				struct nx_error *error)
{
	enum nx_status status = nx_departure_look(plan, fields, tx, error);

	if (status == NX_OK && plan->family[0])
		status = children_drop(plan, tx, error);
	if (status == NX_OK && plan->family[0])
		status = renumberings_end(plan, tx, error);
	if (status == NX_OK)
		status = nx_component_undo(tx, plan->plugin, error);
	if (status == NX_OK && plan->family[0])
		status = rows_drop(plan, tx, error);
	if (status == NX_OK && resources_change(plan))
		status = revisions_advance(tx, error);
	if (status == NX_OK)
		nx_plan_finish(plan);
	return status;
}
