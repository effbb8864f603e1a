/* SPDX-License-Identifier: Apache-2.0 */
/* A plan for a program. */
#include "base/buffer.h"
#include "base/json.h"
#include "base/memory.h"
#include "server/plan/plan.h"

static struct nx_json *texts_json(const struct nx_texts *texts)
{
	struct nx_json *list = nx_json_array();

	for (size_t i = 0; i < texts->count; i++)
		nx_json_add_string(list, texts->items[i]);
	return list;
}

static struct nx_json *steps_json(const struct nx_plan *plan)
{
	struct nx_json *list = nx_json_array();

	for (size_t i = 0; i < plan->step_count; i++) {
		const struct nx_plan_step *step = &plan->steps[i];
		struct nx_json *object = nx_json_object();

		nx_json_put_string(object, "component", step->component);
		nx_json_put_integer(object, "number", step->number);
		nx_json_put_string(object, "name", step->name);
		nx_json_put_string(object, "sql", step->sql);
		nx_json_add(list, object);
	}
	return list;
}

/* What adding and taking away count; the names say which of both it is. */
static void counts_put(const struct nx_plan *plan, const struct nx_plan_organization *counts,
		       struct nx_json *out)
{
	nx_json_put_integer(out, "devices", counts->devices);
	nx_json_put_integer(out, plan->adding ? "addresses_given" : "addresses_lost", counts->addresses);
	nx_json_put_integer(out, plan->adding ? "without_address" : "without_any_address", counts->without);
	if (plan->adding)
		nx_json_put_integer(out, "unable", counts->unable);
	else
		nx_json_put_integer(out, "child_prefixes_lost", counts->child_prefixes);
}

static struct nx_json *devices_json(const struct nx_plan_organization *organization)
{
	struct nx_json *list = nx_json_array();

	for (size_t i = 0; i < organization->ids.count; i++) {
		struct nx_json *object = nx_json_object();

		nx_json_put_string(object, "id", organization->ids.items[i]);
		nx_json_put_string(object, "hostname", organization->hostnames.items[i]);
		nx_json_add(list, object);
	}
	return list;
}

static struct nx_json *organizations_json(const struct nx_plan *plan)
{
	struct nx_json *list = nx_json_array();

	for (const struct nx_plan_organization *at = plan->organizations; at; at = at->next) {
		struct nx_json *object;

		if (!at->family)
			continue;
		object = nx_json_object();
		nx_json_put_string(object, "id", at->id);
		nx_json_put_string(object, "name", at->name);
		nx_json_put_string(object, "family", at->family);
		nx_json_put_string(object, "prefix", at->prefix);
		if (plan->adding && at->capacity && at->capacity < (uint64_t)1 << 53)
			nx_json_put_integer(object, "capacity", (int64_t)at->capacity);
		counts_put(plan, at, object);
		nx_json_put(object, "devices_without", devices_json(at));
		nx_json_add(list, object);
	}
	return list;
}

static struct nx_json *rows_json(const struct nx_plan *plan)
{
	struct nx_json *list = nx_json_array();

	for (size_t i = 0; i < plan->row_count; i++) {
		struct nx_json *object = nx_json_object();

		nx_json_put_string(object, "table", plan->rows[i].table);
		nx_json_put_integer(object, "rows", plan->rows[i].count);
		nx_json_add(list, object);
	}
	return list;
}

void nx_plan_print_json(const struct nx_plan *plan, FILE *out)
{
	NX_AUTO_JSON struct nx_json *object = nx_json_object();
	struct nx_buffer text NX_CLEANUP(nx_buffer_free) = {0};
	struct nx_json *total = nx_json_object();

	nx_json_put_string(object, "action", plan->adding ? "add" : "drop");
	nx_json_put_string(object, "plugin", plan->plugin);
	nx_json_put_boolean(object, "done", plan->done);
	nx_json_put_string(object, "family", plan->family[0] ? plan->family : NULL);
	nx_json_put(object, "migrations", steps_json(plan));
	nx_json_put(object, "columns", texts_json(&plan->columns));
	nx_json_put(object, "organizations", organizations_json(plan));
	if (!plan->adding)
		nx_json_put(object, "rows", rows_json(plan));
	counts_put(plan, &plan->total, total);
	nx_json_put(object, "total", total);
	nx_json_put_string(object, "server", plan->server[0] ? plan->server : NULL);
	nx_json_put_boolean(object, "configured", plan->configured);
	nx_json_put(object, "warnings", texts_json(&plan->warnings));
	nx_json_print_pretty(object, &text);
	fprintf(out, "%s\n", text.data);
}
