/* SPDX-License-Identifier: Apache-2.0 */
/* nexctl ipam check: do leases, devices, prefixes and reservations agree? */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

static void state_render(const struct nx_json *row, struct nx_buffer *into)
{
	nx_buffer_text(into, nx_json_member_boolean(row, "repaired", false) ? "repaired" : "open");
}

static const struct cli_column columns[] = {
	{"ORGANIZATION ID", "organization_id", NULL},
	{"ADDRESS", "address", NULL},
	{"STATE", NULL, state_render},
	{"FINDING", "finding", NULL},
	{"REPAIR", "remedy", NULL},
};

static char *path_choose(struct cli *cli)
{
	NX_AUTO_FREE char *organization = NULL;

	if (cli_value(cli, "all"))
		return nx_strdup("/api/ipam-check");
	organization = cli_organization_choose(cli);
	return organization ? cli_path("/api/organizations/%s/ipam-check", organization) : NULL;
}

static void findings_print(const struct cli *cli, const struct nx_json *answer)
{
	const struct nx_json *findings = nx_json_member(answer, "findings");

	if (cli->output == CLI_JSON || cli->output == CLI_JSON_RAW)
		cli_print(cli, answer, NULL, 0);
	else if (findings && nx_json_length(findings))
		cli_print(cli, findings, columns, NX_COUNT(columns));
	else if (cli->output == CLI_COLUMN)
		puts("Leases, devices, prefixes and reservations agree.");
}

/* Is there a finding that was not mended? An answer without findings says nothing, so that is one. */
static bool problems_left(const struct nx_json *answer)
{
	const struct nx_json *findings = nx_json_member(answer, "findings");

	if (!findings)
		return true;
	for (size_t i = 0; i < nx_json_length(findings); i++) {
		if (!nx_json_member_boolean(nx_json_element(findings, i), "repaired", false))
			return true;
	}
	return false;
}

int cli_ipam_check(struct cli *cli)
{
	NX_AUTO_JSON struct nx_json *body = nx_json_object();
	NX_AUTO_JSON struct nx_json *answer = NULL;
	NX_AUTO_FREE char *path = NULL;

	if (cli_value(cli, "all") && cli_value(cli, "organization"))
		return cli_usage(cli, "only one of --all and --organization can be given");
	path = path_choose(cli);
	nx_json_put_boolean(body, "repair", cli_value(cli, "repair") != NULL);
	if (!path || !cli_call(cli, "POST", path, body, &answer))
		return CLI_FAILED;
	findings_print(cli, answer);
	return problems_left(answer) ? CLI_PROBLEM : CLI_OK;
}
