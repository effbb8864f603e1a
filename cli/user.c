/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>

#include "base/memory.h"

static const struct cli_column columns[] = {
	{"USER ID", "id", NULL},
	{"USERNAME", "username", NULL},
};

static int user_list(struct cli *cli)
{
	return cli_show(cli, "GET", "/api/users", NULL, columns, NX_COUNT(columns));
}

static int user_show(struct cli *cli)
{
	NX_AUTO_FREE char *path = cli_path("/api/users/%s", cli->operands[0]);

	return cli_show(cli, "GET", path, NULL, columns, NX_COUNT(columns));
}

static int user_delete(struct cli *cli)
{
	NX_AUTO_FREE char *path = cli_path("/api/users/%s", cli->operands[0]);

	return cli_show(cli, "DELETE", path, NULL, columns, NX_COUNT(columns));
}

static int user_leave(struct cli *cli)
{
	NX_AUTO_FREE char *path =
		cli_path("/api/users/%s/organizations/%s", cli->operands[0], cli->operands[1]);

	return cli_show(cli, "DELETE", path, NULL, columns, NX_COUNT(columns));
}

/* A new password, put into the body; never from the command line. */
static bool password_put(const char *file, struct nx_json *body)
{
	char *password = cli_password_choose(file);

	if (!password)
		return false;
	if (!cli_text_check(password)) {
		fputs("nexctl: the new password is no UTF-8 text\n", stderr);
		cli_password_forget(password);
		return false;
	}
	nx_json_put_string(body, "password", password);
	cli_password_forget(password);
	return true;
}

static int user_create(struct cli *cli)
{
	NX_AUTO_JSON struct nx_json *body = nx_json_object();

	nx_json_put_string(body, "username", cli_value(cli, "name"));
	if (!password_put(cli_value(cli, "new-password-file"), body))
		return CLI_FAILED;
	if (cli_value(cli, "administrator"))
		nx_json_put_boolean(body, "administrator", true);
	return cli_show(cli, "POST", "/api/users", body, columns, NX_COUNT(columns));
}

static int user_password(struct cli *cli)
{
	NX_AUTO_JSON struct nx_json *body = nx_json_object();
	NX_AUTO_FREE char *path = cli_path("/api/users/%s/password", cli->operands[0]);

	if (!password_put(cli_value(cli, "new-password-file"), body))
		return CLI_FAILED;
	return cli_show(cli, "POST", path, body, columns, NX_COUNT(columns));
}

static const struct cli_option create_options[] = {
	{"name", "NAME", "the user's name", true},
	{"new-password-file", "FILE", "a file whose first line is the password; - asks", true},
	{"administrator", NULL, "may manage users", false},
};

static const struct cli_option password_options[] = {
	{"new-password-file", "FILE", "a file whose first line is the password; - asks", true},
};

const struct cli_verb cli_user_verbs[] = {
	{"user", "list", {0}, "the users you may see", NULL, 0, user_list},
	{"user", "show", {"USER"}, "one user; 'me' is you", NULL, 0, user_show},
	{"user", "create", {0}, "make a user (administrators)", CLI_OPTIONS(create_options), user_create},
	{"user", "password", {"USER"}, "set a password", CLI_OPTIONS(password_options), user_password},
	{"user",
	 "leave",
	 {"USER", "ORGANIZATION"},
	 "take a user out of an organization",
	 NULL,
	 0,
	 user_leave},
	{"user", "delete", {"USER"}, "delete a user", NULL, 0, user_delete},
	{0},
};
