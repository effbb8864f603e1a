/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Every prefix of an organization, whatever families the server has loaded. */
static void prefixes_render(const struct nx_json *row, struct nx_buffer *into)
{
	for (const struct nx_json *value = nx_json_first(row); value; value = nx_json_next(value)) {
		const char *name = nx_json_name(value), *text = nx_json_string(value);

		if (!name || strncmp(name, "cidr", 4) != 0 || !text || !*text)
			continue;
		if (into->length)
			nx_buffer_text(into, ", ");
		cli_render_value(value, into);
	}
}

/* The strategies that it names, family by family in the order of the prefixes. */
static void strategies_render(const struct nx_json *row, struct nx_buffer *into)
{
	for (const struct nx_json *value = nx_json_first(row); value; value = nx_json_next(value)) {
		const char *name = nx_json_name(value), *text = nx_json_string(value);

		if (!name || strncmp(name, "strategy", 8) != 0 || !text)
			continue;
		if (into->length)
			nx_buffer_text(into, ", ");
		cli_render_text(*text ? text : "default", into);
	}
}

static const struct cli_column columns[] = {
	{"ORGANIZATION ID", "id", NULL},     {"NAME", "name", NULL},
	{"PREFIXES", NULL, prefixes_render}, {"STRATEGIES", NULL, strategies_render},
	{"RELAY", "hub_zone", NULL},	     {"DESCRIPTION", "description", NULL},
};

static const struct cli_column user_columns[] = {
	{"USER ID", "id", NULL},
	{"USERNAME", "username", NULL},
};

char *cli_organization_choose(struct cli *cli)
{
	NX_AUTO_JSON struct nx_json *list = NULL;
	const char *named = cli_value(cli, "organization"), *only;

	if (named)
		return nx_strdup(named);
	if (!cli_call(cli, "GET", "/api/organizations", NULL, &list))
		return NULL;
	if (nx_json_length(list) != 1) {
		fprintf(stderr,
			"nexctl: you belong to %s organization: say which with --organization ID\n"
			"(nexctl organization list shows them)\n",
			nx_json_length(list) ? "more than one" : "no");
		return NULL;
	}
	only = nx_json_member_string(nx_json_element(list, 0), "id", "");
	if (cli_id_check(only))
		return nx_strdup(only);
	fputs("nexctl: the server named your organization without an id\n", stderr);
	return NULL;
}

static int organization_list(struct cli *cli)
{
	return cli_show(cli, "GET", "/api/organizations", NULL, columns, NX_COUNT(columns));
}

static int organization_show(struct cli *cli)
{
	NX_AUTO_FREE char *path = cli_path("/api/organizations/%s", cli->operands[0]);

	return cli_show(cli, "GET", path, NULL, columns, NX_COUNT(columns));
}

static int organization_delete(struct cli *cli)
{
	NX_AUTO_FREE char *path = cli_path("/api/organizations/%s", cli->operands[0]);

	return cli_show(cli, "DELETE", path, NULL, columns, NX_COUNT(columns));
}

static int organization_users(struct cli *cli)
{
	NX_AUTO_FREE char *path = cli_path("/api/organizations/%s/users", cli->operands[0]);

	return cli_show(cli, "GET", path, NULL, user_columns, NX_COUNT(user_columns));
}

static int organization_create(struct cli *cli)
{
	NX_AUTO_JSON struct nx_json *body = nx_json_object();

	nx_json_put_string(body, "name", cli_value(cli, "name"));
	if (cli_value(cli, "description"))
		nx_json_put_string(body, "description", cli_value(cli, "description"));
	if (!cli_put_prefixes(cli, body))
		return CLI_USAGE;
	nx_json_put_boolean(body, "hub_zone", cli_value(cli, "hub-zone") != NULL);
	return cli_show(cli, "POST", "/api/organizations", body, columns, NX_COUNT(columns));
}

static int organization_update(struct cli *cli)
{
	static const char *const texts[] = {"name", "description"};
	NX_AUTO_FREE char *path = cli_path("/api/organizations/%s", cli->operands[0]);
	NX_AUTO_JSON struct nx_json *body = nx_json_object();

	for (size_t i = 0; i < NX_COUNT(texts); i++) {
		if (cli_value(cli, texts[i]))
			nx_json_put_string(body, texts[i], cli_value(cli, texts[i]));
	}
	if (cli_value(cli, "strategy") &&
	    !cli_put_by_family_name(body, "strategy", cli_value(cli, "strategy")))
		return CLI_USAGE;
	if (!nx_json_first(body))
		return cli_usage(cli, "nothing to change: give --name, --description or --strategy");
	return cli_show(cli, "PATCH", path, body, columns, NX_COUNT(columns));
}

static const struct cli_option create_options[] = {
	{"name", "NAME", "its name; no other organization may have it", true},
	{"description", "TEXT", "what it is for", false},
	{"cidr", "PREFIXES", "its prefixes, either family or both, separated by a comma", false},
	{"cidr-v6", "PREFIX", "its IPv6 prefix, under the API's own name", false},
	{"strategy", "NAMES", "how its devices get addresses: NAME, or ipv4=NAME,ipv6=NAME", false},
	{"hub-zone", NULL, "it has a relay", false},
};

static const struct cli_option update_options[] = {
	{"name", "NAME", "its name; no other organization may have it", false},
	{"description", "TEXT", "what it is for", false},
	{"strategy", "NAMES",
	 "how devices that come from now on get addresses: as with create; \"\": the server's", false},
};

static const struct cli_option renumber_options[] = {
	{"organization", "ID", "which organization; not needed when you have only one", false},
	{"cidr", "PREFIX", "start, --dry-run: the new prefix, of either family", false},
	{"cidr-v6", "PREFIX", "start, --dry-run: the new IPv6 prefix, under the API's own name", false},
	{"strategy", "NAMES", "start, --dry-run: give all addresses anew: ipv4=NAME or ipv6=NAME", false},
	{"dry-run", NULL, "only say what would become of whom, and what speaks against it", false},
	{"grace", "TIME", "commit: how long old addresses stay good (default 1h; 0: until all know)", false},
	{"force", NULL, "commit: even if devices that are online have not taken up the new addresses", false},
	{"timeout", "SECONDS", "how long to wait for the devices (default 60; 0: not at all)", false},
};

const struct cli_verb cli_organization_verbs[] = {
	{"organization", "list", {0}, "the organizations you belong to", NULL, 0, organization_list},
	{"organization", "show", {"ORGANIZATION"}, "one organization", NULL, 0, organization_show},
	{"organization",
	 "create",
	 {0},
	 "make an organization",
	 CLI_OPTIONS(create_options),
	 organization_create},
	{"organization",
	 "update",
	 {"ORGANIZATION"},
	 "change an organization",
	 CLI_OPTIONS(update_options),
	 organization_update},
	{"organization",
	 "renumber",
	 {"[ACTION]"},
	 "move to another prefix: start, status, commit, rollback",
	 CLI_OPTIONS(renumber_options),
	 cli_organization_renumber},
	{"organization",
	 "delete",
	 {"ORGANIZATION"},
	 "delete an organization and all it holds",
	 NULL,
	 0,
	 organization_delete},
	{"organization", "users", {"ORGANIZATION"}, "who belongs to it", NULL, 0, organization_users},
	{0},
};
