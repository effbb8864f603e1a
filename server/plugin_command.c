/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "server/life.h"
#include "server/options.h"

#define EXIT_USAGE 2

static bool given(const struct nx_server *server, const char *option)
{
	return nx_config_given(server->config, option);
}

static int fail(enum nx_status status, const struct nx_error *error, const char *advice)
{
	fprintf(stderr, "nexodus-server: %s%s\n", error->message, advice);
	return status == NX_INVALID ? EXIT_USAGE : EXIT_FAILURE;
}

bool nx_plugin_command_options_fit(const struct nx_config *config, struct nx_error *error)
{
	static const char *const details[] = {"dry-run", "yes", "json"};
	bool adding = nx_config_given(config, "add-plugin");
	bool dropping = nx_config_given(config, "drop-plugin");

	for (size_t i = 0; i < NX_COUNT(details) && !adding && !dropping; i++) {
		if (nx_config_given(config, details[i]))
			return nx_fail(error, NX_INVALID, NULL,
				       "--%s goes with --add-plugin or --drop-plugin", details[i]) == NX_OK;
	}
	if (adding && dropping)
		nx_fail(error, NX_INVALID, NULL, "--add-plugin and --drop-plugin: one at a time");
	return !adding || !dropping;
}

/* --- is it configured? --------------------------------------------------------------- */

static bool names_have(const char *names, const char *name)
{
	size_t length = strlen(name);

	for (names += strspn(names, " ,"); *names; names += strspn(names, " ,")) {
		size_t one = strcspn(names, " ,");

		if (one == length && memcmp(names, name, length) == 0)
			return true;
		names += one;
	}
	return false;
}

static bool file_exists(const struct nx_config *config, const char *name)
{
	NX_AUTO_FREE char *path = nx_printf(
		"%s/server/%s.so", nx_config_string(config, NX_OPTIONS_SECTION, "plugin-directory"), name);

	return access(path, F_OK) == 0;
}

static bool is_configured(const struct nx_config *config, const char *name)
{
	const char *names = nx_config_string(config, NX_OPTIONS_SECTION, "plugins");

	return names_have(names, "*") ? file_exists(config, name) : names_have(names, name);
}

char *nx_plugin_names(const struct nx_config *config, const char *more)
{
	const char *names = nx_config_string(config, NX_OPTIONS_SECTION, "plugins");

	if (!more || names_have(names, "*") || names_have(names, more))
		return nx_strdup(names);
	return nx_printf("%s %s", names, more);
}

static enum nx_status refuse_configured(const struct nx_server *server, const char *name,
					struct nx_error *error)
{
	return nx_fail(
		error, NX_INVALID, NULL,
		"the configuration still loads %s (plugins, %s), so that the next start would bring it "
		"back: take it out there first",
		name, nx_config_source(server->config, NX_OPTIONS_SECTION, "plugins"));
}

/* --- what is left to do ---------------------------------------------------------------- */

static void todo_add(const struct nx_server *server, const struct nx_plan *plan)
{
	const char *source = nx_config_source(server->config, NX_OPTIONS_SECTION, "plugins");

	if (!plan->step_count && !plan->organization_count) {
		puts("\nThe database has it all: there is nothing to do.");
		return;
	}
	puts("\nNothing has been written. To do it:");
	if (!plan->configured)
		printf("  - name %s in \"plugins\" (%s)\n", plan->plugin, source);
	printf("  - restart the server%s%s%s: it adds the plugin before it listens again; agents keep their\n"
	       "    tunnels meanwhile. Of several servers on one database, stop all before the first is "
	       "started.\n",
	       plan->server[0] ? " (" : "", plan->server, plan->server[0] ? ")" : "");
}

static void todo_drop(const struct nx_server *server, const struct nx_plan *plan)
{
	const char *source = nx_config_source(server->config, NX_OPTIONS_SECTION, "plugins");

	puts("\nNothing has been written. To do it:");
	if (plan->configured)
		printf("  - take %s out of \"plugins\" (%s)\n", plan->plugin, source);
	if (plan->server[0])
		printf("  - stop the server (%s); agents keep their tunnels meanwhile\n", plan->server);
	printf("  - nexodus-server --drop-plugin %s\n", plan->plugin);
	puts("  - start the server");
}

static void plan_show(const struct nx_server *server, const struct nx_plan *plan)
{
	if (given(server, "json")) {
		nx_plan_print_json(plan, stdout);
		return;
	}
	nx_plan_print(plan, stdout);
	if (!given(server, "dry-run"))
		return;
	if (plan->adding)
		todo_add(server, plan);
	else
		todo_drop(server, plan);
}

/* --- asking ------------------------------------------------------------------------------ */

/* Taking away is confirmed always, adding when somebody would miss something. */
static bool must_ask(const struct nx_server *server, const struct nx_plan *plan)
{
	return !given(server, "yes") && (!plan->adding || plan->warnings.count);
}

/* Whoever is asked types the plugin's name: a "y" is too quickly said. */
static bool agreed(const char *name)
{
	char line[128];

	fprintf(stderr, "\nType the plugin's name to do it: ");
	fflush(stderr);
	if (!fgets(line, sizeof(line), stdin))
		return false;
	line[strcspn(line, "\n")] = '\0';
	return strcmp(line, name) == 0;
}

static enum nx_status confirm(const struct nx_plan *plan, struct nx_error *error)
{
	if (!isatty(STDIN_FILENO))
		return nx_fail(
			error, NX_INVALID, NULL,
			"nothing has been done: --dry-run shows what it means, --yes says that it is meant");
	nx_plan_print(plan, stderr);
	return agreed(plan->plugin) ? NX_OK : nx_fail(error, NX_DENIED, NULL, "nothing has been done");
}

/* --- doing it ------------------------------------------------------------------------------ */

static void done_tell(const struct nx_server *server, const struct nx_plan *plan, bool asked)
{
	/* Who was asked has seen it. */
	if (!asked || given(server, "json"))
		plan_show(server, plan);
	if (!given(server, "json"))
		printf("\nDone. %s\n", plan->adding && !plan->configured
					       ? "Name it in \"plugins\" before the server starts again."
					       : "Start the server again.");
}

static int change(struct nx_server *server, struct nx_plan *rehearsed)
{
	NX_CLEANUP(nx_plan_free)
	struct nx_plan done = {.plugin = rehearsed->plugin, .configured = rehearsed->configured};
	/* What adding does was found while rehearsing it. */
	struct nx_plan *plan = rehearsed->adding ? rehearsed : &done;
	bool asked = must_ask(server, rehearsed);
	struct nx_error error = {0};
	enum nx_status status = nx_options_log(server->config, &error);

	if (status == NX_OK)
		status = nx_life_change(server, plan, &error);
	if (status != NX_OK)
		return fail(status, &error, status == NX_CONFLICT ? ": stop it first" : "");
	done_tell(server, plan, asked);
	return EXIT_SUCCESS;
}

static int run(struct nx_server *server, struct nx_plan *plan)
{
	bool dry = given(server, "dry-run");
	struct nx_error error = {0};
	enum nx_status status = NX_OK;

	plan->configured = is_configured(server->config, plan->plugin);
	if (!dry && !plan->adding && plan->configured)
		status = refuse_configured(server, plan->plugin, &error);
	if (status == NX_OK)
		status = nx_life_rehearse(server, plan, &error);
	if (status == NX_OK && dry) {
		plan_show(server, plan);
		return plan->warnings.count ? NX_EXIT_ATTENTION : EXIT_SUCCESS;
	}
	if (status == NX_OK && must_ask(server, plan))
		status = confirm(plan, &error);
	return status == NX_OK ? change(server, plan) : fail(status, &error, "");
}

int nx_plugin_command(struct nx_server *server, const char *name, const char *missing)
{
	NX_CLEANUP(nx_plan_free)
	struct nx_plan plan = {.plugin = name, .adding = given(server, "add-plugin")};

	if (missing)
		nx_texts_add(
			&plan.warnings,
			nx_printf("hosts that cannot do another family are not told from those that can, "
				  "since the plugins are not there: %s",
				  missing));
	int code = run(server, &plan);
	/* A strategy that hangs is left behind with all that it may use. */
	if (!nx_life_end(server)) {
		fflush(NULL);
		_exit(code);
	}
	return code;
}
