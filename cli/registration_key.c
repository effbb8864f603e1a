/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

static const struct cli_column columns[] = {
	{"KEY ID", "id", NULL}, {"DESCRIPTION", "description", NULL}, {"SINGLE USE", "single_use", NULL},
	{"USES", "uses", NULL}, {"EXPIRES", "expiry", NULL},
};

/* The secret itself is shown once: when the key is made. */
static const struct cli_column created_columns[] = {
	{"KEY ID", "id", NULL},
	{"REGISTRATION KEY", "key", NULL},
	{"EXPIRES", "expiry", NULL},
};

static int key_list(struct cli *cli)
{
	NX_AUTO_FREE char *organization = cli_organization_choose(cli);
	NX_AUTO_FREE char *path = NULL;

	if (!organization)
		return CLI_FAILED;
	path = cli_path("/api/organizations/%s/registration-keys", organization);
	return cli_show(cli, "GET", path, NULL, columns, NX_COUNT(columns));
}

int64_t cli_duration_read(const char *text)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'\0', 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	char *end;
	long long number = strtoll(text, &end, 10);

	if (end == text || number <= 0 || number > 100000000)
		return -1;
	for (size_t i = 0; i < NX_COUNT(units); i++)
		if (*end == units[i].unit && (!*end || !end[1]))
			return number * units[i].seconds;
	return -1;
}

static int key_create(struct cli *cli)
{
	NX_AUTO_JSON struct nx_json *body = nx_json_object();
	const char *expires = cli_value(cli, "expires");
	int64_t seconds = expires ? cli_duration_read(expires) : 0;
	NX_AUTO_FREE char *organization = NULL;
	NX_AUTO_FREE char *path = NULL;

	if (seconds < 0)
		return cli_usage(cli, "--expires takes a time such as 12h or 7d, not '%s'", expires);
	organization = cli_organization_choose(cli);
	if (!organization)
		return CLI_FAILED;
	if (seconds)
		nx_json_put_integer(body, "expires_in", seconds);
	nx_json_put_boolean(body, "single_use", cli_value(cli, "single-use") != NULL);
	if (cli_value(cli, "description"))
		nx_json_put_string(body, "description", cli_value(cli, "description"));
	path = cli_path("/api/organizations/%s/registration-keys", organization);
	return cli_show(cli, "POST", path, body, created_columns, NX_COUNT(created_columns));
}

static int key_delete(struct cli *cli)
{
	NX_AUTO_FREE char *organization = cli_organization_choose(cli);
	NX_AUTO_FREE char *path = NULL;

	if (!organization)
		return CLI_FAILED;
	path = cli_path("/api/organizations/%s/registration-keys/%s", organization, cli->operands[0]);
	return cli_show(cli, "DELETE", path, NULL, columns, NX_COUNT(columns));
}

static const struct cli_option organization_options[] = {
	{"organization", "ID", "which organization; not needed when you have only one", false},
};

static const struct cli_option create_options[] = {
	{"organization", "ID", "which organization; not needed when you have only one", false},
	{"single-use", NULL, "the key enrols one device", false},
	{"expires", "TIME", "how long it is good for, such as 12h or 7d", false},
	{"description", "TEXT", "what it is for", false},
};

const struct cli_verb cli_registration_key_verbs[] = {
	{"reg-key", "list", {0}, "the registration keys", CLI_OPTIONS(organization_options), key_list},
	{"reg-key",
	 "create",
	 {0},
	 "make a key that enrols hosts; it is shown once",
	 CLI_OPTIONS(create_options),
	 key_create},
	{"reg-key",
	 "delete",
	 {"KEY"},
	 "revoke a key; hosts enrolled with it stay",
	 CLI_OPTIONS(organization_options),
	 key_delete},
	{0},
};
