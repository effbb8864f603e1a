/* SPDX-License-Identifier: Apache-2.0 */
#include "server/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/memory.h"
#include "server/stun/stun.h"

#define DAY (24LL * 60 * 60)

/* clang-format off */
static const struct nx_config_key keys[] = {
	{ .name = "config", .type = NX_CONFIG_STRING, .fallback = "/etc/nexodus/server.conf",
	  .summary = "File to read the configuration from" },
	{ .name = "listen", .type = NX_CONFIG_STRING, .fallback = "127.0.0.1:8080",
	  .summary = "Addresses and ports to listen on, several separated by commas; port 0 lets the system choose" },
	{ .name = "state-directory", .type = NX_CONFIG_STRING, .fallback = "/var/lib/nexodus",
	  .summary = "Where the server keeps what it must not lose" },
	{ .name = "store", .type = NX_CONFIG_STRING, .fallback = "sqlite",
	  .summary = "Database engine: sqlite or postgresql" },
	{ .name = "database", .type = NX_CONFIG_STRING, .fallback = "",
	  .summary = "sqlite: a file (default: nexodus.db in the state directory); postgresql: a connection string" },
	{ .name = "store-readers", .type = NX_CONFIG_INTEGER, .fallback = "4", .minimum = 1, .maximum = 64,
	  .summary = "Database connections that read" },
	{ .name = "plugin-directory", .type = NX_CONFIG_STRING, .fallback = NEXODUS_PLUGIN_DIR,
	  .summary = "Folder whose server/*.so are the plugins" },
	{ .name = "plugins", .type = NX_CONFIG_STRING, .fallback = "*",
	  .summary = "Plugins to load, by name, separated by commas; * for all" },
	{ .name = "log-level", .type = NX_CONFIG_STRING, .fallback = "info", .reloadable = true,
	  .summary = "error, warning, info or debug" },
	{ .name = "log-format", .type = NX_CONFIG_STRING, .fallback = "auto", .reloadable = true,
	  .summary = "auto (for a person on a terminal, key-value otherwise), human, key-value or json" },
	{ .name = "workers", .type = NX_CONFIG_INTEGER, .fallback = "4", .minimum = 1, .maximum = 256,
	  .summary = "Threads that handle requests" },
	{ .name = "max-connections", .type = NX_CONFIG_INTEGER, .fallback = "4096", .minimum = 16,
	  .maximum = 1000000, .reloadable = true, .summary = "Open connections at most, watchers not counted" },
	{ .name = "max-connections-per-address", .type = NX_CONFIG_INTEGER, .fallback = "1024", .minimum = 1,
	  .maximum = 1000000, .reloadable = true,
	  .summary = "Open connections from one address (IPv6: one /64) at most, watchers not counted" },
	{ .name = "max-watchers", .type = NX_CONFIG_INTEGER, .fallback = "15000", .minimum = 1,
	  .maximum = 1000000, .reloadable = true, .summary = "Open event streams at most" },
	{ .name = "request-timeout", .type = NX_CONFIG_DURATION, .fallback = "30s", .minimum = 1,
	  .maximum = 600, .reloadable = true,
	  .summary = "How long a request may take to arrive, and its answer to be taken" },
	{ .name = "tls-certificate", .type = NX_CONFIG_STRING, .fallback = "", .reloadable = true,
	  .summary = "PEM file with the server's certificate and its issuers; with tls-key: serve HTTPS" },
	{ .name = "tls-key", .type = NX_CONFIG_STRING, .fallback = "", .reloadable = true,
	  .summary = "PEM file with the certificate's private key, mode 0600" },
	{ .name = "token-lifetime", .type = NX_CONFIG_DURATION, .fallback = "24h", .minimum = 60,
	  .maximum = 3650 * DAY, .reloadable = true, .summary = "How long a user's token is valid" },
	{ .name = "admin-username", .type = NX_CONFIG_STRING, .fallback = "admin",
	  .summary = "Name of the administrator that the first start makes" },
	{ .name = "admin-password-file", .type = NX_CONFIG_STRING, .fallback = "",
	  .summary = "File with that administrator's password (default: a random one, in admin-password of the state directory)" },
};
/* clang-format on */

const struct nx_table nx_option_keys = NX_TABLE(keys);

static const char *text(const struct nx_config *config, const char *key)
{
	return nx_config_string(config, NX_OPTIONS_SECTION, key);
}

static unsigned number(const struct nx_config *config, const char *key)
{
	return (unsigned)nx_config_integer(config, NX_OPTIONS_SECTION, key);
}

struct nx_http_options nx_options_http(const struct nx_config *config)
{
	return (struct nx_http_options){
		.listen = text(config, "listen"),
		.tls_certificate = text(config, "tls-certificate"),
		.tls_key = text(config, "tls-key"),
		.workers = number(config, "workers"),
		.limits =
			{
				.connections = number(config, "max-connections"),
				.connections_per_address = number(config, "max-connections-per-address"),
				.watchers = number(config, "max-watchers"),
				.request_seconds = number(config, "request-timeout"),
			},
	};
}

static enum nx_status store_kind(const struct nx_config *config, enum nx_store_kind *out,
				 struct nx_error *error)
{
	const char *kind = text(config, "store");

	if (strcmp(kind, "sqlite") == 0)
		*out = NX_STORE_SQLITE;
	else if (strcmp(kind, "postgresql") == 0)
		*out = NX_STORE_POSTGRESQL;
	else
		return nx_fail(error, NX_INVALID, "store",
			       "store is \"%s\" (%s): it must be sqlite or postgresql", kind,
			       nx_config_source(config, NX_OPTIONS_SECTION, "store"));
	return NX_OK;
}

enum nx_status nx_options_store(const struct nx_config *config, struct nx_store_options *out, char **database,
				struct nx_error *error)
{
	const char *given = text(config, "database");
	enum nx_status status = store_kind(config, &out->kind, error);

	if (status != NX_OK)
		return status;
	if (!*given && out->kind == NX_STORE_POSTGRESQL)
		return nx_fail(
			error, NX_INVALID, "database",
			"database is not set: with store=postgresql give it a connection string, such as "
			"\"host=/run/postgresql dbname=nexodus\"");
	*database = *given ? nx_strdup(given) : nx_printf("%s/nexodus.db", text(config, "state-directory"));
	out->database = *database;
	out->readers = number(config, "store-readers");
	out->group_limit = 256;
	out->queue_limit = 16384;
	return NX_OK;
}

static enum nx_status log_parse(const struct nx_config *config, enum nx_log_level *level,
				enum nx_log_format *format, struct nx_error *error)
{
	if (!nx_log_level_parse(text(config, "log-level"), level))
		return nx_fail(error, NX_INVALID, "log-level",
			       "log-level is \"%s\" (%s): it must be error, warning, info or debug",
			       text(config, "log-level"),
			       nx_config_source(config, NX_OPTIONS_SECTION, "log-level"));
	if (!nx_log_format_parse(text(config, "log-format"), format))
		return nx_fail(error, NX_INVALID, "log-format",
			       "log-format is \"%s\" (%s): it must be auto, human, key-value or json",
			       text(config, "log-format"),
			       nx_config_source(config, NX_OPTIONS_SECTION, "log-format"));
	return NX_OK;
}

enum nx_status nx_options_log(const struct nx_config *config, struct nx_error *error)
{
	enum nx_log_level level = NX_LOG_INFO;
	enum nx_log_format format = NX_LOG_AUTO;
	enum nx_status status = log_parse(config, &level, &format, error);

	if (status == NX_OK)
		nx_log_setup("nexodus-server", level, format);
	return status;
}

enum nx_status nx_options_check(const struct nx_config *config, struct nx_error *error)
{
	struct nx_http_options http = nx_options_http(config);
	enum nx_log_level level = NX_LOG_INFO;
	enum nx_log_format format = NX_LOG_AUTO;
	enum nx_store_kind kind;
	enum nx_status status = log_parse(config, &level, &format, error);

	if (status == NX_OK)
		status = store_kind(config, &kind, error);
	if (status == NX_OK)
		status = nx_http_check(&http, error);
	if (status == NX_OK)
		status = nx_stun_server_check(config, error);
	return status;
}

enum nx_status nx_options_state_directory(const struct nx_config *config, struct nx_error *error)
{
	const char *path = text(config, "state-directory");

	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return NX_OK;
	return nx_fail(
		error, NX_INVALID, "state-directory",
		"cannot make the state directory %s: %s: make it, or name another one with --state-directory",
		path, strerror(errno));
}
