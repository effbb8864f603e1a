/* SPDX-License-Identifier: Apache-2.0 */
/* POST /oauth/revoke: whoever holds a token may end it. */
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "server/auth/auth.h"
#include "server/auth/oauth.h"
#include "server/auth/oauth_form.h"
#include "server/watch/hub.h"

/* Lives as long as its request. */
struct revocation {
	struct nx_command command; /* first: the command is the revocation */
	struct nx_request *request;
	char token_hash[NX_HASH_TEXT];
};

static enum nx_status token_delete(struct nx_command *command, struct nx_tx *tx, struct nx_error *error)
{
	struct revocation *revocation = (struct revocation *)(void *)command;

	return nx_sql(tx, error, "DELETE FROM tokens WHERE hash = $1",
		      NX_PARAMS(NX_TEXT(revocation->token_hash)));
}

static void token_deleted(struct nx_command *command, enum nx_status status, const struct nx_error *error)
{
	struct revocation *revocation = (struct revocation *)(void *)command;
	struct nx_server *server = nx_request_server(revocation->request);

	if (status != NX_OK) {
		nx_reply_error(revocation->request, error);
		return;
	}
	nx_auth_forget(server, revocation->token_hash);
	if (server->watch)
		nx_watch_revoke(server->watch, revocation->token_hash);
	nx_reply_text(revocation->request, 200, "application/json", "{}");
}

void nx_oauth_revoke(struct nx_request *request)
{
	struct nx_pairs *form = nx_request_alloc(request, sizeof(*form));

	if (!nx_oauth_form(request, form))
		return;
	const char *token = nx_pairs_find(form, "token");
	if (!token || !*token) {
		nx_oauth_error(request, 400, "invalid_request", "token is missing");
		return;
	}
	/* RFC 7009 §2.2: a token that was never one is as good as revoked. */
	if (!nx_token_check(NX_TOKEN_USER, token) && !nx_token_check(NX_TOKEN_DEVICE, token)) {
		nx_reply_text(request, 200, "application/json", "{}");
		return;
	}
	struct revocation *revocation = nx_request_alloc(request, sizeof(*revocation));
	revocation->request = request;
	nx_token_hash(token, revocation->token_hash);
	revocation->command.run = token_delete;
	revocation->command.done = token_deleted;
	nx_store_submit(nx_request_server(request)->store, &revocation->command);
}
