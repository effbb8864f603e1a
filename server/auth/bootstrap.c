/* SPDX-License-Identifier: Apache-2.0 */
/* The first administrator, when there is no user yet. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/secret.h"
#include "server/auth/auth.h"
#include "server/resources/user.h"

#define PASSWORD_FILE "admin-password"
#define PASSWORD_MINIMUM 8
#define PASSWORD_LIMIT 1024
#define PASSWORD_RANDOM 24 /* characters of base64url: 144 bits */

struct bootstrap {
	struct nx_command command; /* first: the command is the bootstrap */
	struct nx_server *server;
	const char *username;
	char password_hash[NX_PASSWORD_HASH_TEXT];
	char id[NX_UUID_TEXT];
	bool made;
};

static enum nx_status users_count(struct nx_tx *tx, void *context, struct nx_error *error)
{
	return nx_sql_integer(tx, error, "SELECT COUNT(*) FROM users", NX_NO_PARAMS, context);
}

/* Another server on the same database may have been faster. */
static enum nx_status administrator_make(struct nx_command *command, struct nx_tx *tx, struct nx_error *error)
{
	struct bootstrap *bootstrap = (struct bootstrap *)(void *)command;
	int64_t users = 0;

	bootstrap->made = false;
	enum nx_status status = users_count(tx, &users, error);
	if (status != NX_OK || users > 0)
		return status;
	status = nx_user_create(bootstrap->server, tx, bootstrap->username, bootstrap->password_hash, true,
				bootstrap->id, error);
	bootstrap->made = status == NX_OK;
	return status;
}

/* --- the password ---------------------------------------------------------------------- */

static enum nx_status password_given(const char *path, char **out, struct nx_error *error)
{
	struct nx_error why = {0};
	struct stat info;
	size_t length;

	if (stat(path, &info) == 0 && (info.st_mode & (S_IRWXO | S_IWGRP)))
		return nx_fail(error, NX_INVALID, "admin-password-file",
			       "admin-password-file: %s has mode %04o, so that others can read the password: "
			       "chmod 0600 it",
			       path, (unsigned)info.st_mode & 07777u);
	if (nx_file_read(path, PASSWORD_LIMIT, out, &length, &why) != NX_OK)
		return nx_fail(error, NX_INVALID, "admin-password-file",
			       "admin-password-file: cannot read %s: %s", path,
			       why.message[0] ? why.message : "no such file");
	(*out)[strcspn(*out, "\r\n")] = '\0';
	if (strlen(*out) < PASSWORD_MINIMUM)
		return nx_fail(error, NX_INVALID, "admin-password-file",
			       "admin-password-file: the first line of %s is shorter than %d characters",
			       path, PASSWORD_MINIMUM);
	return NX_OK;
}

static char *password_make(void)
{
	char token[NX_TOKEN_TEXT];

	nx_token_make("", token);
	char *password = nx_printf("%.*s", PASSWORD_RANDOM, token);
	nx_wipe(token, sizeof(token));
	return password;
}

/* Before the commit: a password that nobody has seen is worth nothing. */
static enum nx_status password_keep(const char *path, const char *password, struct nx_error *error)
{
	NX_AUTO_FREE char *line = nx_printf("%s\n", password);
	enum nx_status status = nx_file_write(path, line, strlen(line), 0600, error);

	nx_wipe(line, strlen(line));
	return status;
}

static void password_tell(const char *username, const char *password, const char *path)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr,
			"\n  The first administrator is \"%s\", with the password\n\n      %s\n\n"
			"  It is not shown again; it stands in %s until you remove that file.\n\n",
			username, password, path);
}

/* --- all of it --------------------------------------------------------------------------- */

static void password_cleanup(char **password)
{
	if (*password)
		nx_wipe(*password, strlen(*password));
	free(*password);
}

static enum nx_status bootstrap_run(struct bootstrap *bootstrap, const char *kept, struct nx_error *error)
{
	const char *given = nx_config_string(bootstrap->server->config, "server", "admin-password-file");
	char *password NX_CLEANUP(password_cleanup) = NULL;
	enum nx_status status = NX_OK;

	if (*given)
		status = password_given(given, &password, error);
	else
		password = password_make();
	if (status == NX_OK)
		status = nx_password_hash(password, bootstrap->password_hash, error);
	if (status == NX_OK && !*given)
		status = password_keep(kept, password, error);
	if (status != NX_OK)
		return status;
	bootstrap->command.run = administrator_make;
	status = nx_store_write(bootstrap->server->store, &bootstrap->command, error);
	if (!*given && (status != NX_OK || !bootstrap->made))
		unlink(kept);
	else if (!*given)
		password_tell(bootstrap->username, password, kept);
	return status;
}

enum nx_status nx_auth_bootstrap(struct nx_server *server, struct nx_error *error)
{
	struct bootstrap bootstrap = {.server = server};
	int64_t users = 0;
	enum nx_status status = nx_store_read(server->store, users_count, &users, error);

	if (status != NX_OK || users > 0)
		return status;
	bootstrap.username = nx_config_string(server->config, "server", "admin-username");
	NX_AUTO_FREE char *kept =
		nx_printf("%s/" PASSWORD_FILE, nx_config_string(server->config, "server", "state-directory"));
	status = bootstrap_run(&bootstrap, kept, error);
	if (status == NX_OK && bootstrap.made)
		nx_log(NX_LOG_INFO, "first administrator made", "username", bootstrap.username, "id",
		       bootstrap.id, "password",
		       *nx_config_string(server->config, "server", "admin-password-file")
			       ? "as admin-password-file says"
			       : kept,
		       NULL);
	return status;
}
