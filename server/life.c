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
#include "server/options.h"
#include "server/resources/fields.h"
#include "server/resources/lease.h"
#include "server/resources/strategy.h"
#include "server/store/migrate.h"
#include "server/stun/stun.h"
#include "server/watch/hub.h"

#define DRAIN_SECONDS 10

static enum nx_status store_open(const struct nx_config *config, struct nx_server *server,
				 struct nx_store **out, struct nx_error *error)
{
	struct nx_store_options options = {.notified = server ? nx_watch_payload : NULL,
					   .notified_context = server};
	NX_AUTO_FREE char *database = NULL;
	enum nx_status status = nx_options_state_directory(config, error);

	if (status == NX_OK)
		status = nx_options_store(config, &options, &database, error);
	if (status == NX_OK)
		status = nx_store_open(&options, out, error);
	return status;
}

static enum nx_status migrate(struct nx_server *server, struct nx_error *error)
{
	size_t plugins = nx_plugins_count(server->plugins);
	NX_AUTO_FREE struct nx_component *components = nx_alloc_array(plugins + 1, sizeof(*components));
	size_t count = 0;
	unsigned applied = 0;
	char number[16];

	components[count++] = nx_core_component;
	for (size_t i = 0; i < plugins; i++) {
		const struct nx_plugin *plugin = nx_plugins_at(server->plugins, i)->plugin;
		components[count++] = (struct nx_component){plugin->name, plugin->migrations};
	}
	enum nx_status status = nx_store_migrate(server->store, components, count, &applied, error);
	if (status == NX_OK && applied) {
		snprintf(number, sizeof(number), "%u", applied);
		nx_log(NX_LOG_INFO, "database migrated", "steps", number, NULL);
	}
	return status;
}

static enum nx_status store_begin(struct nx_server *server, struct nx_error *error)
{
	enum nx_status status = store_open(server->config, server, &server->store, error);

	if (status == NX_OK)
		status = migrate(server, error);
	if (status == NX_OK)
		status = nx_store_start(server->store, error);
	return status;
}

static enum nx_status resources_begin(struct nx_server *server, struct nx_error *error)
{
	server->metrics = nx_metrics_new(nx_routes, nx_route_count);
	server->auth = nx_auth_new(server);
	server->fields = nx_fields_new(server, error);
	if (!server->fields)
		return error->status;
	server->leases = nx_leases_new(server);
	server->watch = nx_watch_hub_new(server);
	enum nx_status status = nx_leases_family_arrived(server, error);
	if (status == NX_OK)
		status = nx_auth_bootstrap(server, error);
	return status;
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
	if (status == NX_OK)
		nx_stun_server_reload(server->stun, server->config);
	return status;
}

enum nx_status nx_life_reload_back(struct nx_server *server, struct nx_error *error)
{
	nx_config_revert(server->config);
	return nx_plugins_reload(server->plugins, error);
}

void nx_life_end(struct nx_server *server)
{
	if (server->http && !nx_http_drain(server->http, DRAIN_SECONDS))
		nx_log(NX_LOG_WARNING, "some requests were not answered in time", NULL);
	if (server->plugins)
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
	nx_plugins_free(server->plugins);
	*server = (struct nx_server){.config = server->config};
}

enum nx_status nx_life_drop_plugin(const struct nx_config *config, const char *name, struct nx_error *error)
{
	struct nx_store *store = NULL;
	enum nx_status status = store_open(config, NULL, &store, error);

	if (status == NX_OK)
		status = nx_store_drop_component(store, name, error);
	nx_store_close(store);
	return status;
}
