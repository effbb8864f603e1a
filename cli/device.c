/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static void addresses_render(const struct nx_json *row, struct nx_buffer *into)
{
	cli_render_list(row, "allowed_ips", into);
}

static void advertised_render(const struct nx_json *row, struct nx_buffer *into)
{
	cli_render_list(row, "child_prefix", into);
}

static const struct cli_column columns[] = {
	{"DEVICE ID", "id", NULL},
	{"HOSTNAME", "hostname", NULL},
	{"ADDRESSES", NULL, addresses_render},
	{"ADVERTISES", NULL, advertised_render},
	{"RELAY", "relay", NULL},
	{"SYMMETRIC NAT", "symmetric_nat", NULL},
	{"ONLINE", "online", NULL},
	{"ORGANIZATION ID", "organization_id", NULL},
};

static int device_list(struct cli *cli)
{
	const char *organization = cli_value(cli, "organization");
	NX_AUTO_FREE char *path = organization ? cli_path("/api/organizations/%s/devices", organization)
					       : nx_strdup("/api/devices");

	return cli_show(cli, "GET", path, NULL, columns, NX_COUNT(columns));
}

static int device_show(struct cli *cli)
{
	NX_AUTO_FREE char *path = cli_path("/api/devices/%s", cli->operands[0]);

	return cli_show(cli, "GET", path, NULL, columns, NX_COUNT(columns));
}

static int device_delete(struct cli *cli)
{
	NX_AUTO_FREE char *path = cli_path("/api/devices/%s", cli->operands[0]);

	return cli_show(cli, "DELETE", path, NULL, columns, NX_COUNT(columns));
}

static struct nx_json *list_make(const char *text)
{
	NX_AUTO_FREE char *copy = nx_strdup(text);
	struct nx_json *list = nx_json_array();
	char *rest = copy;

	for (char *word = strsep(&rest, ", "); word; word = strsep(&rest, ", "))
		if (*word)
			nx_json_add_string(list, word);
	return list;
}

static int device_update(struct cli *cli)
{
	NX_AUTO_JSON struct nx_json *body = nx_json_object();
	NX_AUTO_FREE char *path = cli_path("/api/devices/%s", cli->operands[0]);
	const char *hostname = cli_value(cli, "hostname"), *organization = cli_value(cli, "organization");
	const char *advertise = cli_value(cli, "advertise-cidr");

	if (hostname)
		nx_json_put_string(body, "hostname", hostname);
	if (organization)
		nx_json_put_string(body, "organization_id", organization);
	if (advertise)
		nx_json_put(body, "child_prefix", list_make(advertise));
	if (!nx_json_first(body))
		return cli_usage(cli, "nothing is to be changed");
	return cli_show(cli, "PATCH", path, body, columns, NX_COUNT(columns));
}

static const struct cli_option list_options[] = {
	{"organization", "ID", "all devices of this organization, not only yours", false},
};

static const struct cli_option update_options[] = {
	{"hostname", "NAME", "its host name", false},
	{"organization", "ID", "move it to this organization (it gets new addresses)", false},
	{"advertise-cidr", "PREFIXES", "the prefixes behind it, separated by a comma; '' for none", false},
};

const struct cli_verb cli_device_verbs[] = {
	{"device", "list", {0}, "your devices", CLI_OPTIONS(list_options), device_list},
	{"device", "show", {"DEVICE"}, "one device", NULL, 0, device_show},
	{"device", "update", {"DEVICE"}, "change a device", CLI_OPTIONS(update_options), device_update},
	{"device",
	 "delete",
	 {"DEVICE"},
	 "delete a device; its addresses are free again",
	 NULL,
	 0,
	 device_delete},
	{0},
};
