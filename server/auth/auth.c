/* SPDX-License-Identifier: Apache-2.0 */
#include "server/auth/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/memory.h"
#include "base/secret.h"
#include "server/auth/auth_private.h"

struct nx_auth *nx_auth_new(struct nx_server *server)
{
	struct nx_auth *auth = nx_alloc(sizeof(*auth));

	auth->server = server;
	auth->cache = nx_principal_cache_new((uint64_t)NX_AUTH_CACHE_SECONDS * 1000);
	auth->by_username = nx_limiter_new(NX_LOGIN_BURST_USERNAME, NX_LOGIN_REFILL_MS);
	auth->by_peer = nx_limiter_new(NX_LOGIN_BURST_PEER, NX_LOGIN_REFILL_MS);
	return auth;
}

void nx_auth_free(struct nx_auth *auth)
{
	if (!auth)
		return;
	nx_principal_cache_free(auth->cache);
	nx_limiter_free(auth->by_username);
	nx_limiter_free(auth->by_peer);
	free(auth);
}

void nx_auth_forget(struct nx_server *server, const char *token_hash)
{
	if (server->auth)
		nx_principal_cache_forget(server->auth->cache, token_hash);
}

void nx_auth_forget_id(struct nx_server *server, const char *id)
{
	if (server->auth)
		nx_principal_cache_forget_id(server->auth->cache, id);
}

/* --- from the store ------------------------------------------------------------------- */

struct lookup {
	struct nx_principal *principal;
	int64_t expires_at;
};

static bool token_read(void *context, const struct nx_row *row)
{
	struct lookup *lookup = context;
	struct nx_principal *principal = lookup->principal;
	bool device = strcmp(nx_row_text(row, 0), "device") == 0;

	principal->kind = device ? NX_PRINCIPAL_DEVICE : NX_PRINCIPAL_USER;
	snprintf(principal->user_id, sizeof(principal->user_id), "%s", nx_row_text(row, 1));
	snprintf(principal->id, sizeof(principal->id), "%s", nx_row_text(row, device ? 2 : 1));
	lookup->expires_at = nx_row_integer(row, 3);
	principal->administrator = !device && nx_row_integer(row, 4) != 0;
	snprintf(principal->organization_id, sizeof(principal->organization_id), "%s", nx_row_text(row, 5));
	return true;
}

static bool key_read(void *context, const struct nx_row *row)
{
	struct lookup *lookup = context;
	struct nx_principal *principal = lookup->principal;

	principal->kind = NX_PRINCIPAL_KEY;
	snprintf(principal->id, sizeof(principal->id), "%s", nx_row_text(row, 0));
	snprintf(principal->user_id, sizeof(principal->user_id), "%s", nx_row_text(row, 1));
	snprintf(principal->organization_id, sizeof(principal->organization_id), "%s", nx_row_text(row, 2));
	lookup->expires_at = nx_row_integer(row, 3);
	return true;
}

static enum nx_status token_lookup(struct nx_tx *tx, void *context, struct nx_error *error)
{
	struct lookup *lookup = context;

	return nx_sql_one(tx, error,
			  "SELECT t.kind, t.user_id, t.device_id, t.expires_at, u.administrator,"
			  " d.organization_id"
			  " FROM tokens t JOIN users u ON u.id = t.user_id"
			  " LEFT JOIN devices d ON d.id = t.device_id WHERE t.hash = $1",
			  NX_PARAMS(NX_TEXT(lookup->principal->token_hash)), token_read, lookup);
}

static enum nx_status key_lookup(struct nx_tx *tx, void *context, struct nx_error *error)
{
	struct lookup *lookup = context;

	return nx_sql_one(tx, error,
			  "SELECT id, user_id, organization_id, expires_at"
			  " FROM registration_keys WHERE hash = $1",
			  NX_PARAMS(NX_TEXT(lookup->principal->token_hash)), key_read, lookup);
}

static enum nx_status unknown(struct nx_error *error)
{
	return nx_fail(error, NX_DENIED, NULL, "the token is not valid, or has expired");
}

static enum nx_status principal_load(struct nx_auth *auth, bool key, struct nx_principal *principal,
				     struct nx_error *error)
{
	struct lookup lookup = {.principal = principal};
	uint64_t generation = nx_principal_cache_generation(auth->cache);

	enum nx_status status =
		nx_store_read(auth->server->store, key ? key_lookup : token_lookup, &lookup, error);
	if (status == NX_NOT_FOUND ||
	    (status == NX_OK && lookup.expires_at && lookup.expires_at <= time(NULL)))
		return unknown(error);
	if (status == NX_OK)
		nx_principal_cache_store(auth->cache, principal, lookup.expires_at, generation);
	return status;
}

/* --- from the header ------------------------------------------------------------------- */

/* "Bearer", blanks, and the token (RFC 6750 §2.1; the scheme in any case). */
static const char *token_of(const char *authorization)
{
	static const char scheme[] = "Bearer";
	size_t length = sizeof(scheme) - 1;

	if (strncasecmp(authorization, scheme, length) != 0 || authorization[length] != ' ')
		return NULL;
	return authorization + length + strspn(authorization + length, " ");
}

enum nx_status nx_auth_bearer(struct nx_auth *auth, const char *authorization, struct nx_principal *out,
			      struct nx_error *error)
{
	struct nx_principal principal = {0};

	if (!authorization)
		return nx_fail(error, NX_DENIED, NULL, "no bearer token was sent");
	const char *token = token_of(authorization);
	if (!token)
		return nx_fail(error, NX_DENIED, NULL, "the Authorization header is no bearer token");
	bool key = nx_token_check(NX_TOKEN_KEY, token);
	if (!key && !nx_token_check(NX_TOKEN_USER, token) && !nx_token_check(NX_TOKEN_DEVICE, token))
		return unknown(error);
	nx_token_hash(token, principal.token_hash);
	if (nx_principal_cache_find(auth->cache, principal.token_hash, out))
		return NX_OK;
	enum nx_status status = principal_load(auth, key, &principal, error);
	if (status == NX_OK)
		*out = principal;
	return status;
}
