/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nexodus-server. The main thread is the control thread: it makes the server, then
 * waits for signals, and tells the service manager that all is alive. SIGHUP takes the
 * configuration anew, SIGTERM and SIGINT end.
 *
 * Exit codes: 0 all went well, 1 it failed, 2 the command line or the configuration
 * is wrong, 3 a dry run has found what deserves attention.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/notify.h"
#include "base/secret.h"
#include "server/http/http.h"
#include "server/ipam/strategies.h"
#include "server/life.h"
#include "server/options.h"
#include "server/plugin_command.h"
#include "server/routes_print.h"
#include "server/stun/stun.h"
#include "server/watch/hub.h"

#define EXIT_USAGE 2

static const char *const modes[] = {
	"help", "h", "version", "check-config", "print-routes", NX_PLUGIN_COMMAND_OPTIONS, NULL};

static int fail(int code, const struct nx_error *error)
{
	fprintf(stderr, "nexodus-server: %s\n", error->message);
	return code;
}

static void usage(const struct nx_config *config)
{
	puts("Usage: nexodus-server [OPTION]...\n"
	     "The service of Nexodus: organizations, devices, and their addresses.\n\n"
	     "      --check-config   load plugins and configuration, show them with their sources, and exit\n"
	     "      --print-routes   show the paths it answers as JSON, and exit\n"
	     "      --add-plugin NAME\n"
	     "                       bring a plugin into the database, as a start with it does, and exit\n"
	     "      --drop-plugin NAME\n"
	     "                       remove from the database all that a plugin brought, and exit\n"
	     "      --dry-run        with one of these two: show what it would do, on a copy of the data, "
	     "and exit\n"
	     "      --yes            the same: do not ask\n"
	     "      --json           the same: tell it to a program\n"
	     "      --version        show the version, and exit\n"
	     "  -h, --help           show this, and exit\n\n"
	     "Each option below can also stand in the configuration file, as name=value in [server], and in\n"
	     "the environment, as NEXODUS_NAME. --set SECTION.NAME=VALUE sets any other.\n");
	nx_config_help(config, stdout);
}

/* --- configuration ------------------------------------------------------------------- */

/* A file that nobody asked for need not be there. */
static bool config_must_exist(const struct nx_config *config)
{
	return strcmp(nx_config_source(config, NX_OPTIONS_SECTION, "config"), "default") != 0;
}

static enum nx_status config_load(struct nx_config *config, struct nx_error *error)
{
	return nx_config_load(config, nx_config_string(config, NX_OPTIONS_SECTION, "config"),
			      config_must_exist(config), error);
}

/* The file's name can itself be configured: options and environment come first. */
static enum nx_status config_load_early(struct nx_config *config, struct nx_error *error)
{
	enum nx_status status = nx_config_load_early(config, NULL, false, error);

	if (status != NX_OK)
		return status;
	bool must_exist = config_must_exist(config);
	NX_AUTO_FREE char *path = nx_strdup(nx_config_string(config, NX_OPTIONS_SECTION, "config"));
	return nx_config_load_early(config, path, must_exist, error);
}

static enum nx_status config_declare(struct nx_config *config, struct nx_error *error)
{
	enum nx_status status = nx_config_declare(config, NX_OPTIONS_SECTION, &nx_option_keys, error);

	if (status == NX_OK)
		status = nx_config_declare(config, "watch", &nx_watch_config_keys, error);
	if (status == NX_OK)
		status = nx_config_declare(config, "strategies", &nx_strategies_config_keys, error);
	if (status == NX_OK)
		status = nx_config_declare(config, "stun", &nx_stun_config_keys, error);
	return status;
}

/* The configured ones, and one `more` when it is not NULL. */
static enum nx_status plugins_open(struct nx_server *server, const char *more, struct nx_error *error)
{
	NX_AUTO_FREE char *names = nx_plugin_names(server->config, more);
	NX_AUTO_FREE char *directory = nx_printf(
		"%s/server", nx_config_string(server->config, NX_OPTIONS_SECTION, "plugin-directory"));
	struct nx_plugins_request request = {
		.role = NX_ROLE_SERVER,
		.directory = directory,
		.names = names,
		.config = server->config,
		.program = server,
	};

	return nx_plugins_open(&request, &server->plugins, error);
}

/* From here on all that can be wrong with the configuration alone has been found. */
static enum nx_status configure(struct nx_server *server, const char *more, struct nx_error *error)
{
	enum nx_status status = config_load_early(server->config, error);

	if (status == NX_OK)
		status = plugins_open(server, more, error);
	if (status == NX_OK)
		status = config_load(server->config, error);
	if (status == NX_OK)
		status = nx_options_check(server->config, error);
	return status;
}

/* --- running ---------------------------------------------------------------------------- */

/* A bad new configuration is told, and the old one stays. */
static void reload(struct nx_server *server)
{
	struct nx_error error = {0};
	struct nx_error worse = {0};
	enum nx_status status;

	nx_notify_reloading();
	status = config_load(server->config, &error);
	if (status == NX_OK) {
		status = nx_life_reload(server, &error);
		if (status != NX_OK && nx_life_reload_back(server, &worse) != NX_OK)
			nx_log(NX_LOG_ERROR, "a plugin did not take its old configuration back", "error",
			       worse.message, NULL);
	}
	if (status == NX_OK)
		nx_log(NX_LOG_INFO, "configuration reloaded", NULL);
	else
		nx_log(NX_LOG_ERROR, "configuration not reloaded, the old one stays", "error", error.message,
		       NULL);
	nx_notify_ready();
}

/* The next signal; 0 when the manager is due to hear that we are alive. */
static int signal_wait(const sigset_t *signals)
{
	uint64_t interval = nx_notify_interval();
	const struct timespec patience = {.tv_sec = (time_t)(interval / 1000),
					  .tv_nsec = (long)(interval % 1000) * 1000000};
	int number = interval ? sigtimedwait(signals, NULL, &patience) : sigwaitinfo(signals, NULL);

	return number > 0 ? number : 0;
}

static void wait_for_end(struct nx_server *server, const sigset_t *signals)
{
	for (;;) {
		int number = signal_wait(signals);
		if (nx_http_alive(server->http))
			nx_notify_alive();
		if (number == 0)
			continue;
		if (number == SIGHUP) {
			reload(server);
			continue;
		}
		nx_log(NX_LOG_INFO, "stopping", "signal", number == SIGTERM ? "SIGTERM" : "SIGINT", NULL);
		nx_notify_stopping();
		return;
	}
}

static void ready_tell(const struct nx_server *server)
{
	char addresses[512];

	nx_http_addresses(server->http, addresses, sizeof(addresses));
	nx_notify_status("listening on %s", addresses);
	nx_notify_ready();
}

static int serve(struct nx_server *server)
{
	struct nx_error error = {0};
	sigset_t signals;

	/* Before the first thread: all of them leave these to this one. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);

	enum nx_status status = nx_options_log(server->config, &error);
	if (status == NX_OK)
		status = nx_life_begin(server, &error);
	if (status != NX_OK) {
		nx_log(NX_LOG_ERROR, "cannot start", "error", error.message, NULL);
	} else {
		ready_tell(server);
		wait_for_end(server, &signals);
	}
	bool ended = nx_life_end(server);
	int code = status == NX_OK ? EXIT_SUCCESS : status == NX_INVALID ? EXIT_USAGE : EXIT_FAILURE;
	if (status == NX_OK)
		nx_log(NX_LOG_INFO, "stopped", NULL);
	if (!ended)
		_exit(code);
	return code;
}

static int check_config(struct nx_server *server)
{
	struct nx_error error = {0};
	enum nx_status status = nx_life_load(server, &error);

	if (status != NX_OK)
		return fail(status == NX_INVALID ? EXIT_USAGE : EXIT_FAILURE, &error);
	nx_config_print(server->config, stdout);
	printf("\n# plugins:");
	for (size_t i = 0; i < nx_plugins_count(server->plugins); i++) {
		const struct nx_plugin *plugin = nx_plugins_at(server->plugins, i)->plugin;
		printf(" %s %s%s", plugin->name, plugin->version,
		       i + 1 < nx_plugins_count(server->plugins) ? "," : "");
	}
	puts("\n# The configuration is good.");
	return EXIT_SUCCESS;
}

static int add_plugin(struct nx_server *server, const char *name)
{
	struct nx_error error = {0};
	enum nx_status status = configure(server, name, &error);

	return status == NX_OK ? nx_plugin_command(server, name, NULL) : fail(EXIT_USAGE, &error);
}

/* One that is taken away need not be there any more, nor any other: they only help to tell what it means. */
static int drop_plugin(struct nx_server *server, const char *name)
{
	struct nx_error error = {0};
	struct nx_error missing = {0};
	enum nx_status status = config_load_early(server->config, &error);

	if (status != NX_OK)
		return fail(EXIT_USAGE, &error);
	status = configure(server, NULL, &missing);
	if (status == NX_OK)
		status = nx_life_load(server, &missing);
	if (status != NX_OK)
		nx_plugins_free(NX_TAKE(server->plugins));
	return nx_plugin_command(server, name, status == NX_OK ? NULL : missing.message);
}

static int run(struct nx_server *server, int operands, char **operand)
{
	const struct nx_config *config = server->config;
	struct nx_error error = {0};
	bool adding = nx_config_given(config, "add-plugin");
	bool changing = adding || nx_config_given(config, "drop-plugin");

	if (nx_config_given(config, "help") || nx_config_given(config, "h")) {
		usage(config);
		return EXIT_SUCCESS;
	}
	if (nx_config_given(config, "version")) {
		puts("nexodus-server " NEXODUS_VERSION);
		return EXIT_SUCCESS;
	}
	if (nx_config_given(config, "print-routes")) {
		nx_routes_print(stdout);
		return EXIT_SUCCESS;
	}
	if (!nx_plugin_command_options_fit(config, &error))
		return fail(EXIT_USAGE, &error);
	if (operands != (changing ? 1 : 0)) {
		nx_fail(&error, NX_INVALID, NULL, "%s (see --help)",
			adding	   ? "--add-plugin needs the name of a plugin, and nothing else"
			: changing ? "--drop-plugin needs the name of a plugin, and nothing else"
				   : "it takes options only");
		return fail(EXIT_USAGE, &error);
	}
	if (changing)
		return adding ? add_plugin(server, operand[0]) : drop_plugin(server, operand[0]);
	if (configure(server, NULL, &error) != NX_OK)
		return fail(EXIT_USAGE, &error);
	return nx_config_given(config, "check-config") ? check_config(server) : serve(server);
}

int main(int argc, char **argv)
{
	struct nx_server server = {.config = nx_config_new("NEXODUS")};
	struct nx_error error = {0};
	int first = argc, last = 0;
	int code;

	umask(077);
	nx_secret_setup();
	nx_notify_setup();
	enum nx_status status = config_declare(server.config, &error);
	if (status == NX_OK)
		status = nx_config_arguments(server.config, argc, argv, modes, &first, &error);
	/* "--drop-plugin NAME --dry-run": options may stand behind the operand as well. */
	if (status == NX_OK && first < argc)
		status = nx_config_arguments(server.config, argc - first, argv + first, modes, &last, &error);
	if (status == NX_OK)
		code = run(&server, first < argc ? 1 + argc - first - last : 0, argv + first);
	else
		code = fail(EXIT_USAGE, &error);
	nx_plugins_free(server.plugins);
	nx_config_free(server.config);
	return code;
}
