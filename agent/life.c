/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/life.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent/control/control.h"
#include "agent/control/status.h"
#include "agent/network/echo.h"
#include "agent/notify.h"
#include "agent/privileges.h"
#include "agent/session/session.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/notify.h"

/* --- configuration ----------------------------------------------------------------------- */

/* A file that nobody asked for need not be there. */
static bool config_must_exist(const struct nx_config *config)
{
	return strcmp(nx_config_source(config, NX_OPTIONS_SECTION, "config"), "default") != 0;
}

static enum nx_status config_load(struct nx_config *config, struct nx_error *error)
{
	NX_AUTO_FREE char *path = nx_strdup(nx_config_string(config, NX_OPTIONS_SECTION, "config"));

	return nx_config_load(config, path, config_must_exist(config), error);
}

/* The file's name can itself be configured: options and environment come first. */
static enum nx_status config_load_early(struct nx_config *config, struct nx_error *error)
{
	enum nx_status status = nx_config_load_early(config, NULL, false, error);
	NX_AUTO_FREE char *path = NULL;

	if (status != NX_OK)
		return status;
	path = nx_strdup(nx_config_string(config, NX_OPTIONS_SECTION, "config"));
	return nx_config_load_early(config, path, config_must_exist(config), error);
}

static enum nx_status plugins_open(struct nx_agent *agent, struct nx_error *error)
{
	NX_AUTO_FREE char *directory = nx_printf(
		"%s/agent", nx_config_string(agent->config, NX_OPTIONS_SECTION, "plugin-directory"));
	const struct nx_plugins_request request = {
		.role = NX_ROLE_AGENT,
		.directory = directory,
		.names = nx_config_string(agent->config, NX_OPTIONS_SECTION, "plugins"),
		.config = agent->config,
		.agent = &nx_agent_services,
		.program = &agent->services,
	};

	return nx_plugins_open(&request, &agent->plugins, error);
}

/* What a plugin finds wrong in its configuration is as wrong as what we find in ours. */
static enum nx_status plugins_load(struct nx_agent *agent, struct nx_error *error)
{
	enum nx_status status;

	agent->services = (struct nx_services_base){
		.loop = &agent->loop,
		.state_directory = agent->options.state_directory,
		.interface_name = agent->options.interface,
	};
	status = nx_plugins_load(agent->plugins, error);
	if (status != NX_OK)
		return status;
	return nx_capabilities_gather(agent->plugins, agent->options.driver, &agent->capabilities, error);
}

enum nx_status nx_life_configure(struct nx_agent *agent, struct nx_error *error)
{
	enum nx_status status = config_load_early(agent->config, error);

	if (status == NX_OK)
		status = plugins_open(agent, error);
	if (status == NX_OK)
		status = config_load(agent->config, error);
	if (status == NX_OK)
		status = nx_options_log(agent->config, error);
	if (status == NX_OK)
		status = nx_options_read(agent->config, &agent->options, error);
	if (status == NX_OK)
		status = plugins_load(agent, error);
	return status;
}

enum nx_status nx_life_reload(struct nx_agent *agent, struct nx_error *error)
{
	enum nx_status status = config_load(agent->config, error);

	if (status == NX_OK)
		status = nx_options_log(agent->config, error);
	if (status == NX_OK)
		status = nx_plugins_reload(agent->plugins, error);
	return status;
}

/* --- signals ---------------------------------------------------------------------------------- */

void nx_agent_end(struct nx_agent *agent, int exit_code)
{
	if (agent->exit_code < 0)
		agent->exit_code = exit_code;
	uv_stop(&agent->loop);
}

/* A relay may have to let its spokes go first; a second signal does not wait for that. */
static void signal_end(uv_signal_t *handle, int number)
{
	nx_log(NX_LOG_INFO, "stopping", "signal", number == SIGTERM ? "SIGTERM" : "SIGINT", NULL);
	if (!nx_drain_before_end(handle->data))
		nx_agent_end(handle->data, NX_EXIT_OK);
}

/* Another nexd is about to take over. */
static void signal_hand_over(uv_signal_t *handle, int number)
{
	struct nx_agent *agent = handle->data;

	(void)number;
	nx_log(NX_LOG_INFO, "handing over", "signal", "SIGUSR1", NULL);
	agent->handing_over = true;
	nx_agent_end(agent, NX_EXIT_OK);
}

/* A bad new configuration is told, and the old one stays. */
static void signal_reload(uv_signal_t *handle, int number)
{
	struct nx_error error = {0};

	(void)number;
	nx_notify_reloading();
	if (nx_life_reload(handle->data, &error) == NX_OK)
		nx_log(NX_LOG_INFO, "configuration reloaded", NULL);
	else
		nx_log(NX_LOG_ERROR, "configuration not reloaded, the old one stays", "error", error.message,
		       NULL);
	nx_notify_ready();
}

static void signal_watch(struct nx_agent *agent, uv_signal_t *handle, int number,
			 void (*arrived)(uv_signal_t *handle, int number))
{
	uv_signal_init(&agent->loop, handle);
	handle->data = agent;
	uv_signal_start(handle, arrived, number);
}

/* From the very start: what is half-made when a signal comes is taken down in order. */
static void signals_begin(struct nx_agent *agent)
{
	signal(SIGPIPE, SIG_IGN);
	signal_watch(agent, &agent->signals[0], SIGTERM, signal_end);
	signal_watch(agent, &agent->signals[1], SIGINT, signal_end);
	signal_watch(agent, &agent->signals[2], SIGHUP, signal_reload);
	signal_watch(agent, &agent->signals[3], SIGUSR1, signal_hand_over);
	agent->watches_signals = true;
}

static void signals_end(struct nx_agent *agent)
{
	for (size_t i = 0; agent->watches_signals && i < NX_COUNT(agent->signals); i++)
		uv_close((uv_handle_t *)&agent->signals[i], NULL);
	agent->watches_signals = false;
}

/* --- parts ----------------------------------------------------------------------------------- */

static void reconcile_asked(void *context)
{
	struct nx_agent *agent = context;

	nx_network_look(&agent->network);
}

static enum nx_status state_begin(struct nx_agent *agent, struct nx_error *error)
{
	const struct nx_capabilities *capabilities = &agent->capabilities;
	enum nx_status status = nx_state_token(&agent->state, error);

	if (status == NX_OK)
		status = nx_state_identity_read(&agent->state, error);
	if (status == NX_OK)
		status = capabilities->driver->public_key(capabilities->driver_instance,
							  agent->options.state_directory, agent->public_key,
							  error);
	if (status == NX_OK)
		status = nx_state_key_check(&agent->state, agent->public_key, error);
	return status;
}

static void host_moved(void *context)
{
	struct nx_agent *agent = context;

	nx_mapping_ask(agent->mapping);
	if (!agent->session)
		return;
	/* Nothing comes to an address that is gone, not even the end of its connections; and what comes to
	 * one that is no longer this host's way out may come in vain. */
	struct nx_address local = nx_client_local_address(agent->client);

	if (local.length && nx_network_left(&agent->network, &local))
		nx_session_renew(agent->session);
	nx_publish_check(agent->session);
}

static void host_woken(void *context, uint64_t seconds)
{
	struct nx_agent *agent = context;
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)seconds);
	nx_log(NX_LOG_INFO, "this host was asleep", "seconds", text, NULL);
	nx_mapping_ask(agent->mapping);
	nx_network_look(&agent->network);
	nx_session_renew(agent->session);
}

static void mapping_changed(void *context)
{
	const struct nx_agent *agent = context;

	if (agent->session)
		nx_publish_check(agent->session);
}

static void port_found(void *context, uint16_t port)
{
	const struct nx_agent *agent = context;
	struct nx_error error = {0};

	nx_mapping_set_port(agent->mapping, port);
	if (nx_state_port_write(&agent->state, port, &error) != NX_OK)
		nx_log(NX_LOG_WARNING, "the tunnel's port is not stored", "reason", error.message, NULL);
}

/* Before the network, so as to ask from the usual port while the tunnel is not there yet. */
static void mapping_begin(struct nx_agent *agent)
{
	const struct nx_options *options = &agent->options;
	const struct nx_mapping_options wanted = {
		.capabilities = &agent->capabilities,
		.interval_seconds = options->stun_interval,
		.fixed = options->local,
		.fixed_count = options->local_count,
		.changed = mapping_changed,
		.context = agent,
	};
	struct nx_stun_servers servers;

	agent->mapping = nx_mapping_new(&agent->loop, &wanted);
	nx_mapping_set_port(agent->mapping, nx_state_port_read(&agent->state));
	if (options->stun_given) {
		nx_mapping_set_servers(agent->mapping, (const char *const *)options->stun.items,
				       options->stun.count);
	} else if (nx_stun_answer_restore(&agent->state, options->service_url, &servers)) {
		nx_mapping_set_servers(agent->mapping, (const char *const *)servers.items, servers.count);
		nx_stun_servers_release(&servers);
	}
}

static enum nx_status network_begin(struct nx_agent *agent, struct nx_error *error)
{
	const struct nx_options *options = &agent->options;
	const struct nx_network_options wanted = {
		.request =
			{
				.size = sizeof(wanted.request),
				.name = options->interface,
				.state_directory = options->state_directory,
				.listen_port = options->listen_port,
				.mtu = options->mtu,
			},
		.fixed = options->local,
		.fixed_count = options->local_count,
		.usual_port = nx_state_port_read(&agent->state),
		.trust = {options->accepted, options->accepted_count, options->strict},
		.offered = options->advertised,
		.offered_count = options->advertised_count,
		.public_key = agent->public_key,
		.moved = host_moved,
		.port_found = port_found,
		.context = agent,
	};
	enum nx_status status = nx_network_start(&agent->network, &agent->loop, &agent->capabilities,
						 &agent->services, &wanted, error);

	agent->services.context = agent;
	agent->services.reconcile = status == NX_OK ? reconcile_asked : NULL;
	return status;
}

static void status_tell(void *context, struct nx_buffer *out)
{
	nx_status_write(context, out);
}

static void peers_tell(void *context, struct nx_buffer *out)
{
	nx_status_peers_write(context, out);
}

static bool measure_begin(void *context)
{
	const struct nx_agent *agent = context;

	return nx_echoes_begin(agent->echoes, &agent->network.members);
}

static void measured(void *context)
{
	const struct nx_agent *agent = context;

	nx_control_measured(agent->control);
}

static void drain_tell(void *context, const struct nx_control_drain *wish, struct nx_buffer *out)
{
	nx_status_drain_write(context, wish, out);
}

static enum nx_status service_begin(struct nx_agent *agent, struct nx_error *error)
{
	const struct nx_client_options client = {.service_url = agent->options.service_url,
						 .ca_file = agent->options.ca_file};
	const struct nx_control_source source = {.status = status_tell,
						 .peers = peers_tell,
						 .measure = measure_begin,
						 .drain = drain_tell,
						 .context = agent};
	enum nx_status status = nx_client_new(&agent->loop, &client, &agent->client, error);

	if (status != NX_OK)
		return status;
	if (strncmp(agent->options.service_url, "http:", 5) == 0)
		nx_log(NX_LOG_WARNING,
		       "the service is spoken to without TLS: its token can be read on the way", "service",
		       agent->options.service_url, NULL);
	agent->session = nx_session_new(agent);
	status = nx_wake_start(&agent->loop, host_woken, agent, &agent->wake, error);
	if (status != NX_OK)
		return status;
	agent->echoes = nx_echoes_new(&agent->loop, &agent->capabilities, measured, agent);
	if (*agent->options.control_socket)
		status = nx_control_start(&agent->loop, agent->options.control_socket, &source,
					  &agent->control, error);
	return status;
}

/* What is wrong with the state does not mend itself; a full disk may. */
static int state_failure(enum nx_status status)
{
	return status == NX_INVALID || status == NX_DENIED ? NX_EXIT_STATE : NX_EXIT_FAILURE;
}

static int parts_begin(struct nx_agent *agent, struct nx_error *error)
{
	enum nx_status status;

	mapping_begin(agent);
	status = network_begin(agent, error);
	if (status == NX_OK)
		status = service_begin(agent, error);
	if (status == NX_OK)
		return NX_EXIT_OK;
	return status == NX_CONFLICT ? NX_EXIT_TAKEN : NX_EXIT_FAILURE;
}

int nx_life_begin(struct nx_agent *agent, struct nx_error *error)
{
	enum nx_status status;

	signals_begin(agent);
	if (nx_privileges_drop(error) != NX_OK)
		return NX_EXIT_FAILURE;
	status = nx_state_open(agent->options.state_directory, &agent->state, error);
	if (status != NX_OK)
		return status == NX_CONFLICT ? NX_EXIT_TAKEN : state_failure(status);
	if (nx_plugins_start(agent->plugins, error) != NX_OK)
		return NX_EXIT_FAILURE;
	status = state_begin(agent, error);
	return status == NX_OK ? parts_begin(agent, error) : state_failure(status);
}

int nx_life_run(struct nx_agent *agent)
{
	nx_session_start(agent->session);
	nx_agent_notify_start(agent);
	if (agent->exit_code < 0)
		uv_run(&agent->loop, UV_RUN_DEFAULT);
	return agent->exit_code;
}

void nx_life_end(struct nx_agent *agent)
{
	bool over = agent->handing_over && agent->exit_code == NX_EXIT_OK;
	bool keep = over || (agent->options.keep_interface && agent->exit_code != NX_EXIT_GONE);

	nx_agent_notify_stop(agent);
	nx_drain_release(&agent->drain);
	nx_control_stop(agent->control);
	nx_echoes_free(agent->echoes);
	agent->echoes = NULL;
	nx_wake_stop(agent->wake);
	agent->wake = NULL;
	nx_session_free(agent->session);
	agent->session = NULL;
	agent->services.reconcile = NULL;
	if (agent->network.loop)
		nx_network_stop(&agent->network, keep);
	nx_mapping_free(agent->mapping);
	agent->mapping = NULL;
	nx_client_free(agent->client);
	/* Stopping would undo what they did to the host: their next run finds it as after a kill. */
	if (over)
		return;
	if (agent->plugins)
		nx_plugins_stop(agent->plugins);
	nx_plugins_free(agent->plugins);
	nx_capabilities_release(&agent->capabilities);
	nx_services_release(&agent->services);
	nx_state_close(&agent->state);
	nx_options_release(&agent->options);
	signals_end(agent);
	nx_loop_finish(&agent->loop);
}
