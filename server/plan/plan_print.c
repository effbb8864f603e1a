/* SPDX-License-Identifier: Apache-2.0 */
/* A plan for a person. */
#include <inttypes.h>

#include "server/plan/plan.h"

/* Organizations that are shown; warnings name the others that matter. */
#define SHOWN 20

static void texts_print(const char *title, const struct nx_texts *texts, FILE *out)
{
	if (!texts->count)
		return;
	fprintf(out, "\n%s:\n", title);
	for (size_t i = 0; i < texts->count; i++)
		fprintf(out, "  %s\n", texts->items[i]);
}

static void steps_print(const struct nx_plan *plan, FILE *out)
{
	if (!plan->step_count)
		return;
	fprintf(out, "\n%s:\n", plan->adding ? "Migrations that are applied" : "Migrations that are undone");
	for (size_t i = 0; i < plan->step_count; i++)
		fprintf(out, "  %s %" PRId64 ", %s\n", plan->steps[i].component, plan->steps[i].number,
			plan->steps[i].name);
}

/* A number that nobody reads is no help. */
static void room_print(uint64_t capacity, FILE *out)
{
	if (capacity && capacity < (uint64_t)1 << 32)
		fprintf(out, ", room for %" PRIu64, capacity);
}

static void organization_print(const struct nx_plan *plan, const struct nx_plan_organization *organization,
			       FILE *out)
{
	fprintf(out, "  %s: %s", organization->name,
		organization->prefix[0] ? organization->prefix : "no prefix");
	room_print(organization->capacity, out);
	if (!organization->devices) {
		fputs("; no devices\n", out);
		return;
	}
	fprintf(out, "; of %" PRId64 " devices %" PRId64 " %s", organization->devices,
		organization->addresses, plan->adding ? "get an address" : "lose their address");
	if (organization->unable)
		fprintf(out, ", %" PRId64 " say they cannot do it", organization->unable);
	if (organization->without)
		fprintf(out, ", %" PRId64 " %s", organization->without,
			plan->adding ? "get none" : "have no other");
	if (organization->child_prefixes)
		fprintf(out, "; networks behind them that go: %" PRId64, organization->child_prefixes);
	fputc('\n', out);
}

static void organizations_print(const struct nx_plan *plan, FILE *out)
{
	size_t shown = 0;

	if (!plan->organization_count)
		return;
	fputs("\nOrganizations:\n", out);
	for (const struct nx_plan_organization *at = plan->organizations; at; at = at->next) {
		if (at->family && shown++ < SHOWN)
			organization_print(plan, at, out);
	}
	if (shown > SHOWN)
		fprintf(out, "  and %zu more\n", shown - SHOWN);
	fprintf(out, "  in all %zu, with %" PRId64 " addresses\n", plan->organization_count,
		plan->total.addresses);
}

static void rows_print(const struct nx_plan *plan, FILE *out)
{
	for (size_t i = 0; i < plan->row_count; i++)
		fprintf(out, "%s  %" PRId64 " of %s\n", i ? "" : "\nRows of the family that go as well:\n",
			plan->rows[i].count, plan->rows[i].table);
}

void nx_plan_print(const struct nx_plan *plan, FILE *out)
{
	fprintf(out, "%s %s%s%s%s\n", plan->adding ? "Add" : "Take away", plan->plugin,
		plan->family[0] ? " (" : "", plan->family, plan->family[0] ? ")" : "");
	steps_print(plan, out);
	texts_print(plan->adding ? "Columns that come" : "Columns that go, with what is in them",
		    &plan->columns, out);
	organizations_print(plan, out);
	rows_print(plan, out);
	texts_print("Attention", &plan->warnings, out);
}
