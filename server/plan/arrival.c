/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plan/arrival.h"

#include <string.h>

#include "base/memory.h"
#include "server/ipam/lease.h"
#include "server/store/migrate_records.h"

/* --- the schema ---------------------------------------------------------------------------- */

static enum nx_status steps_read(struct nx_plan *plan, const struct nx_component *components, size_t count,
				 struct nx_tx *tx, struct nx_error *error)
{
	NX_CLEANUP(nx_records_free) struct nx_records records = {0};
	enum nx_status status = nx_records_load(tx, &records, error);

	for (size_t i = 0; i < count && status == NX_OK; i++) {
		const struct nx_component *component = &components[i];

		for (size_t at = nx_records_of(&records, component->name); at < component->migrations.count;
		     at++) {
			struct nx_migration step = nx_component_step(component, (uint32_t)at);

			nx_plan_step_add(plan, component->name, step.number, step.name, step.up);
		}
	}
	return status;
}

static enum nx_status schema_rehearse(struct nx_plan *plan, const struct nx_component *components,
				      size_t count, struct nx_tx *tx, struct nx_error *error)
{
	NX_CLEANUP(nx_texts_free) struct nx_texts before = {0}, after = {0};
	enum nx_status status = nx_plan_columns_read(&before, tx, error);

	if (status == NX_OK)
		status = steps_read(plan, components, count, tx, error);
	if (status == NX_OK)
		status = nx_components_apply(tx, components, count, error);
	if (status == NX_OK)
		status = nx_plan_columns_read(&after, tx, error);
	if (status == NX_OK)
		nx_plan_columns_compare(&after, &before, &plan->columns);
	return status;
}

/* --- organizations and devices ---------------------------------------------------------------- */

/* How many devices the family's own pool has room for. */
static uint64_t capacity_of(const struct nx_family *family, const struct nx_prefix *prefix)
{
	struct nx_pool_usage usage = {.size = sizeof(usage)};
	struct nx_pool *pool = NULL;

	if (family->ops->pool_open(family->instance, prefix, &pool, NULL) != NX_OK)
		return 0;
	family->ops->pool_usage(pool, &usage);
	family->ops->pool_close(pool);
	return usage.capacity;
}

static struct nx_plan_organization *concern(struct nx_plan *plan, const struct nx_family *family,
					    const char *id, const char *prefix)
{
	struct nx_plan_organization *organization = nx_plan_organization(plan, id, family->ops->label);
	struct nx_prefix parsed;

	if (organization && !organization->prefix[0] && nx_prefix_parse(prefix, &parsed)) {
		nx_prefix_format(&parsed, organization->prefix);
		organization->capacity = capacity_of(family, &parsed);
	}
	if (strcmp(family->plugin, plan->plugin) == 0)
		snprintf(plan->family, sizeof(plan->family), "%s", family->ops->label);
	return organization;
}

static void organization_take(void *context, const struct nx_family *family,
			      const struct nx_value *organization, const struct nx_prefix *prefix)
{
	char text[NX_ADDRESS_TEXT];

	concern(context, family, organization[NX_ORGANIZATION_ID].text, nx_prefix_format(prefix, text));
}

static void device_take(void *context, const struct nx_family *family, const struct nx_value *device,
			enum nx_arrival what, const struct nx_error *why)
{
	struct nx_plan_organization *organization = concern(
		context, family, device[NX_DEVICE_ORGANIZATION].text, device[family->device_prefix].text);

	(void)why;
	if (!organization)
		return;
	organization->addresses += what == NX_ARRIVAL_GIVEN;
	organization->unable += what == NX_ARRIVAL_UNABLE;
	if (what == NX_ARRIVAL_WITHOUT)
		nx_plan_without_add(organization, device[NX_DEVICE_ID].text, device[NX_DEVICE_HOSTNAME].text);
}

static enum nx_status resources_rehearse(struct nx_plan *plan, struct nx_server *server, struct nx_tx *tx,
					 struct nx_error *error)
{
	const struct nx_arrival_observer observer = {
		.context = plan, .organization = organization_take, .device = device_take};

	return nx_leases_arrival_rehearse(server, tx, &observer, error);
}

enum nx_status nx_arrival_rehearse(struct nx_plan *plan, struct nx_server *server,
				   const struct nx_component *components, size_t count, struct nx_tx *tx,
				   struct nx_error *error)
{
	enum nx_status status = schema_rehearse(plan, components, count, tx, error);

	if (status == NX_OK)
		status = nx_plan_organizations_read(plan, tx, error);
	if (status == NX_OK)
		status = resources_rehearse(plan, server, tx, error);
	if (status == NX_OK)
		nx_plan_finish(plan);
	return status;
}
