/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/strategy-external/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN_LIMIT 4096
#define HEADER "Authorization: Bearer "

/* What a reading is made with. */
struct reading {
	struct nx_host *host;
	const struct nx_services *services;
	struct nx_error *error;
};

static const char *text(const struct reading *reading, const char *key)
{
	return reading->services->config_string(reading->host, key);
}

/* --- the token ---------------------------------------------------------------------------------- */

static enum nx_status file_judge(const struct reading *reading, int file, const char *path)
{
	const struct nx_services *services = reading->services;
	struct stat info;

	if (fstat(file, &info) < 0 || !S_ISREG(info.st_mode))
		return services->fail(reading->error, NX_INVALID, "token-file", "token-file: %s is no file",
				      path);
	if (info.st_mode & (S_IRWXO | S_IWGRP))
		return services->fail(
			reading->error, NX_INVALID, "token-file",
			"token-file: %s has mode %04o, so that others can get at the token: chmod "
			"600 it",
			path, (unsigned)info.st_mode & 07777u);
	return NX_OK;
}

/* The file's content without the newline at its end. */
static enum nx_status file_read(const struct reading *reading, const char *path,
				char token[static TOKEN_LIMIT])
{
	const struct nx_services *services = reading->services;
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t length;
	enum nx_status status;

	if (file < 0)
		return services->fail(reading->error, NX_INVALID, "token-file",
				      "token-file: cannot open %s: %s", path, strerror(errno));
	status = file_judge(reading, file, path);
	length = status == NX_OK ? read(file, token, TOKEN_LIMIT - 1) : 0;
	close(file);
	if (status != NX_OK)
		return status;
	if (length < 0 || length == TOKEN_LIMIT - 1)
		return services->fail(reading->error, NX_INVALID, "token-file",
				      "token-file: %s cannot be read, or is too long for a token", path);
	token[length] = '\0';
	token[strcspn(token, "\r\n")] = '\0';
	return NX_OK;
}

static bool token_fit(const char *token)
{
	for (const char *at = token; *at; at++) {
		if (*at <= ' ' || *at >= 0x7f)
			return false;
	}
	return true;
}

static enum nx_status token_read(const struct reading *reading, char token[static TOKEN_LIMIT])
{
	const char *given = text(reading, "token"), *path = text(reading, "token-file");
	enum nx_status status = NX_OK;

	token[0] = '\0';
	if (*given && *path)
		return reading->services->fail(reading->error, NX_INVALID, "token",
					       "token and token-file are both set: leave one of them out");
	if (*path)
		status = file_read(reading, path, token);
	else if (snprintf(token, TOKEN_LIMIT, "%s", given) >= TOKEN_LIMIT)
		token[0] = ' ';
	if (status == NX_OK && ((*path && !*token) || !token_fit(token)))
		return reading->services->fail(
			reading->error, NX_INVALID, *path ? "token-file" : "token",
			"the token must be printable characters of ASCII without a space");
	return status;
}

/* --- the rest ------------------------------------------------------------------------------------- */

static enum nx_status url_judge(const struct reading *reading, const char *url)
{
	if (!*url ||
	    ((strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0) && token_fit(url)))
		return NX_OK;
	return reading->services->fail(reading->error, NX_INVALID, "url",
				       "url must begin with http:// or https:// and have no spaces in it");
}

static enum nx_status ca_judge(const struct reading *reading, const char *path)
{
	if (!*path || access(path, R_OK) == 0)
		return NX_OK;
	return reading->services->fail(reading->error, NX_INVALID, "ca-file", "ca-file: cannot read %s: %s",
				       path, strerror(errno));
}

static char *header_make(const char *token)
{
	char *header = malloc(sizeof(HEADER) + strlen(token));

	if (header)
		sprintf(header, "%s%s", *token ? HEADER : "", token);
	return header;
}

static enum nx_status settings_make(const struct reading *reading, const char *token, struct settings **out)
{
	struct settings *settings = calloc(1, sizeof(*settings));

	if (!settings)
		return reading->services->fail(reading->error, NX_INTERNAL, NULL, "out of memory");
	atomic_init(&settings->holders, 1);
	settings->url = strdup(text(reading, "url"));
	settings->ca_file = strdup(text(reading, "ca-file"));
	settings->authorization = header_make(token);
	settings->timeout = (uint32_t)reading->services->config_integer(reading->host, "timeout") * 1000;
	settings->retries = (unsigned)reading->services->config_integer(reading->host, "retries");
	if (!settings->url || !settings->ca_file || !settings->authorization) {
		settings_drop(settings);
		return reading->services->fail(reading->error, NX_INTERNAL, NULL, "out of memory");
	}
	*out = settings;
	return NX_OK;
}

enum nx_status settings_read(struct nx_host *host, const struct nx_services *services, struct settings **out,
			     struct nx_error *error)
{
	const struct reading reading = {.host = host, .services = services, .error = error};
	char token[TOKEN_LIMIT];
	enum nx_status status = url_judge(&reading, text(&reading, "url"));

	if (status == NX_OK)
		status = ca_judge(&reading, text(&reading, "ca-file"));
	if (status == NX_OK)
		status = token_read(&reading, token);
	if (status == NX_OK)
		status = settings_make(&reading, token, out);
	explicit_bzero(token, sizeof(token));
	return status;
}

struct settings *settings_hold(struct settings *settings)
{
	atomic_fetch_add(&settings->holders, 1);
	return settings;
}

void settings_drop(struct settings *settings)
{
	if (!settings || atomic_fetch_sub(&settings->holders, 1) > 1)
		return;
	if (settings->authorization)
		explicit_bzero(settings->authorization, strlen(settings->authorization));
	free(settings->authorization);
	free(settings->ca_file);
	free(settings->url);
	free(settings);
}
