/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of an organization: how many are left, and who has which. */
#include "cli/cli.h"

#include <stdlib.h>

#include "base/memory.h"

/* A number, or null where it is more than the server counts. */
static void count_render(const struct nx_json *row, const char *member, struct nx_buffer *into)
{
	const struct nx_json *value = nx_json_member(row, member);

	if (value && nx_json_type(value) == NX_JSON_NULL)
		nx_buffer_text(into, "over 2^53");
	else
		cli_render_value(value, into);
}

static void capacity_render(const struct nx_json *row, struct nx_buffer *into)
{
	count_render(row, "capacity", into);
}

static void reserved_render(const struct nx_json *row, struct nx_buffer *into)
{
	count_render(row, "reserved", into);
}

static void free_render(const struct nx_json *row, struct nx_buffer *into)
{
	count_render(row, "free", into);
}

static const struct cli_column pool_columns[] = {
	{"FAMILY", "family", NULL},
	{"PREFIX", "prefix", NULL},
	{"STRATEGY", "strategy", NULL},
	{"CAPACITY", NULL, capacity_render},
	{"TAKEN", "taken", NULL},
	{"QUARANTINED", "quarantined", NULL},
	{"RESERVED", NULL, reserved_render},
	{"FREE", NULL, free_render},
};

static const struct cli_column lease_columns[] = {
	{"ADDRESS", "address", NULL},	{"FAMILY", "family", NULL},	    {"DEVICE ID", "device_id", NULL},
	{"HOSTNAME", "hostname", NULL}, {"PUBLIC KEY", "public_key", NULL},
};

static int list_show(struct cli *cli, const char *format, const struct cli_column *columns, size_t count)
{
	NX_AUTO_FREE char *organization = cli_organization_choose(cli);
	NX_AUTO_FREE char *path = NULL;

	if (!organization)
		return CLI_FAILED;
	path = cli_path(format, organization);
	return cli_show(cli, "GET", path, NULL, columns, count);
}

static int ipam_pools(struct cli *cli)
{
	return list_show(cli, "/api/organizations/%s/pools", pool_columns, NX_COUNT(pool_columns));
}

static int ipam_leases(struct cli *cli)
{
	return list_show(cli, "/api/organizations/%s/leases", lease_columns, NX_COUNT(lease_columns));
}

#define ORGANIZATION                                                                                         \
	{                                                                                                    \
		"organization", "ID", "which organization; not needed when you have only one", false         \
	}

static const struct cli_option options[] = {ORGANIZATION};

static const struct cli_option reserve_options[] = {
	ORGANIZATION,
	{"for-key", "KEY", "keep the address for the device with this public key", false},
	{"for-host", "NAME", "keep the address for the device with this host name", false},
	{"allocation", NULL, "give devices that ask for no address one of these ranges only", false},
	{"description", "TEXT", "what it is for", false},
};

static const struct cli_option check_options[] = {
	ORGANIZATION,
	{"all", NULL, "all organizations of the server; for administrators", false},
	{"repair", NULL, "mend what can be mended", false},
};

const struct cli_verb cli_ipam_verbs[] = {
	{"ipam", "pools", {0}, "how full an organization's prefixes are", CLI_OPTIONS(options), ipam_pools},
	{"ipam", "leases", {0}, "which device has which address", CLI_OPTIONS(options), ipam_leases},
	{"ipam",
	 "reservations",
	 {0},
	 "what is reserved, and for whom",
	 CLI_OPTIONS(options),
	 cli_ipam_reservations},
	{"ipam",
	 "reserve",
	 {"ADDRESSES"},
	 "reserve ADDRESS, FIRST-LAST or PREFIX; nobody gets it but for whom it is kept",
	 CLI_OPTIONS(reserve_options),
	 cli_ipam_reserve},
	{"ipam",
	 "release",
	 {"RESERVATION"},
	 "end a reservation, by its id or its addresses, or an address's quarantine",
	 CLI_OPTIONS(options),
	 cli_ipam_release},
	{"ipam",
	 "quarantine",
	 {0},
	 "addresses of deleted devices that nobody else gets yet",
	 CLI_OPTIONS(options),
	 cli_ipam_quarantine},
	{"ipam",
	 "check",
	 {0},
	 "whether leases, devices, prefixes and reservations agree",
	 CLI_OPTIONS(check_options),
	 cli_ipam_check},
	{0},
};
