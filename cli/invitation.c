/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include "base/memory.h"

static const struct cli_column columns[] = {
	{"INVITATION ID", "id", NULL},
	{"USER ID", "user_id", NULL},
	{"ORGANIZATION ID", "organization_id", NULL},
	{"EXPIRES", "expiry", NULL},
};

static int invitation_list(struct cli *cli)
{
	return cli_show(cli, "GET", "/api/invitations", NULL, columns, NX_COUNT(columns));
}

static int invitation_create(struct cli *cli)
{
	NX_AUTO_JSON struct nx_json *body = nx_json_object();

	nx_json_put_string(body, "user_id", cli_value(cli, "user"));
	nx_json_put_string(body, "organization_id", cli_value(cli, "organization"));
	return cli_show(cli, "POST", "/api/invitations", body, columns, NX_COUNT(columns));
}

static int invitation_accept(struct cli *cli)
{
	NX_AUTO_FREE char *path = cli_path("/api/invitations/%s/accept", cli->operands[0]);

	return cli_show(cli, "POST", path, NULL, columns, NX_COUNT(columns));
}

static int invitation_delete(struct cli *cli)
{
	NX_AUTO_FREE char *path = cli_path("/api/invitations/%s", cli->operands[0]);

	return cli_show(cli, "DELETE", path, NULL, columns, NX_COUNT(columns));
}

static const struct cli_option create_options[] = {
	{"user", "ID", "whom to invite", true},
	{"organization", "ID", "where to", true},
};

const struct cli_verb cli_invitation_verbs[] = {
	{"invitation", "list", {0}, "invitations to you and from you", NULL, 0, invitation_list},
	{"invitation", "create", {0}, "invite a user", CLI_OPTIONS(create_options), invitation_create},
	{"invitation", "accept", {"INVITATION"}, "join the organization", NULL, 0, invitation_accept},
	{"invitation", "delete", {"INVITATION"}, "take back or decline", NULL, 0, invitation_delete},
	{0},
};
