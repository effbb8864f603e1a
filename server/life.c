/* SPDX-License-Identifier: Apache-2.0 */
#include "server/life.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "server/auth/auth.h"
#include "server/http/http.h"
#include "server/http/metrics.h"
#include "server/http/route.h"
#include "server/ipam/lease.h"
#include "server/ipam/strategies.h"
#include "server/ipam/strategy.h"
#include "server/life_inside.h"
#include "server/options.h"
#include "server/renumbering/renumbering.h"
#include "server/resources/fields.h"
#include "server/store/migrate.h"
#include "server/stun/stun.h"
#include "server/watch/hub.h"

#define DRAIN_SECONDS 10

enum nx_status nx_life_store_open(struct nx_server *server, struct nx_error *error)
{
	struct nx_store_options options = {.notified = nx_watch_payload, .notified_context = server};
	NX_AUTO_FREE char *database = NULL;
	enum nx_status status = nx_options_state_directory(server->config, error);

	if (status == NX_OK)
		status = nx_options_store(server->config, &options, &database, error);
	if (status == NX_OK)
		status = nx_store_open(&options, &server->store, error);
	return status;
}

struct nx_component *nx_life_components(const struct nx_server *server, size_t *count)
{
	size_t plugins = nx_plugins_count(server->plugins);
	struct nx_component *components = nx_alloc_array(plugins + 1, sizeof(*components));

	*count = 0;
	components[(*count)++] = nx_core_component;
	for (size_t i = 0; i < plugins; i++) {
		const struct nx_plugin *plugin = nx_plugins_at(server->plugins, i)->plugin;
		components[(*count)++] = (struct nx_component){plugin->name, plugin->migrations};
	}
	return components;
}

/* Before migrating: nobody is to take away what this server is about to rely on. */
static enum nx_status claim(struct nx_store *store, const struct nx_component *components, size_t count,
			    struct nx_error *error)
{
	enum nx_status status = NX_OK;

	for (size_t i = 0; i < count && status == NX_OK; i++) {
		if (components[i].migrations.count)
			status = nx_store_claim(store, components[i].name, error);
	}
	return status;
}

/* A plugin with fields that comes to a database which has been served without; *name NULL: none does. */
static enum nx_status newcomer_find(struct nx_server *server, const char **name, struct nx_error *error)
{
	bool served = false;
	enum nx_status status = nx_store_recorded(server->store, nx_core_component.name, &served, error);

	*name = NULL;
	for (size_t i = 0; status == NX_OK && served && !*name && i < nx_plugins_count(server->plugins);
	     i++) {
		const struct nx_plugin *plugin = nx_plugins_at(server->plugins, i)->plugin;
		bool recorded = true;

		if (plugin->fields.count && plugin->migrations.count)
			status = nx_store_recorded(server->store, plugin->name, &recorded, error);
		if (!recorded)
			*name = plugin->name;
	}
	return status;
}

/* Agents of a server without the plugin would take their records as it shows them, and never hear again of
 * what the plugin has brought: until all have it, there must be none. */
static enum nx_status newcomer_admit(struct nx_server *server, const char *name, struct nx_error *error)
{
	struct nx_error why = {0};
	enum nx_status status = nx_store_claim_alone(server->store, nx_core_component.name, &why);

	if (status == NX_CONFLICT)
		return nx_fail(
			error, NX_CONFLICT, NULL,
			"%s comes into the database, and %s: stop it, and start it again with %s afterwards",
			name, why.message, name);
	if (status != NX_OK)
		*error = why;
	server->newcomer = status == NX_OK;
	return status;
}

enum nx_status nx_life_migrate(struct nx_server *server, struct nx_error *error)
{
	size_t count;
	NX_AUTO_FREE struct nx_component *components = nx_life_components(server, &count);
	unsigned applied = 0;
	const char *newcomer;
	char number[16];
	enum nx_status status = newcomer_find(server, &newcomer, error);

	if (status == NX_OK && newcomer)
		status = newcomer_admit(server, newcomer, error);
	if (status == NX_OK)
		status = claim(server->store, components, count, error);

	if (status == NX_OK)
		status = nx_store_migrate(server->store, components, count, &applied, error);
	if (status == NX_OK && applied) {
		snprintf(number, sizeof(number), "%u", applied);
		nx_log(NX_LOG_INFO, "database migrated", "steps", number, NULL);
	}
	return status;
}

static enum nx_status store_begin(struct nx_server *server, struct nx_error *error)
{
	enum nx_status status = nx_life_store_open(server, error);

	if (status == NX_OK)
		status = nx_life_migrate(server, error);
	if (status == NX_OK)
		status = nx_store_start(server->store, error);
	return status;
}

enum nx_status nx_life_fields(struct nx_server *server, struct nx_error *error)
{
	server->fields = nx_fields_new(server, error);
	if (!server->fields)
		return error->status;
	server->leases = nx_leases_new(server);
	/* After a rehearsal they are there. */
	if (!server->strategies)
		server->strategies = nx_strategies_new(server);
	return NX_OK;
}

static enum nx_status resources_begin(struct nx_server *server, struct nx_error *error)
{
	server->metrics = nx_metrics_new(nx_routes, nx_route_count);
	server->auth = nx_auth_new(server);
	enum nx_status status = nx_life_fields(server, error);
	if (status != NX_OK)
		return status;
	server->watch = nx_watch_hub_new(server);
	status = nx_leases_family_arrived(server, error);
	if (status == NX_OK && server->newcomer)
		status = nx_store_claim_yield(server->store, nx_core_component.name, error);
	if (status == NX_OK)
		status = nx_auth_bootstrap(server, error);
	return status;
}

/* Strategies may be asked from then on: their plugins have started. */
static enum nx_status renumberings_begin(struct nx_server *server, struct nx_error *error)
{
	server->renumberings = nx_renumberings_start(server, error);
	return server->renumberings ? NX_OK : error->status;
}

/* Before requests for /api/stun are answered, which tells the ports. */
static enum nx_status stun_begin(struct nx_server *server, struct nx_error *error)
{
	enum nx_status status = nx_stun_server_new(server->config, &server->stun, error);

	if (status == NX_OK)
		status = nx_stun_server_start(server->stun, error);
	return status;
}

static enum nx_status http_begin(struct nx_server *server, struct nx_error *error)
{
	struct nx_http_options options = nx_options_http(server->config);
	char addresses[512];
	enum nx_status status = nx_http_new(server, &options, &server->http, error);

	if (status != NX_OK)
		return status;
	nx_http_addresses(server->http, addresses, sizeof(addresses));
	status = stun_begin(server, error);
	if (status == NX_OK)
		status = nx_http_start(server->http, error);
	if (status == NX_OK)
		nx_log(NX_LOG_INFO, "listening", "addresses", addresses, "tls",
		       options.tls_certificate[0] ? "yes" : "no", "version", NEXODUS_VERSION, NULL);
	return status;
}

enum nx_status nx_life_load(struct nx_server *server, struct nx_error *error)
{
	enum nx_status status = nx_plugins_load(server->plugins, error);

	return status == NX_OK ? nx_strategies_check(server->plugins, error) : status;
}

enum nx_status nx_life_begin(struct nx_server *server, struct nx_error *error)
{
	enum nx_status status = nx_life_load(server, error);

	if (status == NX_OK)
		status = store_begin(server, error);
	if (status == NX_OK)
		status = resources_begin(server, error);
	if (status == NX_OK)
		status = nx_plugins_start(server->plugins, error);
	if (status == NX_OK)
		status = renumberings_begin(server, error);
	if (status == NX_OK)
		status = http_begin(server, error);
	return status;
}

enum nx_status nx_life_reload(struct nx_server *server, struct nx_error *error)
{
	struct nx_http_options options = nx_options_http(server->config);
	enum nx_status status = nx_options_check(server->config, error);

	if (status == NX_OK)
		status = nx_plugins_reload(server->plugins, error);
	if (status == NX_OK)
		status = nx_http_reload(server->http, &options, error);
	if (status == NX_OK)
		status = nx_options_log(server->config, error);
	if (status == NX_OK) {
		nx_strategies_reload(server->strategies);
		nx_stun_server_reload(server->stun, server->config);
	}
	return status;
}

enum nx_status nx_life_reload_back(struct nx_server *server, struct nx_error *error)
{
	nx_config_revert(server->config);
	return nx_plugins_reload(server->plugins, error);
}

bool nx_life_end(struct nx_server *server)
{
	if (server->http && !nx_http_drain(server->http, DRAIN_SECONDS))
		nx_log(NX_LOG_WARNING, "some requests were not answered in time", NULL);
	nx_renumberings_stop(server->renumberings);
	bool all_back = nx_strategies_stop(server->strategies);
	if (server->plugins && all_back)
		nx_plugins_stop(server->plugins);
	if (server->watch)
		nx_watch_stop(server->watch);
	if (server->store)
		nx_store_stop(server->store);
	nx_http_free(server->http);
	nx_stun_server_free(server->stun);
	if (server->watch)
		nx_watch_hub_free(server->watch);
	nx_leases_free(server->leases);
	nx_fields_free(server->fields);
	nx_auth_free(server->auth);
	nx_store_close(server->store);
	nx_metrics_free(server->metrics);
	if (all_back) {
		nx_strategies_free(server->strategies);
		nx_plugins_free(server->plugins);
	}
	*server = (struct nx_server){.config = server->config};
	return all_back;
}
