/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /api/organizations/{organization}/pools and …/leases: how full its prefixes are, and who
 * has which address. Both are read from the table: the pools in memory are the writer's.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/ipam/pool_figures.h"
#include "server/ipam/strategy.h"
#include "server/resources/access.h"
#include "server/resources/handlers.h"
#include "server/resources/list.h"
#include "server/resources/reply.h"
#include "server/resources/value.h"

/* --- leases -------------------------------------------------------------------------------- */

enum {
	LEASE_ID,
	LEASE_ADDRESS,
	LEASE_FAMILY,
	LEASE_DEVICE,
	LEASE_HOSTNAME,
	LEASE_PUBLIC_KEY,
	LEASE_COLUMNS,
};

static const struct nx_columns lease_columns = {
	.table = "leases",
	.count = LEASE_COLUMNS,
	.column =
		{
			[LEASE_ID] = {.column = "id"},
			[LEASE_ADDRESS] = {.name = "address", .column = "address"},
			[LEASE_FAMILY] = {.name = "family", .column = "family"},
			[LEASE_DEVICE] = {.name = "device_id", .column = "device_id"},
			[LEASE_HOSTNAME] = {.name = "hostname", .column = "hostname"},
			[LEASE_PUBLIC_KEY] = {.name = "public_key", .column = "public_key"},
		},
	.list = (char[]){"id, address, family, device_id, hostname, public_key"},
};

static enum nx_status leases_prepare(struct nx_request *request, struct nx_tx *tx, struct nx_list *list,
				     struct nx_error *error)
{
	const char *id = nx_request_param(request, "organization");

	list->from = "FROM (SELECT l.address AS id, l.address AS address, l.family AS family,"
		     " l.device_id AS device_id, d.hostname AS hostname, d.public_key AS public_key"
		     " FROM leases l JOIN devices d ON d.id = l.device_id WHERE l.organization_id = $1) held";
	list->params[list->param_count++] = NX_TEXT(id);
	return nx_organization_find(nx_request_server(request)->fields, tx, nx_request_principal(request), id,
				    NULL, error);
}

void nx_organization_leases(struct nx_request *request)
{
	nx_list_serve(request, &lease_columns, leases_prepare);
}

/* --- pools --------------------------------------------------------------------------------- */

enum {
	POOL_FAMILY,
	POOL_PREFIX,
	POOL_STRATEGY,
	POOL_CAPACITY,
	POOL_TAKEN,
	POOL_QUARANTINED,
	POOL_RESERVED,
	POOL_FREE,
	POOL_COLUMNS,
};

static const struct nx_columns pool_columns = {
	.table = "pools",
	.count = POOL_COLUMNS,
	.column =
		{
			[POOL_FAMILY] = {.name = "family", .column = "family"},
			[POOL_PREFIX] = {.name = "prefix", .column = "prefix"},
			[POOL_STRATEGY] = {.name = "strategy", .column = "strategy"},
			[POOL_CAPACITY] = {.name = "capacity", .column = "capacity", .type = NX_COLUMN_COUNT},
			[POOL_TAKEN] = {.name = "taken", .column = "taken", .type = NX_COLUMN_INTEGER},
			[POOL_QUARANTINED] = {.name = "quarantined",
					      .column = "quarantined",
					      .type = NX_COLUMN_INTEGER},
			[POOL_RESERVED] = {.name = "reserved", .column = "reserved", .type = NX_COLUMN_COUNT},
			[POOL_FREE] = {.name = "free", .column = "free", .type = NX_COLUMN_COUNT},
		},
};

/* What every reader of JSON takes for the same number (RFC 8259 §6). */
#define COUNT_LIMIT ((UINT64_C(1) << 53) - 1)

static struct nx_value count_of(uint64_t count)
{
	return count > COUNT_LIMIT ? NX_NULL : NX_INT((int64_t)count);
}

/* As they are shown; it lives as long as the request. */
struct pools {
	const struct nx_value *record[NX_FAMILY_LIMIT];
	struct nx_value values[NX_FAMILY_LIMIT][POOL_COLUMNS];
	char prefix[NX_FAMILY_LIMIT][NX_ADDRESS_TEXT];
	char strategy[NX_FAMILY_LIMIT][NX_TEXT_LIMIT + 1];
	size_t count;
};

static void pool_fill(struct pools *pools, const struct nx_family *family, const struct nx_prefix *prefix,
		      const char *strategy, const struct nx_pool_figures *figures)
{
	size_t place = pools->count++;
	struct nx_value *values = pools->values[place];

	snprintf(pools->strategy[place], sizeof(pools->strategy[place]), "%s", strategy);
	values[POOL_FAMILY] = NX_TEXT(family->key);
	values[POOL_PREFIX] = NX_TEXT(nx_prefix_format(prefix, pools->prefix[place]));
	values[POOL_STRATEGY] = NX_TEXT(pools->strategy[place]);
	values[POOL_CAPACITY] = count_of(figures->capacity);
	values[POOL_TAKEN] = NX_INT((int64_t)figures->taken);
	values[POOL_QUARANTINED] = NX_INT((int64_t)figures->quarantined);
	values[POOL_RESERVED] = count_of(figures->reserved);
	values[POOL_FREE] = count_of(figures->free);
	pools->record[place] = values;
}

static enum nx_status pool_show(struct pools *pools, const struct nx_family *family, struct nx_tx *tx,
				const struct nx_value *organization, struct nx_error *error)
{
	struct nx_pool_figures figures = {0};
	struct nx_prefix prefix;
	enum nx_status status;

	if (!nx_prefix_parse(organization[family->organization_prefix].text, &prefix))
		return NX_OK; /* none yet: the family is arriving */
	status = nx_pool_figures(tx, family, organization, &prefix, &figures, error);
	if (status == NX_OK)
		pool_fill(pools, family, &prefix, nx_strategy_name(family, organization), &figures);
	return status;
}

static enum nx_status pools_prepare(struct nx_request *request, struct nx_tx *tx, struct nx_list *list,
				    struct nx_error *error)
{
	const struct nx_fields *fields = nx_request_server(request)->fields;
	struct pools *pools = nx_request_alloc(request, sizeof(*pools));
	NX_AUTO_FREE struct nx_value *organization = NULL;
	enum nx_status status =
		nx_organization_find(fields, tx, nx_request_principal(request),
				     nx_request_param(request, "organization"), &organization, error);

	for (size_t i = 0; status == NX_OK && i < fields->family_count; i++)
		status = pool_show(pools, &fields->family[i], tx, organization, error);
	list->records = pools->record;
	list->record_count = pools->count;
	return status;
}

void nx_organization_pools(struct nx_request *request)
{
	nx_list_serve(request, &pool_columns, pools_prepare);
}
