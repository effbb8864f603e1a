/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /oauth/token with the password grant. Runs on the few workers that hash
 * passwords. A name that nobody has takes as long as a wrong password and is
 * answered alike.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/secret.h"
#include "server/auth/auth_private.h"
#include "server/auth/oauth.h"
#include "server/auth/oauth_form.h"

#define PASSWORD_LIMIT 1024
#define SCOPE                                                                                                \
	"read:organizations write:organizations read:users write:users read:devices "                        \
	"write:devices"

/* A sign-in on its way; lives as long as its request. */
struct login {
	struct nx_command command; /* first: the command is the login */
	struct nx_request *request;
	const char *username;
	char user_id[80];
	char password_hash[NX_PASSWORD_HASH_TEXT];
	char token[NX_TOKEN_TEXT];
	char token_hash[NX_HASH_TEXT];
	int64_t now, lifetime;
};

static struct nx_auth *auth_of(const struct login *login)
{
	return nx_request_server(login->request)->auth;
}

/* --- how often ---------------------------------------------------------------------- */

/* A try for the address and one for the name; both are given back when it was a good one. */
static bool tries_take(const struct login *login)
{
	struct nx_auth *auth = auth_of(login);
	unsigned wait = 0;
	char seconds[16];

	if (nx_limiter_take(auth->by_peer, nx_request_peer(login->request), &wait)) {
		if (nx_limiter_take(auth->by_username, login->username, &wait))
			return true;
		nx_limiter_give(auth->by_peer, nx_request_peer(login->request));
	}
	snprintf(seconds, sizeof(seconds), "%u", wait ? wait : 1);
	nx_reply_header(login->request, "Retry-After", seconds);
	nx_oauth_error(login->request, 429, "too_many_requests",
		       "too many failed sign-ins: wait before the next");
	return false;
}

static void tries_give(const struct login *login)
{
	nx_limiter_give(auth_of(login)->by_peer, nx_request_peer(login->request));
	nx_limiter_give(auth_of(login)->by_username, login->username);
}

/* --- who ------------------------------------------------------------------------------ */

static bool user_read(void *context, const struct nx_row *row)
{
	struct login *login = context;

	snprintf(login->user_id, sizeof(login->user_id), "%s", nx_row_text(row, 0));
	snprintf(login->password_hash, sizeof(login->password_hash), "%s", nx_row_text(row, 1));
	return true;
}

static enum nx_status user_lookup(struct nx_tx *tx, void *context, struct nx_error *error)
{
	struct login *login = context;

	return nx_sql_one(tx, error, "SELECT id, password_hash FROM users WHERE username = $1",
			  NX_PARAMS(NX_TEXT(login->username)), user_read, login);
}

/* NX_DENIED: no such user, or another password. */
static enum nx_status user_verify(struct login *login, const char *password, struct nx_error *error)
{
	enum nx_status status =
		nx_store_read(nx_request_server(login->request)->store, user_lookup, login, error);

	if (status != NX_OK && status != NX_NOT_FOUND)
		return status;
	/* A user who signs in elsewhere has no password here. */
	bool good = status == NX_OK && login->password_hash[0]
			    ? nx_password_verify(login->password_hash, password)
			    : nx_password_verify_nobody(password);
	return good ? NX_OK : nx_fail(error, NX_DENIED, NULL, "wrong");
}

/* --- the token ------------------------------------------------------------------------- */

static enum nx_status token_write(struct nx_command *command, struct nx_tx *tx, struct nx_error *error)
{
	struct login *login = (struct login *)(void *)command;

	/* What has expired goes with the next sign-in of the same user. */
	enum nx_status status = nx_sql(
		tx, error, "DELETE FROM tokens WHERE user_id = $1 AND expires_at > 0 AND expires_at <= $2",
		NX_PARAMS(NX_TEXT(login->user_id), NX_INT(login->now)));
	if (status != NX_OK)
		return status;
	return nx_sql(tx, error,
		      "INSERT INTO tokens (hash, kind, user_id, expires_at, created_at)"
		      " VALUES ($1, $2, $3, $4, $5)",
		      NX_PARAMS(NX_TEXT(login->token_hash), NX_TEXT("user"), NX_TEXT(login->user_id),
				NX_INT(login->now + login->lifetime), NX_INT(login->now)));
}

static void token_done(struct nx_command *command, enum nx_status status, const struct nx_error *error)
{
	struct login *login = (struct login *)(void *)command;
	struct nx_buffer body = {0};

	if (status != NX_OK) {
		nx_reply_error(login->request, error);
		return;
	}
	tries_give(login);
	nx_buffer_printf(&body,
			 "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%lld,"
			 "\"scope\":\"" SCOPE "\"}",
			 login->token, (long long)login->lifetime);
	nx_wipe(login->token, sizeof(login->token));
	nx_reply_header(login->request, "Cache-Control", "no-store");
	nx_reply_json(login->request, 200, &body);
}

static void token_issue(struct login *login)
{
	struct nx_server *server = nx_request_server(login->request);

	login->now = time(NULL);
	login->lifetime = nx_config_integer(server->config, "server", "token-lifetime");
	nx_token_make(NX_TOKEN_USER, login->token);
	nx_token_hash(login->token, login->token_hash);
	login->command.run = token_write;
	login->command.done = token_done;
	nx_store_submit(server->store, &login->command);
}

/* --- the endpoint ------------------------------------------------------------------------ */

static void password_grant(struct nx_request *request, const char *username, const char *password)
{
	struct login *login = nx_request_alloc(request, sizeof(*login));
	struct nx_error error = {0};

	login->request = request;
	login->username = username;
	if (!tries_take(login))
		return;
	enum nx_status status = user_verify(login, password, &error);
	if (status == NX_OK) {
		token_issue(login);
		return;
	}
	if (status != NX_DENIED) {
		tries_give(login);
		nx_reply_error(request, &error);
		return;
	}
	nx_log(NX_LOG_WARNING, "sign-in failed", "username", username, "peer", nx_request_peer(request),
	       "request", nx_request_id(request), NULL);
	nx_oauth_error(request, 400, "invalid_grant", "the user name or the password is wrong");
}

void nx_oauth_token(struct nx_request *request)
{
	struct nx_pairs *form = nx_request_alloc(request, sizeof(*form));

	if (!nx_oauth_form(request, form))
		return;
	const char *grant = nx_pairs_find(form, "grant_type");
	const char *username = nx_pairs_find(form, "username");
	const char *password = nx_pairs_find(form, "password");
	if (!grant)
		nx_oauth_error(request, 400, "invalid_request", "grant_type is missing");
	else if (strcmp(grant, "password") != 0)
		nx_oauth_error(request, 400, "unsupported_grant_type", "the only grant is: password");
	else if (!username || !*username || !password || !*password)
		nx_oauth_error(request, 400, "invalid_request", "username and password are needed");
	else if (strlen(password) > PASSWORD_LIMIT)
		nx_oauth_error(request, 400, "invalid_grant", "the user name or the password is wrong");
	else
		password_grant(request, username, password);
}
