/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin takes along. That it is undone once, and that once is taken back, shows it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "server/plan/departure.h"
#include "server/store/migrate_records.h"

/* --- the schema, and the family ------------------------------------------------------ */

static enum nx_status steps_read(struct nx_plan *plan, struct nx_tx *tx, struct nx_error *error)
{
	NX_CLEANUP(nx_records_free) struct nx_records records = {0};
	enum nx_status status = nx_records_load(tx, &records, error);

	for (size_t i = records.count; status == NX_OK && i-- > 0;) {
		const struct nx_record *record = &records.rows[i];

		if (strcmp(record->component, plan->plugin) == 0)
			nx_plan_step_add(plan, record->component, record->number, record->name, record->down);
	}
	return status;
}

static bool take_text(void *context, const struct nx_row *row)
{
	nx_texts_add(context, nx_strdup(nx_row_text(row, 0)));
	return true;
}

static enum nx_status families_read(struct nx_texts *out, struct nx_tx *tx, struct nx_error *error)
{
	return nx_sql_each(tx, error, "SELECT DISTINCT family FROM leases ORDER BY family", NX_NO_PARAMS,
			   take_text, out);
}

static enum nx_status undo_and_look(const struct nx_plan *plan, struct nx_tx *tx, struct nx_texts *columns,
				    struct nx_texts *families, struct nx_error *error)
{
	enum nx_status status = nx_sql(tx, error, "SAVEPOINT look", NX_NO_PARAMS);

	if (status == NX_OK)
		status = nx_component_undo(tx, plan->plugin, error);
	if (status == NX_OK)
		status = nx_plan_columns_read(columns, tx, error);
	if (status == NX_OK)
		status = families_read(families, tx, error);
	if (status == NX_OK)
		status = nx_sql(tx, error, "ROLLBACK TO SAVEPOINT look", NX_NO_PARAMS);
	if (status == NX_OK)
		status = nx_sql(tx, error, "RELEASE SAVEPOINT look", NX_NO_PARAMS);
	return status;
}

static enum nx_status schema_look(struct nx_plan *plan, struct nx_tx *tx, struct nx_error *error)
{
	NX_CLEANUP(nx_texts_free) struct nx_texts columns = {0}, columns_left = {0};
	NX_CLEANUP(nx_texts_free) struct nx_texts families = {0}, families_left = {0};
	enum nx_status status = nx_plan_columns_read(&columns, tx, error);

	if (status == NX_OK)
		status = families_read(&families, tx, error);
	if (status == NX_OK)
		status = undo_and_look(plan, tx, &columns_left, &families_left, error);
	if (status != NX_OK)
		return status;
	nx_plan_columns_compare(&columns, &columns_left, &plan->columns);
	for (size_t i = 0; i < families.count && !plan->family[0]; i++) {
		if (!nx_texts_have(&families_left, families.items[i]))
			snprintf(plan->family, sizeof(plan->family), "%s", families.items[i]);
	}
	return NX_OK;
}

/* --- organizations ---------------------------------------------------------------------- */

static bool take_prefix(void *context, const struct nx_row *row)
{
	struct nx_plan *plan = context;
	struct nx_prefix prefix;
	struct nx_plan_organization *organization;

	if (!nx_prefix_parse(nx_row_text(row, 1), &prefix))
		return true;
	organization = nx_plan_organization(plan, nx_row_text(row, 0),
					    plan->family[0] ? plan->family : plan->plugin);
	if (organization)
		nx_prefix_format(&prefix, organization->prefix);
	return true;
}

/* Of the columns of organizations that go, those that hold prefixes. */
static enum nx_status prefixes_read(struct nx_plan *plan, struct nx_tx *tx, struct nx_error *error)
{
	static const char table[] = "organizations.";
	enum nx_status status = NX_OK;

	for (size_t i = 0; i < plan->columns.count && status == NX_OK; i++) {
		const char *column = plan->columns.items[i];

		if (strncmp(column, table, sizeof(table) - 1) != 0)
			continue;
		NX_AUTO_FREE char *sql =
			nx_printf("SELECT id, \"%s\" FROM organizations", column + sizeof(table) - 1);
		status = nx_sql_each(tx, error, sql, NX_NO_PARAMS, take_prefix, plan);
	}
	return status;
}

static bool take_addresses(void *context, const struct nx_row *row)
{
	struct nx_plan *plan = context;
	struct nx_plan_organization *organization =
		nx_plan_organization(plan, nx_row_text(row, 0), plan->family);

	if (organization)
		organization->addresses = nx_row_integer(row, 1);
	return true;
}

static bool take_left(void *context, const struct nx_row *row)
{
	struct nx_plan *plan = context;
	struct nx_plan_organization *organization =
		nx_plan_organization(plan, nx_row_text(row, 0), plan->family);

	if (organization)
		nx_plan_without_add(organization, nx_row_text(row, 1), nx_row_text(row, 2));
	return true;
}

/* --- who has nothing left ----------------------------------------------------------------- */

struct query {
	struct nx_buffer sql;
	struct nx_value params[2 + NX_FAMILY_LIMIT];
	size_t count;
};

static void query_text(struct query *query, const char *text, const char *param)
{
	query->params[query->count++] = NX_TEXT(param);
	nx_buffer_printf(&query->sql, "%s$%zu", text, query->count);
}

/* A lease that a host has but cannot use counts for nothing: of families that say who can. */
static enum nx_status unusable_write(struct query *query, const struct nx_fields *fields, struct nx_tx *tx,
				     struct nx_error *error)
{
	NX_CLEANUP(nx_texts_free) struct nx_texts columns = {0};
	enum nx_status status = nx_plan_columns_read(&columns, tx, error);

	for (size_t i = 0; status == NX_OK && i < fields->family_count; i++) {
		const struct nx_family *family = &fields->family[i];

		if (family->device_supported == NX_NO_COLUMN)
			continue;
		const char *column = fields->devices.column[family->device_supported].column;
		NX_AUTO_FREE char *name = nx_printf("devices.%s", column);
		if (!nx_texts_have(&columns, name))
			continue; /* its plugin has not come yet */
		query_text(query, " AND NOT (o.family = ", family->key);
		nx_buffer_printf(&query->sql, " AND d.%s = 0)", column);
	}
	return status;
}

static enum nx_status left_look(struct nx_plan *plan, const struct nx_fields *fields, struct nx_tx *tx,
				struct nx_error *error)
{
	struct query query = {0};
	enum nx_status status = NX_OK;

	query_text(&query,
		   "SELECT d.organization_id, d.id, d.hostname FROM devices d"
		   " WHERE EXISTS (SELECT 1 FROM leases l WHERE l.device_id = d.id AND l.family = ",
		   plan->family);
	query_text(&query,
		   ") AND NOT EXISTS (SELECT 1 FROM leases o WHERE o.device_id = d.id AND o.family <> ",
		   plan->family);
	if (fields)
		status = unusable_write(&query, fields, tx, error);
	nx_buffer_text(&query.sql, ") ORDER BY d.id");
	if (status == NX_OK)
		status = nx_sql_each(tx, error, query.sql.data, query.params, query.count, take_left, plan);
	nx_buffer_free(&query.sql);
	return status;
}

static enum nx_status leases_look(struct nx_plan *plan, const struct nx_fields *fields, struct nx_tx *tx,
				  struct nx_error *error)
{
	enum nx_status status = nx_sql_each(tx, error,
					    "SELECT organization_id, count(DISTINCT device_id) FROM leases"
					    " WHERE family = $1"
					    " GROUP BY organization_id",
					    NX_PARAMS(NX_TEXT(plan->family)), take_addresses, plan);

	return status == NX_OK ? left_look(plan, fields, tx, error) : status;
}

enum nx_status nx_departure_look(struct nx_plan *plan, const struct nx_fields *fields, struct nx_tx *tx,
				 struct nx_error *error)
{
	enum nx_status status = schema_look(plan, tx, error);

	if (status == NX_OK)
		status = steps_read(plan, tx, error);
	if (status == NX_OK)
		status = nx_plan_organizations_read(plan, tx, error);
	if (status == NX_OK)
		status = prefixes_read(plan, tx, error);
	if (status == NX_OK && plan->family[0])
		status = leases_look(plan, fields, tx, error);
	return status;
}
