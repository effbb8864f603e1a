/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/options_list.h"
#include "agent/session/client.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/utf8.h"

#define SECRET_FILE_LIMIT 4096u
#define INTERFACE_NAME_ROOM 16u /* IFNAMSIZ, its NUL included */
#define HOSTNAME_ROOM 256u

static const struct nx_config_key keys[] = {
	{.name = "config",
	 .type = NX_CONFIG_STRING,
	 .fallback = "/etc/nexodus/nexd.conf",
	 .summary = "File to read the configuration from"},
	{.name = "service-url",
	 .type = NX_CONFIG_STRING,
	 .fallback = "",
	 .summary = "Where the service is, such as https://nexodus.example.com"},
	{.name = "ca-file",
	 .type = NX_CONFIG_STRING,
	 .fallback = "",
	 .summary = "PEM file with the authorities that the service's certificate is checked against "
		    "(default: the system's)"},
	{.name = "registration-key",
	 .type = NX_CONFIG_STRING,
	 .fallback = "",
	 .summary = "Key to register this host with; other users of this host can read it on a command line: "
		    "prefer the next"},
	{.name = "registration-key-file",
	 .type = NX_CONFIG_STRING,
	 .fallback = "",
	 .summary = "File with the registration key"},
	{.name = "username",
	 .type = NX_CONFIG_STRING,
	 .fallback = "",
	 .summary = "User to register this host for, instead of a registration key"},
	{.name = "password",
	 .type = NX_CONFIG_STRING,
	 .fallback = "",
	 .summary = "That user's password: from the environment (NEXD_PASSWORD) or the file, never as an "
		    "option"},
	{.name = "password-file",
	 .type = NX_CONFIG_STRING,
	 .fallback = "",
	 .summary = "File with that user's password"},
	{.name = "organization-id",
	 .type = NX_CONFIG_STRING,
	 .fallback = "",
	 .summary = "Organization to register in (default: the key's, or the user's own)"},
	{.name = "re-enrol",
	 .type = NX_CONFIG_BOOLEAN,
	 .fallback = "false",
	 .summary = "Register this host anew when the service does not know its device any more, with the "
		    "registration key or user that is configured, instead of stopping"},
	{.name = "state-directory",
	 .type = NX_CONFIG_STRING,
	 .fallback = "/var/lib/nexd",
	 .summary = "Where this host's keys and last known peers are kept"},
	{.name = "control-socket",
	 .type = NX_CONFIG_STRING,
	 .fallback = "/run/nexd/nexd.sock",
	 .summary = "Socket that nexctl asks; empty for none"},
	{.name = "interface",
	 .type = NX_CONFIG_STRING,
	 .fallback = "wg0",
	 .summary = "Name of the tunnel's interface"},
	{.name = "listen-port",
	 .type = NX_CONFIG_INTEGER,
	 .fallback = "0",
	 .minimum = 0,
	 .maximum = 65535,
	 .summary = "UDP port of the tunnel; 0 lets the system choose"},
	{.name = "mtu",
	 .type = NX_CONFIG_INTEGER,
	 .fallback = "0",
	 .minimum = 0,
	 .maximum = 65535,
	 .summary = "Largest packet of the tunnel in bytes; 0 for what the ways out of this host carry"},
	{.name = "driver",
	 .type = NX_CONFIG_STRING,
	 .fallback = "",
	 .summary = "Tunnel driver to use (default: the first that is loaded)"},
	{.name = "keep-interface",
	 .type = NX_CONFIG_BOOLEAN,
	 .fallback = "false",
	 .summary = "Leave the tunnel as it stands when nexd stops"},
	{.name = "drain-timeout",
	 .type = NX_CONFIG_DURATION,
	 .fallback = "5",
	 .minimum = 0,
	 .maximum = 3600,
	 .summary = "Seconds that a relay waits, when it is told to stop, for its spokes to move to another "
		    "one; "
		    "0 does not wait"},
	{.name = "hostname",
	 .type = NX_CONFIG_STRING,
	 .fallback = "",
	 .summary = "Name to register this host under (default: the host's own)"},
	{.name = "local-endpoint-ip",
	 .type = NX_CONFIG_STRING,
	 .fallback = "",
	 .summary = "Addresses others reach this host's tunnel at, with or without port, of any family, "
		    "separated by commas (default: found out)"},
	{.name = "request-ip",
	 .type = NX_CONFIG_STRING,
	 .fallback = "",
	 .summary = "Addresses to ask for at registration, one of each family, separated by commas"},
	{.name = "advertise-cidr",
	 .type = NX_CONFIG_STRING,
	 .fallback = "",
	 .summary = "Prefixes behind this host to give the others access to, of any family, separated by "
		    "commas"},
	{.name = "child-prefix",
	 .type = NX_CONFIG_STRING,
	 .fallback = "",
	 .summary = "The older name of advertise-cidr"},
	{.name = "accept-networks",
	 .type = NX_CONFIG_STRING,
	 .fallback = "",
	 .summary = "Prefixes that may be routed into the mesh although they are wide, or networks of this "
		    "host's "
		    "own, separated by commas"},
	{.name = "strict-networks",
	 .type = NX_CONFIG_BOOLEAN,
	 .fallback = "false",
	 .summary = "Route nothing into the mesh but what accept-networks names, the organization's prefixes "
		    "included"},
	{.name = "stun-server",
	 .type = NX_CONFIG_STRING,
	 .fallback = "",
	 .summary =
		 "STUN servers that tell this host how the outside sees it, HOST:PORT separated by commas; "
		 "none for none (default: those the service names)"},
	{.name = "stun-interval",
	 .type = NX_CONFIG_DURATION,
	 .fallback = "300",
	 .minimum = 1,
	 .maximum = 86400,
	 .summary = "Seconds between questions to STUN servers when nothing seems to change"},
	{.name = "plugin-directory",
	 .type = NX_CONFIG_STRING,
	 .fallback = NEXODUS_PLUGIN_DIR,
	 .summary = "Folder whose agent/*.so are the plugins"},
	{.name = "plugins",
	 .type = NX_CONFIG_STRING,
	 .fallback = "*",
	 .summary = "Plugins to load, by name, separated by commas; * for all"},
	{.name = "log-level",
	 .type = NX_CONFIG_STRING,
	 .fallback = "info",
	 .reloadable = true,
	 .summary = "error, warning, info or debug"},
	{.name = "log-format",
	 .type = NX_CONFIG_STRING,
	 .fallback = "auto",
	 .reloadable = true,
	 .summary = "auto (for a person on a terminal, key-value otherwise), human, key-value or json"},
};

const struct nx_table nx_option_keys = NX_TABLE(keys);

static const char *text(const struct nx_config *config, const char *key)
{
	return nx_config_string(config, NX_OPTIONS_SECTION, key);
}

static enum nx_status refuse(const struct nx_config *config, const char *key, const char *why,
			     struct nx_error *error)
{
	return nx_fail(error, NX_INVALID, key, "%s is \"%s\" (%s): %s", key, text(config, key),
		       nx_config_source(config, NX_OPTIONS_SECTION, key), why);
}

/* --- plain texts ------------------------------------------------------------------------- */

static bool interface_fit(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length >= INTERFACE_NAME_ROOM || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == length;
}

static bool hostname_fit(const char *name)
{
	size_t length = strlen(name);
	uint32_t character;

	if (length == 0 || length >= HOSTNAME_ROOM)
		return false;
	while (*name) {
		size_t step = nx_utf8_decode(name, strlen(name), &character);

		if (step == 0 || character < ' ' || character == 0x7f)
			return false;
		name += step;
	}
	return true;
}

static char *hostname_of_system(void)
{
	char name[HOSTNAME_ROOM] = "";

	if (gethostname(name, sizeof(name) - 1) != 0 || !hostname_fit(name))
		return nx_strdup("localhost");
	return nx_strdup(name);
}

static enum nx_status texts_read(const struct nx_config *config, struct nx_options *out,
				 struct nx_error *error)
{
	out->service_url = nx_strdup(text(config, "service-url"));
	out->ca_file = nx_strdup(text(config, "ca-file"));
	out->organization_id = nx_strdup(text(config, "organization-id"));
	out->username = nx_strdup(text(config, "username"));
	out->state_directory = nx_strdup(text(config, "state-directory"));
	out->control_socket = nx_strdup(text(config, "control-socket"));
	out->interface = nx_strdup(text(config, "interface"));
	out->driver = nx_strdup(text(config, "driver"));
	out->hostname =
		*text(config, "hostname") ? nx_strdup(text(config, "hostname")) : hostname_of_system();
	if (*out->organization_id && !nx_uuid_check(out->organization_id))
		return refuse(config, "organization-id", "an organization's id is a UUID", error);
	if (!*out->state_directory)
		return refuse(config, "state-directory", "a folder is needed", error);
	if (!interface_fit(out->interface))
		return refuse(config, "interface",
			      "up to 15 letters, digits, dots, dashes and underscores are needed", error);
	if (*out->ca_file && access(out->ca_file, R_OK) != 0)
		return refuse(config, "ca-file", strerror(errno), error);
	if (!hostname_fit(out->hostname))
		return refuse(config, "hostname",
			      "up to 255 bytes of text without control characters are needed", error);
	return nx_service_url_check(out->service_url, error);
}

/* --- secrets --------------------------------------------------------------------------------- */

static void secret_free(char *secret)
{
	if (secret)
		nx_wipe(secret, strlen(secret));
	free(secret);
}

/* The first line of a file. */
static enum nx_status secret_file_read(const struct nx_config *config, const char *key, char **out,
				       struct nx_error *error)
{
	char *content = NULL;
	enum nx_status status = nx_file_read(text(config, key), SECRET_FILE_LIMIT, &content, NULL, error);

	if (status != NX_OK) {
		if (error)
			snprintf(error->field, sizeof(error->field), "%s", key);
		return status;
	}
	content[strcspn(content, "\r\n")] = '\0';
	*out = content;
	return *content ? NX_OK : refuse(config, key, "the file's first line is empty", error);
}

static enum nx_status secret_read(const struct nx_config *config, const char *key, const char *file_key,
				  char **out, struct nx_error *error)
{
	if (*text(config, key) && *text(config, file_key))
		return nx_fail(error, NX_INVALID, key, "%s and %s are both set: set one of them", key,
			       file_key);
	if (*text(config, file_key))
		return secret_file_read(config, file_key, out, error);
	*out = nx_strdup(text(config, key));
	return NX_OK;
}

/* A secret goes into a header line as it is. */
static bool secret_fit(const char *secret)
{
	for (; *secret; secret++) {
		if ((unsigned char)*secret < ' ' || *secret == 0x7f)
			return false;
	}
	return true;
}

static enum nx_status secrets_read(const struct nx_config *config, struct nx_options *out,
				   struct nx_error *error)
{
	enum nx_status status = secret_read(config, "registration-key", "registration-key-file",
					    &out->registration_key, error);

	if (status == NX_OK)
		status = secret_read(config, "password", "password-file", &out->password, error);
	if (status != NX_OK)
		return status;
	if (strncmp(nx_config_source(config, NX_OPTIONS_SECTION, "password"), "option", 6) == 0)
		return nx_fail(error, NX_INVALID, "password",
			       "a password on the command line can be read by everybody on this host: use "
			       "--password-file or NEXD_PASSWORD");
	if (!secret_fit(out->registration_key) || !secret_fit(out->password))
		return nx_fail(error, NX_INVALID, "registration-key",
			       "the registration key or the password holds control characters");
	if (*out->username && !*out->password)
		return nx_fail(error, NX_INVALID, "password",
			       "username is set, but no password: use --password-file or NEXD_PASSWORD");
	return NX_OK;
}

/* --- all of it -------------------------------------------------------------------------------- */

static enum nx_status lists_read(const struct nx_config *config, struct nx_options *out,
				 struct nx_error *error)
{
	enum nx_status status = nx_endpoint_list(text(config, "local-endpoint-ip"), "local-endpoint-ip",
						 &out->local, &out->local_count, error);

	if (status == NX_OK)
		status = nx_address_list(text(config, "request-ip"), "request-ip", &out->requested,
					 &out->requested_count, error);
	if (status == NX_OK)
		status = nx_prefix_list(text(config, "advertise-cidr"), "advertise-cidr", &out->advertised,
					&out->advertised_count, error);
	if (status == NX_OK)
		status = nx_prefix_list(text(config, "child-prefix"), "child-prefix", &out->advertised,
					&out->advertised_count, error);
	if (status == NX_OK)
		status = nx_prefix_list(text(config, "accept-networks"), "accept-networks", &out->accepted,
					&out->accepted_count, error);
	if (status == NX_OK)
		status = nx_stun_servers_parse(text(config, "stun-server"), "stun-server", &out->stun, error);
	return status;
}

enum nx_status nx_options_read(const struct nx_config *config, struct nx_options *out, struct nx_error *error)
{
	enum nx_status status;

	*out = (struct nx_options){
		.listen_port = (uint16_t)nx_config_integer(config, NX_OPTIONS_SECTION, "listen-port"),
		.mtu = (uint32_t)nx_config_integer(config, NX_OPTIONS_SECTION, "mtu"),
		.re_enrol = nx_config_boolean(config, NX_OPTIONS_SECTION, "re-enrol"),
		.keep_interface = nx_config_boolean(config, NX_OPTIONS_SECTION, "keep-interface"),
		.drain_seconds = (uint32_t)nx_config_integer(config, NX_OPTIONS_SECTION, "drain-timeout"),
		.strict = nx_config_boolean(config, NX_OPTIONS_SECTION, "strict-networks"),
		.stun_given = *text(config, "stun-server") != '\0',
		.stun_interval = (uint32_t)nx_config_integer(config, NX_OPTIONS_SECTION, "stun-interval"),
	};
	status = texts_read(config, out, error);
	if (status == NX_OK && out->mtu && out->mtu < 576)
		status = refuse(config, "mtu", "0, or 576 and more is needed", error);
	if (status == NX_OK)
		status = secrets_read(config, out, error);
	if (status == NX_OK)
		status = lists_read(config, out, error);
	if (status != NX_OK)
		nx_options_release(out);
	return status;
}

void nx_options_release(struct nx_options *options)
{
	secret_free(options->registration_key);
	secret_free(options->password);
	free(options->service_url);
	free(options->ca_file);
	free(options->organization_id);
	free(options->username);
	free(options->state_directory);
	free(options->control_socket);
	free(options->interface);
	free(options->hostname);
	free(options->driver);
	free(options->local);
	free(options->requested);
	free(options->advertised);
	free(options->accepted);
	nx_stun_servers_release(&options->stun);
	*options = (struct nx_options){0};
}

enum nx_status nx_options_log(const struct nx_config *config, struct nx_error *error)
{
	enum nx_log_level level;
	enum nx_log_format format;

	if (!nx_log_level_parse(text(config, "log-level"), &level))
		return refuse(config, "log-level", "it must be error, warning, info or debug", error);
	if (!nx_log_format_parse(text(config, "log-format"), &format))
		return refuse(config, "log-format", "it must be auto, human, key-value or json", error);
	nx_log_setup("nexd", level, format);
	return NX_OK;
}
