/* SPDX-License-Identifier: Apache-2.0 */
/* What a renumbering is to be, and what speaks against it. */
#include "server/renumbering/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/resources/reply.h"

/* Problems that are told in words. */
#define PROBLEMS_TOLD 20

void nx_renumbering_problem(struct nx_renumbering_plan *plan, const char *text)
{
	if (plan->problem_count++ >= PROBLEMS_TOLD)
		return;
	if (plan->problems.length)
		nx_buffer_text(&plan->problems, ",");
	nx_json_write_string(&plan->problems, text);
}

/* --- what else is in the new prefix ----------------------------------------------------------- */

static bool child_look(void *context, const struct nx_row *row)
{
	struct nx_renumbering_plan *plan = context;
	NX_AUTO_FREE struct nx_child_prefixes *children = nx_alloc(sizeof(*children));
	char text[NX_ADDRESS_TEXT];

	nx_child_prefixes_parse(nx_row_text(row, 2), children);
	for (size_t i = 0; i < children->count; i++) {
		NX_AUTO_FREE char *problem = NULL;

		if (!nx_prefix_overlaps(&children->prefix[i], &plan->row.new_prefix))
			continue;
		problem = nx_printf("device %s (%s) advertises %s, which overlaps the new prefix",
				    nx_row_text(row, 0), nx_row_text(row, 1),
				    nx_prefix_format(&children->prefix[i], text));
		nx_renumbering_problem(plan, problem);
	}
	return true;
}

static bool endpoint_look(void *context, const struct nx_row *row)
{
	struct nx_renumbering_plan *plan = context;
	NX_AUTO_FREE char *problem = NULL;
	struct nx_endpoint endpoint;

	if (!nx_endpoint_parse(nx_row_text(row, 2), &endpoint) ||
	    !nx_prefix_contains(&plan->row.new_prefix, &endpoint.address))
		return true;
	problem = nx_printf("the tunnel of device %s (%s) is reached at %s, which lies in the new prefix",
			    nx_row_text(row, 0), nx_row_text(row, 1), nx_row_text(row, 2));
	nx_renumbering_problem(plan, problem);
	return true;
}

static enum nx_status column_look(struct nx_tx *tx, struct nx_renumbering_plan *plan, const char *column,
				  bool (*look)(void *context, const struct nx_row *row),
				  struct nx_error *error)
{
	NX_AUTO_FREE char *sql = nx_printf("SELECT id, hostname, %s FROM devices WHERE organization_id = $1"
					   " AND %s <> '' AND %s <> 'null'",
					   column, column, column);

	return nx_sql_each(tx, error, sql, NX_PARAMS(NX_TEXT(plan->row.organization_id)), look, plan);
}

static enum nx_status surroundings_look(const struct nx_server *server, struct nx_tx *tx,
					struct nx_renumbering_plan *plan, struct nx_error *error)
{
	const struct nx_columns *devices = &server->fields->devices;
	enum nx_status status =
		column_look(tx, plan, devices->column[NX_DEVICE_CHILD_PREFIX].column, child_look, error);

	for (size_t i = 0; status == NX_OK && i < devices->count; i++) {
		const struct nx_column *column = &devices->column[i];

		if (column->field && column->field->type == NX_FIELD_ENDPOINT)
			status = column_look(tx, plan, column->column, endpoint_look, error);
	}
	return status;
}

/* --- what is going on already --------------------------------------------------------------- */

enum nx_status nx_renumbering_under_way(const struct nx_server *server, struct nx_tx *tx,
					const char *organization_id, struct nx_error *error)
{
	struct nx_renumbering other;
	struct nx_error why = {0};
	enum nx_status status = nx_renumbering_find(server->fields, tx, organization_id, &other, &why);

	if (status == NX_NOT_FOUND)
		return NX_OK;
	if (status != NX_OK)
		return nx_fail(error, status, why.field, "%s", why.message);
	return nx_fail(
		error, NX_CONFLICT, NULL,
		"its %s addresses are being renumbered (%s): one at a time, commit it or roll it back first",
		other.family->ops->label, nx_renumbering_state_name(other.state));
}

static enum nx_status under_way_look(const struct nx_server *server, struct nx_tx *tx,
				     struct nx_renumbering_plan *plan, struct nx_error *error)
{
	struct nx_error why = {0};
	enum nx_status status = nx_renumbering_under_way(server, tx, plan->row.organization_id, &why);

	if (status == NX_CONFLICT)
		nx_renumbering_problem(plan, why.message);
	else if (status != NX_OK)
		return nx_fail(error, status, why.field, "%s", why.message);
	return NX_OK;
}

enum nx_status nx_renumbering_plan_make(const struct nx_server *server, struct nx_tx *tx,
					const struct nx_value *organization, struct nx_renumbering_plan *plan,
					struct nx_error *error)
{
	enum nx_status status = nx_renumbering_addresses(server, tx, organization, plan, error);

	if (status == NX_OK)
		status = under_way_look(server, tx, plan, error);
	return status == NX_OK ? surroundings_look(server, tx, plan, error) : status;
}

/* --- what is asked for ------------------------------------------------------------------------- */

/* What a body says of one family. */
struct wish {
	const struct nx_family *family;
	bool prefix_named;
	struct nx_prefix prefix;
	const char *strategy; /* NULL: not named */
};

static enum nx_status strategy_judge(const struct nx_server *server, const struct nx_family *family,
				     const struct nx_column *column, const char *name, struct nx_error *error)
{
	struct nx_strategy strategy;
	struct nx_error why = {0};

	if (nx_strategy_find(server->plugins, family->ops, family->instance, name, &strategy, &why) == NX_OK)
		return NX_OK;
	return nx_fail(error, NX_INVALID, column->name, "%s", why.message);
}

static enum nx_status strategy_read(const struct nx_server *server, const struct nx_json *body,
				    struct wish *wish, struct nx_error *error)
{
	const struct nx_family *family = wish->family;
	const struct nx_column *column;
	const struct nx_json *value;
	struct nx_value text;
	enum nx_status status;

	if (family->organization_strategy == NX_NO_COLUMN)
		return NX_OK;
	column = &server->fields->organizations.column[family->organization_strategy];
	value = nx_body_member(body, column->name);
	if (!value)
		return NX_OK;
	status = nx_value_read(column->field, family->ops->address_length, value, &text, error);
	if (status == NX_OK)
		status = strategy_judge(server, family, column, text.text, error);
	if (status == NX_OK)
		wish->strategy = text.text;
	return status;
}

static enum nx_status wish_read(const struct nx_server *server, const struct nx_json *body, struct wish *wish,
				struct nx_error *error)
{
	const struct nx_columns *columns = &server->fields->organizations;
	enum nx_status status = NX_OK;

	wish->prefix_named = nx_body_member(body, columns->column[wish->family->organization_prefix].name);
	if (wish->prefix_named)
		status = nx_prefix_read(server->fields, wish->family, body, &wish->prefix, error);
	return status == NX_OK ? strategy_read(server, body, wish, error) : status;
}

static enum nx_status row_begin(const struct nx_server *server, const struct wish *wish,
				const struct nx_value *organization, struct nx_renumbering *row,
				struct nx_error *error)
{
	const struct nx_family *family = wish->family;
	const struct nx_column *column = &server->fields->organizations.column[family->organization_prefix];
	const char *strategy = family->organization_strategy == NX_NO_COLUMN
				       ? ""
				       : organization[family->organization_strategy].text;

	row->family = family;
	snprintf(row->organization_id, sizeof(row->organization_id), "%s",
		 organization[NX_ORGANIZATION_ID].text);
	if (family->organization_second == NX_NO_COLUMN ||
	    !nx_prefix_parse(organization[family->organization_prefix].text, &row->old_prefix))
		return nx_fail(error, NX_INVALID, column->name, "the plugin of %s addresses cannot renumber",
			       family->ops->label);
	row->new_prefix = wish->prefix_named ? wish->prefix : row->old_prefix;
	row->keeps = !wish->strategy;
	snprintf(row->old_strategy, sizeof(row->old_strategy), "%s", strategy);
	snprintf(row->new_strategy, sizeof(row->new_strategy), "%s",
		 wish->strategy ? wish->strategy : strategy);
	if (row->keeps && nx_prefix_compare(&row->old_prefix, &row->new_prefix) == 0)
		return nx_fail(error, NX_INVALID, column->name, "the organization has this prefix already");
	return NX_OK;
}

/* The family that is named, of which there must be one. */
static enum nx_status wish_find(const struct nx_server *server, const struct nx_json *body, struct wish *out,
				struct nx_error *error)
{
	const struct nx_fields *fields = server->fields;
	const struct nx_column *columns = fields->organizations.column;

	for (size_t i = 0; i < fields->family_count; i++) {
		struct wish wish = {.family = &fields->family[i]};
		enum nx_status status = wish_read(server, body, &wish, error);

		if (status != NX_OK)
			return status;
		if (!wish.prefix_named && !wish.strategy)
			continue;
		if (out->family)
			return nx_fail(error, NX_INVALID, columns[wish.family->organization_prefix].name,
				       "one family at a time: %s addresses are named as well",
				       out->family->ops->label);
		*out = wish;
	}
	if (out->family)
		return NX_OK;
	if (!fields->family_count) {
		nx_fail(error, NX_UNSUPPORTED, NULL, "no address family is loaded");
		return NX_UNSUPPORTED;
	}
	return nx_missing(error, columns[fields->family[0].organization_prefix].name);
}

enum nx_status nx_renumbering_plan_read(const struct nx_server *server, const struct nx_json *body,
					const struct nx_value *organization, struct nx_renumbering_plan *out,
					struct nx_error *error)
{
	struct wish wish = {0};
	enum nx_status status = wish_find(server, body, &wish, error);

	if (status == NX_OK)
		status = row_begin(server, &wish, organization, &out->row, error);
	if (status == NX_OK)
		snprintf(out->strategy, sizeof(out->strategy), "%s",
			 wish.strategy && wish.strategy[0] ? wish.strategy
							   : nx_strategy_name(wish.family, organization));
	return status;
}

/* --- showing it ------------------------------------------------------------------------------------ */

/* What every reader of JSON takes for the same number (RFC 8259 §6). */
#define COUNT_LIMIT ((UINT64_C(1) << 53) - 1)

void nx_renumbering_plan_write(const struct nx_renumbering_plan *plan, struct nx_buffer *out)
{
	const struct nx_renumbering *row = &plan->row;
	char old_prefix[NX_ADDRESS_TEXT], new_prefix[NX_ADDRESS_TEXT];

	nx_buffer_printf(out, "{\"family\":\"%s\",\"old_prefix\":\"%s\",\"new_prefix\":\"%s\",\"strategy\":",
			 row->family->key, nx_prefix_format(&row->old_prefix, old_prefix),
			 nx_prefix_format(&row->new_prefix, new_prefix));
	nx_json_write_string(out, plan->strategy);
	if (plan->capacity > COUNT_LIMIT)
		nx_buffer_text(out, ",\"capacity\":null");
	else
		nx_buffer_printf(out, ",\"capacity\":%" PRIu64, plan->capacity);
	nx_buffer_printf(out,
			 ",\"devices\":%" PRId64 ",\"same\":%" PRId64 ",\"moved\":%" PRId64
			 ",\"chosen\":%" PRId64 ",\"problems\":[%s],\"addresses\":[%s]}",
			 plan->devices, plan->same, plan->moved, plan->chosen,
			 plan->problems.length ? plan->problems.data : "",
			 plan->addresses.length ? plan->addresses.data : "");
}

void nx_renumbering_plan_clean(struct nx_renumbering_plan *plan)
{
	nx_buffer_free(&plan->problems);
	nx_buffer_free(&plan->addresses);
}
