/* SPDX-License-Identifier: Apache-2.0 */
/* nexctl ipam reserve, release, reservations, quarantine: what is kept of an organization's addresses. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"

static void range_render(const struct nx_json *row, struct nx_buffer *into)
{
	const char *first = nx_json_member_string(row, "first", ""),
		   *last = nx_json_member_string(row, "last", "");

	cli_render_text(first, into);
	if (strcmp(first, last) == 0)
		return;
	nx_buffer_text(into, "-");
	cli_render_text(last, into);
}

/* The device that an address is for; nothing for a range. */
static void device_render(const struct nx_json *row, struct nx_buffer *into)
{
	cli_render_text(nx_json_member_string(row, "public_key", ""), into);
	cli_render_text(nx_json_member_string(row, "hostname", ""), into);
}

static const struct cli_column columns[] = {
	{"RESERVATION ID", "id", NULL},	      {"KIND", "kind", NULL},
	{"ADDRESSES", NULL, range_render},    {"FOR", NULL, device_render},
	{"DESCRIPTION", "description", NULL},
};

static const struct cli_column quarantine_columns[] = {
	{"ADDRESS", "address", NULL},
	{"FAMILY", "family", NULL},
	{"UNTIL", "until", NULL},
	{"PUBLIC KEY", "public_key", NULL},
};

static int list_show(struct cli *cli, const char *format, const struct cli_column *shown, size_t count)
{
	NX_AUTO_FREE char *organization = cli_organization_choose(cli);
	NX_AUTO_FREE char *path = NULL;

	if (!organization)
		return CLI_FAILED;
	path = cli_path(format, organization);
	return cli_show(cli, "GET", path, NULL, shown, count);
}

int cli_ipam_reservations(struct cli *cli)
{
	return list_show(cli, "/api/organizations/%s/reservations", columns, NX_COUNT(columns));
}

int cli_ipam_quarantine(struct cli *cli)
{
	return list_show(cli, "/api/organizations/%s/quarantine", quarantine_columns,
			 NX_COUNT(quarantine_columns));
}

int cli_ipam_reserve(struct cli *cli)
{
	NX_AUTO_JSON struct nx_json *body = nx_json_object();
	NX_AUTO_FREE char *organization = NULL, *path = NULL;
	const char *key = cli_value(cli, "for-key"), *host = cli_value(cli, "for-host");
	const bool allocation = cli_value(cli, "allocation") != NULL;

	if ((key != NULL) + (host != NULL) + allocation > 1)
		return cli_usage(cli, "only one of --for-key, --for-host and --allocation can be given");
	nx_json_put_string(body, "range", cli->operands[0]);
	nx_json_put_string(body, "kind", allocation ? "allocation" : key || host ? "static" : "reserved");
	if (key)
		nx_json_put_string(body, "public_key", key);
	if (host)
		nx_json_put_string(body, "hostname", host);
	if (cli_value(cli, "description"))
		nx_json_put_string(body, "description", cli_value(cli, "description"));
	organization = cli_organization_choose(cli);
	if (!organization)
		return CLI_FAILED;
	path = cli_path("/api/organizations/%s/reservations", organization);
	return cli_show(cli, "POST", path, body, columns, NX_COUNT(columns));
}

/* --- releasing --------------------------------------------------------------------------------- */

static int reservation_delete(struct cli *cli, const char *organization, const char *id)
{
	NX_AUTO_FREE char *path = cli_path("/api/organizations/%s/reservations/%s", organization, id);

	return cli_show(cli, "DELETE", path, NULL, columns, NX_COUNT(columns));
}

/* "FIRST-LAST" or an address as the server writes them; false: it is neither. */
static bool addresses_read(const char *text, char first[static NX_ADDRESS_TEXT],
			   char last[static NX_ADDRESS_TEXT])
{
	NX_AUTO_FREE char *copy = nx_strdup(text);
	char *dash = strchr(copy, '-');
	struct nx_address from, to;

	if (dash)
		*dash = '\0';
	if (!nx_address_parse(copy, &from) || !nx_address_parse(dash ? dash + 1 : copy, &to))
		return false;
	nx_address_format(&from, first);
	nx_address_format(&to, last);
	return true;
}

/* The only row whose addresses are these; NULL: none. *several says that there are more. */
static const struct nx_json *row_find(const struct nx_json *list, const char *first, const char *last,
				      bool *several)
{
	const struct nx_json *found = NULL;

	*several = false;
	for (size_t i = 0; i < nx_json_length(list); i++) {
		const struct nx_json *row = nx_json_element(list, i);
		const char *address = nx_json_member_string(row, "address", "");

		if (strcmp(nx_json_member_string(row, "first", address), first) != 0 ||
		    strcmp(nx_json_member_string(row, "last", address), last) != 0)
			continue;
		*several = found != NULL;
		found = row;
		if (*several)
			break;
	}
	return found;
}

static int quarantine_end(struct cli *cli, const char *organization, const char *first, const char *last)
{
	NX_AUTO_JSON struct nx_json *list = NULL;
	NX_AUTO_FREE char *path = cli_path("/api/organizations/%s/quarantine", organization);
	NX_AUTO_FREE char *place = cli_path("/api/organizations/%s/quarantine/%s", organization, first);
	bool several;

	if (!cli_call(cli, "GET", path, NULL, &list))
		return CLI_FAILED;
	if (row_find(list, first, last, &several))
		return cli_show(cli, "DELETE", place, NULL, quarantine_columns, NX_COUNT(quarantine_columns));
	fprintf(stderr,
		"nexctl: %s is neither reserved nor in quarantine\n"
		"(nexctl ipam reservations and nexctl ipam quarantine show what is)\n",
		cli->operands[0]);
	return CLI_FAILED;
}

static int addresses_release(struct cli *cli, const char *organization, const char *first, const char *last)
{
	NX_AUTO_JSON struct nx_json *list = NULL;
	NX_AUTO_FREE char *path = cli_path("/api/organizations/%s/reservations", organization);
	const struct nx_json *row;
	const char *id;
	bool several;

	if (!cli_call(cli, "GET", path, NULL, &list))
		return CLI_FAILED;
	row = row_find(list, first, last, &several);
	if (!row)
		return quarantine_end(cli, organization, first, last);
	id = nx_json_member_string(row, "id", "");
	if (!several && cli_id_check(id))
		return reservation_delete(cli, organization, id);
	fprintf(stderr, "nexctl: %s stands in more than one reservation: say the id of the one you mean\n",
		cli->operands[0]);
	return CLI_FAILED;
}

int cli_ipam_release(struct cli *cli)
{
	NX_AUTO_FREE char *organization = cli_organization_choose(cli);
	char first[NX_ADDRESS_TEXT], last[NX_ADDRESS_TEXT];

	if (!organization)
		return CLI_FAILED;
	if (addresses_read(cli->operands[0], first, last))
		return addresses_release(cli, organization, first, last);
	return reservation_delete(cli, organization, cli->operands[0]);
}
