/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong on this host: what nexd says of itself when it runs, and what a nexd that is
 * started for nothing else (`nexd --doctor`) finds out, since it alone can load the plugins.
 */
#include "cli/cli.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

#define FINDINGS_LIMIT (1u << 20)

static void finding_add(struct nx_json *findings, const char *check, const char *verdict, const char *what,
			const char *remedy)
{
	struct nx_json *item = nx_json_object();

	nx_json_put_string(item, "check", check);
	nx_json_put_string(item, "verdict", verdict);
	nx_json_put_string(item, "what", what);
	nx_json_put_string(item, "remedy", remedy);
	nx_json_add(findings, item);
}

/* --- what the running nexd says ------------------------------------------------------------ */

static void silence_tell(int number, struct nx_json *findings)
{
	if (number == EACCES || number == EPERM)
		finding_add(findings, "nexd", "unknown", "nexd may not be asked by this user",
			    "Ask as root or as a member of the group nexctl.");
	else if (number == ENOENT || number == ECONNREFUSED)
		finding_add(
			findings, "nexd", "problem", "nexd is not running",
			"Start it (systemctl start nexd); if it ends at once, journalctl -u nexd says why.");
	else
		finding_add(findings, "nexd", "problem", "nexd does not answer at its control socket",
			    "Start it anew (systemctl restart nexd), and check --socket.");
}

static void version_tell(const char *version, struct nx_json *findings)
{
	NX_AUTO_FREE char *what =
		nx_printf("nexd is version %s, and nexctl is version " NEXODUS_VERSION, version);

	if (strcmp(version, NEXODUS_VERSION) == 0)
		finding_add(findings, "version", "ok", "nexd and nexctl are of one version", "");
	else
		finding_add(findings, "version", "warning", what,
			    "Upgrade both, and start nexd anew (systemctl restart nexd).");
}

/* Is every family's mapping that is known symmetric, and at least one known? */
static bool nat_symmetric(const struct nx_json *families, bool *known)
{
	bool symmetric = false;

	*known = false;
	for (size_t i = 0; i < nx_json_length(families); i++) {
		const char *mapping =
			nx_json_member_string(nx_json_element(families, i), "mapping", "unknown");

		if (strcmp(mapping, "unknown") == 0)
			continue;
		*known = true;
		if (strcmp(mapping, "symmetric") != 0)
			return false;
		symmetric = true;
	}
	return symmetric;
}

/* How the outside sees a host counts for more where it is a relay, and less where it is reached through one.
 */
static bool role_tell(const struct nx_json *status, bool symmetric, struct nx_json *findings)
{
	if (nx_json_member_boolean(status, "relay", false) && symmetric) {
		finding_add(findings, "nat", "warning",
			    "this host is a relay, but behind a symmetric NAT, where others cannot find it",
			    "Run nexd with --relay-node on a host that everybody can reach, unless this NAT "
			    "forwards the tunnel's port and --local-endpoint-ip tells the outer one.");
		return true;
	}
	if (!nx_json_member_boolean(status, "spoke", false) || symmetric ||
	    *nx_json_member_string(status, "relay_peer", ""))
		return false;
	finding_add(findings, "nat", "problem",
		    "this host is to be reached through a relay only, and its organization has no relay",
		    "Run nexd with --relay-node on a host that everybody can reach, or this one without "
		    "--relay-only.");
	return true;
}

static void nat_tell(const struct nx_json *status, struct nx_json *findings)
{
	bool known, symmetric = nat_symmetric(nx_json_member(status, "families"), &known);

	if (role_tell(status, symmetric, findings))
		return;
	if (!known)
		finding_add(findings, "nat", "unknown", "how the outside sees this host is not known", "");
	else if (!symmetric)
		finding_add(findings, "nat", "ok",
			    "other hosts can reach this one through its NAT, if it has one", "");
	else if (*nx_json_member_string(status, "relay_peer", ""))
		finding_add(findings, "nat", "ok", "this host is behind a symmetric NAT, and uses a relay",
			    "");
	else
		finding_add(findings, "nat", "problem",
			    "this host is behind a symmetric NAT, and its organization has no relay",
			    "Run nexd with --relay-node on a host that everybody can reach.");
}

static void connection_tell(const struct nx_json *status, struct nx_json *findings)
{
	const char *reason = nx_json_member_string(status, "last_error", "");
	NX_AUTO_FREE char *what =
		nx_printf("nexd is not in touch with the service%s%s", *reason ? ": " : "", reason);

	if (nx_json_member_boolean(status, "connected", false))
		finding_add(findings, "nexd", "ok", "nexd runs, and follows the service", "");
	else
		finding_add(findings, "nexd", "warning", what, "See the check of the service.");
}

static void agent_examine(const struct nx_json *status, int number, struct nx_json *findings)
{
	if (!status) {
		silence_tell(number, findings);
		finding_add(findings, "nat", "unknown",
			    "only a running nexd knows how the outside sees this host", "");
		return;
	}
	connection_tell(status, findings);
	version_tell(nx_json_member_string(status, "version", "unknown"), findings);
	nat_tell(status, findings);
}

/* --- what a nexd finds out that is started for it ------------------------------------------- */

static const char *program_path(const struct cli *cli)
{
	const char *path = cli_value(cli, "nexd");

	return path ? path : NEXODUS_NEXD;
}

static bool program_start(const char *path, const char *const *arguments, int *output, pid_t *pid)
{
	/* posix_spawn() promises not to write to what it points to. */
	union {
		const char *const *in;
		char *const *out;
	} argv = {.in = arguments};
	posix_spawn_file_actions_t actions;
	int ends[2];

	if (pipe(ends) != 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	posix_spawn_file_actions_addclose(&actions, ends[1]);
	bool started = posix_spawn(pid, path, &actions, NULL, argv.out, environ) == 0;
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (started)
		*output = ends[0];
	else
		close(ends[0]);
	return started;
}

static void output_read(int descriptor, struct nx_buffer *into)
{
	char chunk[4096];
	ssize_t got;

	while ((got = read(descriptor, chunk, sizeof(chunk))) > 0 && into->length < FINDINGS_LIMIT)
		nx_buffer_append(into, chunk, (size_t)got);
}

/* The findings as a list; NULL when there are none to be had. */
static struct nx_json *program_ask(const char *path, const struct nx_json *status)
{
	NX_AUTO_FREE char *url =
		nx_printf("--service-url=%s", nx_json_member_string(status, "service_url", ""));
	NX_AUTO_FREE char *interface =
		nx_printf("--interface=%s", nx_json_member_string(status, "interface", ""));
	/* What the running one was told on its command line stands in no file. */
	const char *const running[] = {path, "--doctor", url, interface, NULL};
	const char *const alone[] = {path, "--doctor", NULL};
	struct nx_buffer text = {0};
	struct nx_json *findings = NULL;
	int output;
	pid_t pid;

	if (!program_start(path, status ? running : alone, &output, &pid))
		return NULL;
	output_read(output, &text);
	close(output);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (text.length)
		nx_json_parse(text.data, text.length, &findings, NULL);
	nx_buffer_free(&text);
	return findings;
}

static void host_examine(const char *path, const struct nx_json *status, struct nx_json *findings)
{
	NX_AUTO_JSON struct nx_json *found = program_ask(path, status);
	NX_AUTO_FREE char *what = nx_printf("%s --doctor gives no answer", path);

	if (!found || nx_json_type(found) != NX_JSON_ARRAY) {
		finding_add(findings, "host", "unknown", what,
			    "Install nexd, or say where it is with --nexd.");
		return;
	}
	for (const struct nx_json *item = nx_json_first(found); item; item = nx_json_next(item))
		nx_json_add(findings, nx_json_duplicate(item));
}

/* --- the verdict ------------------------------------------------------------------------------ */

static int findings_judge(const struct nx_json *findings)
{
	int worst = CLI_OK;

	for (const struct nx_json *item = nx_json_first(findings); item; item = nx_json_next(item)) {
		const char *verdict = nx_json_member_string(item, "verdict", "");

		if (strcmp(verdict, "problem") == 0)
			return CLI_PROBLEM;
		if (strcmp(verdict, "warning") == 0)
			worst = CLI_WARNING;
	}
	return worst;
}

static void finding_print(const struct nx_json *finding)
{
	const char *remedy = nx_json_member_string(finding, "remedy", "");
	struct nx_buffer text = {0};

	nx_buffer_printf(&text, "%-8s ", nx_json_member_string(finding, "verdict", "?"));
	nx_buffer_printf(&text, "%-14s ", nx_json_member_string(finding, "check", "?"));
	cli_render_text(nx_json_member_string(finding, "what", ""), &text);
	if (*remedy) {
		nx_buffer_printf(&text, "\n%-23s   ", "");
		cli_render_text(remedy, &text);
	}
	puts(text.data);
	nx_buffer_free(&text);
}

int cli_nexd_doctor(struct cli *cli)
{
	NX_AUTO_JSON struct nx_json *findings = nx_json_array();
	NX_AUTO_JSON struct nx_json *status = NULL;
	int number = cli_agent_status(cli, &status);

	agent_examine(status, number, findings);
	host_examine(program_path(cli), status, findings);
	if (cli->output == CLI_JSON || cli->output == CLI_JSON_RAW) {
		cli_print(cli, findings, NULL, 0);
	} else {
		for (const struct nx_json *item = nx_json_first(findings); item; item = nx_json_next(item))
			finding_print(item);
	}
	return findings_judge(findings);
}
