/* SPDX-License-Identifier: Apache-2.0 */
/* nexctl organization renumber: move an organization from one prefix to another while it is in use. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

enum {
	TIMEOUT_SECONDS = 60,
	TIMEOUT_LIMIT = 86400,
	LOOK_MILLISECONDS = 500,
};

#define PATH "/api/organizations/%s/renumbering"

/* --- what is shown -------------------------------------------------------------------------- */

static void waiting_render(const struct nx_json *row, struct nx_buffer *into)
{
	const struct nx_json *list = nx_json_member(row, "waiting");

	for (const struct nx_json *one = list ? nx_json_first(list) : NULL; one; one = nx_json_next(one)) {
		if (into->length)
			nx_buffer_text(into, ", ");
		cli_render_text(nx_json_member_string(one, "hostname", ""), into);
		if (!nx_json_member_boolean(one, "online", false))
			nx_buffer_text(into, " (offline)");
	}
}

static void capacity_render(const struct nx_json *row, struct nx_buffer *into)
{
	const struct nx_json *value = nx_json_member(row, "capacity");

	if (value && nx_json_type(value) == NX_JSON_NULL)
		nx_buffer_text(into, "over 2^53");
	else
		cli_render_value(value, into);
}

static void new_render(const struct nx_json *row, struct nx_buffer *into)
{
	cli_render_text(nx_json_member_string(row, "new", "(by the strategy)"), into);
}

static const struct cli_column status_columns[] = {
	{"FAMILY", "family", NULL},
	{"STATE", "state", NULL},
	{"OUTCOME", "outcome", NULL},
	{"FROM", "old_prefix", NULL},
	{"TO", "new_prefix", NULL},
	{"DEVICES", "devices", NULL},
	{"READY", "ready", NULL},
	{"TAKEN UP", "acknowledged", NULL},
	{"WAITING FOR", NULL, waiting_render},
	{"ENDS", "ends_at", NULL},
	{"PROBLEM", "problem", NULL},
};

static const struct cli_column plan_columns[] = {
	{"FAMILY", "family", NULL},	{"FROM", "old_prefix", NULL},	     {"TO", "new_prefix", NULL},
	{"STRATEGY", "strategy", NULL}, {"CAPACITY", NULL, capacity_render}, {"DEVICES", "devices", NULL},
	{"SAME ADDRESS", "same", NULL}, {"SAME HOST PART", "moved", NULL},   {"BY STRATEGY", "chosen", NULL},
};

static const struct cli_column address_columns[] = {
	{"DEVICE ID", "device_id", NULL},
	{"HOSTNAME", "hostname", NULL},
	{"OLD", "old", NULL},
	{"NEW", NULL, new_render},
};

/* --- dry run ---------------------------------------------------------------------------------- */

static bool problems_say(const struct nx_json *plan)
{
	const struct nx_json *list = nx_json_member(plan, "problems");
	const struct nx_json *problem = list ? nx_json_first(list) : NULL;
	bool any = problem;

	for (; problem; problem = nx_json_next(problem)) {
		cli_say_value("nexctl: ", problem);
		fputc('\n', stderr);
	}
	return any;
}

static int plan_show(struct cli *cli, const char *path, struct nx_json *body)
{
	NX_AUTO_JSON struct nx_json *plan = NULL;
	bool table = cli->output == CLI_COLUMN || cli->output == CLI_NO_HEADER;

	nx_json_put_boolean(body, "dry_run", true);
	if (!cli_call(cli, "POST", path, body, &plan) || !plan)
		return CLI_FAILED;
	cli_print(cli, plan, plan_columns, NX_COUNT(plan_columns));
	if (table) {
		putchar('\n');
		cli_print(cli, nx_json_member(plan, "addresses"), address_columns, NX_COUNT(address_columns));
	}
	return problems_say(plan) ? CLI_FAILED : CLI_OK;
}

/* --- waiting ---------------------------------------------------------------------------------- */

static int64_t milliseconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_for(int64_t milliseconds)
{
	struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000};

	while (nanosleep(&pause, &pause) != 0)
		continue;
}

static bool timeout_read(const struct cli *cli, int64_t *out)
{
	const char *text = cli_value(cli, "timeout");
	char *end;

	*out = TIMEOUT_SECONDS;
	if (!text)
		return true;
	*out = strtoll(text, &end, 10);
	return end != text && !*end && *out >= 0 && *out <= TIMEOUT_LIMIT;
}

/* Is anybody waited for that is online? */
static bool waits(const struct nx_json *row)
{
	const struct nx_json *list = nx_json_member(row, "waiting");

	for (const struct nx_json *one = list ? nx_json_first(list) : NULL; one; one = nx_json_next(one)) {
		if (nx_json_member_boolean(one, "online", false))
			return true;
	}
	return false;
}

/* `goal` is reached, and all that are online have taken it up. */
static bool reached(const struct nx_json *row, const char *goal)
{
	const char *state = nx_json_member_string(row, "state", "");

	return (strcmp(state, goal) == 0 && !waits(row)) || strcmp(state, "ended") == 0;
}

/* The last one of the list is the one that was begun last. */
static const struct nx_json *last_of(const struct nx_json *list)
{
	size_t count = list ? nx_json_length(list) : 0;

	return count ? nx_json_element(list, count - 1) : NULL;
}

static int wait_until(struct cli *cli, const char *path, const char *goal, int64_t seconds)
{
	int64_t deadline = milliseconds_now() + seconds * 1000;

	for (;;) {
		NX_AUTO_JSON struct nx_json *list = NULL;
		const struct nx_json *row;

		if (!cli_call(cli, "GET", path, NULL, &list))
			return CLI_FAILED;
		row = last_of(list);
		if (!row || reached(row, goal) || milliseconds_now() >= deadline) {
			if (row)
				cli_print(cli, row, status_columns, NX_COUNT(status_columns));
			return !row || reached(row, goal) || !seconds ? CLI_OK : CLI_UNFINISHED;
		}
		pause_for(LOOK_MILLISECONDS);
	}
}

static int act(struct cli *cli, const char *path, const char *verb, const struct nx_json *body,
	       const char *goal)
{
	NX_AUTO_FREE char *target = nx_printf("%s%s", path, verb);
	int64_t seconds;

	if (!timeout_read(cli, &seconds))
		return cli_usage(cli, "--timeout takes seconds, 0 to %d, not '%s'", TIMEOUT_LIMIT,
				 cli_value(cli, "timeout"));
	if (!cli_call(cli, "POST", target, body, NULL))
		return CLI_FAILED;
	return wait_until(cli, path, goal, seconds);
}

/* --- actions ------------------------------------------------------------------------------------ */

/* What it is to become: a prefix of one family, or a strategy. */
static int wish_read(struct cli *cli, struct nx_json *body)
{
	if (!cli_put_prefixes(cli, body))
		return CLI_USAGE;
	if (!nx_json_first(body))
		return cli_usage(cli, "to what? Give --cidr, --cidr-v6 or --strategy");
	return CLI_OK;
}

static int renumber_start(struct cli *cli, const char *path)
{
	NX_AUTO_JSON struct nx_json *body = nx_json_object();
	int status = wish_read(cli, body);

	if (status != CLI_OK)
		return status;
	return cli_value(cli, "dry-run") ? plan_show(cli, path, body) : act(cli, path, "", body, "started");
}

static int renumber_status(struct cli *cli, const char *path)
{
	return cli_show(cli, "GET", path, NULL, status_columns, NX_COUNT(status_columns));
}

static int renumber_commit(struct cli *cli, const char *path)
{
	NX_AUTO_JSON struct nx_json *body = nx_json_object();
	const char *grace = cli_value(cli, "grace");
	int64_t seconds = 0;

	if (grace && strcmp(grace, "0") != 0)
		seconds = cli_duration_read(grace);
	if (seconds < 0)
		return cli_usage(cli, "--grace takes a time such as 0, 30m or 7d, not '%s'", grace);
	if (grace)
		nx_json_put_integer(body, "grace", seconds);
	nx_json_put_boolean(body, "force", cli_value(cli, "force") != NULL);
	return act(cli, path, "/commit", body, "committed");
}

static int renumber_rollback(struct cli *cli, const char *path)
{
	return act(cli, path, "/rollback", NULL, "ended");
}

/* Who asks for a dry run of a commit, for one, is not to get the commit. */
static bool options_fit(const struct cli *cli, const char *action)
{
	static const struct {
		const char *option, *action;
	} takes[] = {
		{"cidr", "start"},    {"cidr-v6", "start"}, {"strategy", "start"},
		{"dry-run", "start"}, {"grace", "commit"},  {"force", "commit"},
	};

	for (size_t i = 0; i < NX_COUNT(takes); i++) {
		if (!cli_value(cli, takes[i].option) || strcmp(action, takes[i].action) == 0)
			continue;
		cli_usage(cli, "--%s belongs to %s, not to %s; nothing has been done", takes[i].option,
			  takes[i].action, action);
		return false;
	}
	return true;
}

int cli_organization_renumber(struct cli *cli)
{
	static const struct {
		const char *name;
		int (*run)(struct cli *cli, const char *path);
	} actions[] = {
		{"start", renumber_start},
		{"status", renumber_status},
		{"commit", renumber_commit},
		{"rollback", renumber_rollback},
	};
	const char *action = cli->operands[0] ? cli->operands[0] : cli_value(cli, "dry-run") ? "start" : "";
	NX_AUTO_FREE char *organization = NULL;
	NX_AUTO_FREE char *path = NULL;
	size_t found = 0;

	while (found < NX_COUNT(actions) && strcmp(actions[found].name, action) != 0)
		found++;
	if (found == NX_COUNT(actions))
		return cli_usage(cli,
				 "what is to be done? Give start, status, commit, rollback or --dry-run");
	if (!options_fit(cli, action))
		return CLI_USAGE;
	organization = cli_organization_choose(cli);
	if (!organization)
		return CLI_FAILED;
	path = cli_path(PATH, organization);
	return actions[found].run(cli, path);
}
