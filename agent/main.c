/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nexd: the agent on a host of the mesh. SIGHUP takes the configuration anew,
 * SIGTERM and SIGINT end it in order; SIGUSR1 ends it too, but leaves the mesh as it stands
 * to the nexd that is started next.
 *
 * Exit codes: 0 all went well, 1 it failed, 2 the command line or the configuration
 * is wrong, 3 the service does not know this device any more, 4 the state directory, interface,
 * port or control socket is somebody else's, 5 what lies in the state directory cannot be used.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "agent/doctor/doctor.h"
#include "agent/life.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/secret.h"

static const char *const modes[] = {"help", "h", "version", "check-config", "doctor", NULL};

static int fail(int code, const struct nx_error *error)
{
	fprintf(stderr, "nexd: %s\n", error->message);
	return code;
}

static int usage(struct nx_agent *agent)
{
	struct nx_error error = {0};
	enum nx_status status;

	/* With the plugins' own options, if they can be loaded; without them help is help, too. */
	status = nx_life_configure(agent, &error);
	puts("Usage: nexd [OPTION]...\n"
	     "The agent of Nexodus: makes this host a member of its organization's mesh.\n\n"
	     "      --check-config   load plugins and configuration, show them with their sources, and exit\n"
	     "      --doctor         look for what is wrong on this host, print it as JSON, and exit\n"
	     "      --version        show the version, and exit\n"
	     "  -h, --help           show this, and exit\n\n"
	     "Each option below can also stand in the configuration file, as name=value in [nexd], and in\n"
	     "the environment, as NEXD_NAME. --set SECTION.NAME=VALUE sets any other.\n");
	nx_config_help(agent->config, stdout);
	if (status != NX_OK && !agent->plugins)
		printf("\nOptions of plugins are not shown: %s\n", error.message);
	return NX_EXIT_OK;
}

static int check_config(struct nx_agent *agent)
{
	nx_config_print(agent->config, stdout);
	printf("\n# plugins:");
	for (size_t i = 0; i < nx_plugins_count(agent->plugins); i++) {
		const struct nx_plugin *plugin = nx_plugins_at(agent->plugins, i)->plugin;

		printf("%s %s %s", i ? "," : "", plugin->name, plugin->version);
	}
	puts("\n# The configuration is good.");
	return NX_EXIT_OK;
}

static int serve(struct nx_agent *agent)
{
	struct nx_error error = {0};
	int code = nx_life_begin(agent, &error);

	if (code != NX_EXIT_OK)
		nx_log(NX_LOG_ERROR, "cannot start", "reason", error.message, NULL);
	else
		code = nx_life_run(agent);
	if (code == NX_EXIT_OK)
		nx_log(NX_LOG_INFO, "stopped", NULL);
	return code;
}

static int run(struct nx_agent *agent, int operands, char **operand)
{
	struct nx_error error = {0};

	if (nx_config_given(agent->config, "help") || nx_config_given(agent->config, "h"))
		return usage(agent);
	if (nx_config_given(agent->config, "version")) {
		puts("nexd " NEXODUS_VERSION);
		return NX_EXIT_OK;
	}
	if (operands) {
		fprintf(stderr, "nexd: \"%s\" is not understood: nexd takes options only\n", *operand);
		return NX_EXIT_USAGE;
	}
	if (nx_config_given(agent->config, "doctor"))
		return nx_doctor_run(agent);
	if (nx_life_configure(agent, &error) != NX_OK)
		return fail(NX_EXIT_USAGE, &error);
	return nx_config_given(agent->config, "check-config") ? check_config(agent) : serve(agent);
}

int main(int count, char **arguments)
{
	/* Not on the stack: what is left to the next nexd is no leak. */
	static struct nx_agent agent = {.exit_code = -1, .state.lock = -1};
	struct nx_error error = {0};
	int first = count;
	int code;

	umask(077);
	nx_secret_setup();
	nx_notify_setup();
	uv_loop_init(&agent.loop);
	agent.config = nx_config_new("NEXD");
	if (nx_config_declare(agent.config, NX_OPTIONS_SECTION, &nx_option_keys, &error) != NX_OK ||
	    nx_config_arguments(agent.config, count, arguments, modes, &first, &error) != NX_OK)
		code = fail(NX_EXIT_USAGE, &error);
	else
		code = run(&agent, count - first, arguments + first);
	nx_life_end(&agent);
	nx_config_free(agent.config);
	return code;
}
