/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plan/plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

/* Devices that a warning names. */
#define NAMED 5

/* --- lists of texts ------------------------------------------------------------------ */

void nx_texts_add(struct nx_texts *texts, char *text)
{
	texts->items = nx_realloc_array(texts->items, texts->count + 1, sizeof(*texts->items));
	texts->items[texts->count++] = text;
}

void nx_texts_free(struct nx_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		free(texts->items[i]);
	free(texts->items);
	*texts = (struct nx_texts){0};
}

bool nx_texts_have(const struct nx_texts *texts, const char *text)
{
	for (size_t i = 0; i < texts->count; i++) {
		if (strcmp(texts->items[i], text) == 0)
			return true;
	}
	return false;
}

/* --- columns --------------------------------------------------------------------------- */

static bool take_column(void *context, const struct nx_row *row)
{
	nx_texts_add(context, nx_printf("%s.%s", nx_row_text(row, 0), nx_row_text(row, 1)));
	return true;
}

enum nx_status nx_plan_columns_read(struct nx_texts *out, struct nx_tx *tx, struct nx_error *error)
{
	return nx_store_columns(tx, take_column, out, error);
}

void nx_plan_columns_compare(const struct nx_texts *more, const struct nx_texts *less, struct nx_texts *out)
{
	for (size_t i = 0; i < more->count; i++) {
		if (!nx_texts_have(less, more->items[i]))
			nx_texts_add(out, nx_strdup(more->items[i]));
	}
}

/* --- steps ------------------------------------------------------------------------------ */

void nx_plan_step_add(struct nx_plan *plan, const char *component, int64_t number, const char *name,
		      const char *sql)
{
	plan->steps = nx_realloc_array(plan->steps, plan->step_count + 1, sizeof(*plan->steps));
	plan->steps[plan->step_count++] = (struct nx_plan_step){
		.component = nx_strdup(component),
		.name = nx_strdup(name),
		.sql = nx_strdup(sql),
		.number = number,
	};
}

/* --- organizations ------------------------------------------------------------------------ */

static struct nx_plan_organization *organization_add(struct nx_plan *plan, const char *id, const char *name,
						     int64_t devices)
{
	struct nx_plan_organization *added = nx_alloc(sizeof(*added));

	snprintf(added->id, sizeof(added->id), "%s", id);
	added->name = nx_strdup(name);
	added->devices = devices;
	nx_index_add(&plan->index, &added->by_id, added->id);
	*(plan->last ? plan->last : &plan->organizations) = added;
	plan->last = &added->next;
	return added;
}

static bool take_organization(void *context, const struct nx_row *row)
{
	organization_add(context, nx_row_text(row, 0), nx_row_text(row, 1), nx_row_integer(row, 2));
	return true;
}

enum nx_status nx_plan_organizations_read(struct nx_plan *plan, struct nx_tx *tx, struct nx_error *error)
{
	return nx_sql_each(tx, error,
			   "SELECT o.id, o.name, count(d.id) FROM organizations o"
			   " LEFT JOIN devices d ON d.organization_id = o.id"
			   " GROUP BY o.id, o.name ORDER BY o.name COLLATE \"C\"",
			   NX_NO_PARAMS, take_organization, plan);
}

struct nx_plan_organization *nx_plan_organization(struct nx_plan *plan, const char *id, const char *family)
{
	struct nx_index_entry *entry = nx_index_first(&plan->index, id);
	struct nx_plan_organization *found = NULL;

	for (; entry; entry = nx_index_next(entry)) {
		found = nx_holder(entry, struct nx_plan_organization, by_id);
		if (!family || !found->family || strcmp(found->family, family) == 0)
			break;
	}
	if (!entry && found)
		found = organization_add(plan, id, found->name, found->devices);
	if (found && family && !found->family)
		found->family = nx_strdup(family);
	return found;
}

void nx_plan_without_add(struct nx_plan_organization *organization, const char *id, const char *hostname)
{
	organization->without++;
	nx_texts_add(&organization->ids, nx_strdup(id));
	nx_texts_add(&organization->hostnames, nx_strdup(hostname));
}

/* --- in the end ----------------------------------------------------------------------------- */

static void total_add(struct nx_plan *plan, const struct nx_plan_organization *organization)
{
	struct nx_plan_organization *total = &plan->total;

	total->devices += organization->devices;
	total->addresses += organization->addresses;
	total->unable += organization->unable;
	total->without += organization->without;
	total->child_prefixes += organization->child_prefixes;
	plan->organization_count++;
}

/* The first of them, by name; to be freed. */
static char *devices_named(const struct nx_plan_organization *organization)
{
	const struct nx_texts *names = &organization->hostnames;
	struct nx_buffer text = {0};

	for (size_t i = 0; i < names->count && i < NAMED; i++)
		nx_buffer_printf(&text, "%s%s", i ? ", " : "",
				 names->items[i][0] ? names->items[i] : organization->ids.items[i]);
	if (names->count > NAMED)
		nx_buffer_printf(&text, " and %zu more", names->count - NAMED);
	return nx_buffer_take(&text);
}

static void warn_adding(struct nx_plan *plan, const struct nx_plan_organization *organization)
{
	NX_AUTO_FREE char *devices = devices_named(organization);
	char room[64] = "";

	if (!organization->without)
		return;
	if (organization->capacity && (uint64_t)organization->devices > organization->capacity)
		snprintf(room, sizeof(room), ", which has room for %" PRIu64, organization->capacity);
	nx_texts_add(&plan->warnings,
		     nx_printf("%s: %" PRId64 " of %" PRId64 " devices get no address from %s%s: %s",
			       organization->name, organization->without, organization->devices,
			       organization->prefix, room, devices));
}

static void warn_removing(struct nx_plan *plan, const struct nx_plan_organization *organization)
{
	NX_AUTO_FREE char *devices = devices_named(organization);

	if (organization->without)
		nx_texts_add(&plan->warnings, nx_printf("%s: %" PRId64 " of %" PRId64
							" devices have no address of another family, "
							"so that nobody reaches them any more: %s",
							organization->name, organization->without,
							organization->devices, devices));
	if (organization->child_prefixes)
		nx_texts_add(
			&plan->warnings,
			nx_printf("%s: networks behind devices that are no longer advertised, and have to "
				  "be advertised again when the family comes back: %" PRId64,
				  organization->name, organization->child_prefixes));
}

void nx_plan_finish(struct nx_plan *plan)
{
	for (const struct nx_plan_organization *at = plan->organizations; at; at = at->next) {
		if (!at->family)
			continue;
		total_add(plan, at);
		if (plan->adding)
			warn_adding(plan, at);
		else
			warn_removing(plan, at);
	}
}

void nx_plan_free(struct nx_plan *plan)
{
	struct nx_plan_organization *next;

	for (struct nx_plan_organization *at = plan->organizations; at; at = next) {
		next = at->next;
		free(at->name);
		free(at->family);
		nx_texts_free(&at->ids);
		nx_texts_free(&at->hostnames);
		free(at);
	}
	nx_index_clear(&plan->index);
	for (size_t i = 0; i < plan->step_count; i++) {
		free(plan->steps[i].component);
		free(plan->steps[i].name);
		free(plan->steps[i].sql);
	}
	free(plan->steps);
	for (size_t i = 0; i < plan->row_count; i++)
		free(plan->rows[i].table);
	free(plan->rows);
	nx_texts_free(&plan->columns);
	nx_texts_free(&plan->warnings);
	*plan = (struct nx_plan){0};
}
