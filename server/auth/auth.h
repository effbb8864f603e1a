/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks: from a bearer token to a principal, by way of a cache of a few seconds.
 *
 * Whoever takes rights away says so here after the commit and before it answers, so
 * that on this server the next request already sees it. Other servers on the same
 * database see it when their cached copy has aged, NX_AUTH_CACHE_SECONDS at most.
 */
#ifndef NX_SERVER_AUTH_H
#define NX_SERVER_AUTH_H

#include "base/error.h"
#include "server/auth/principal.h"
#include "server/server.h"

#define NX_AUTH_CACHE_SECONDS 10

/* Tokens say what they are by how they begin. */
#define NX_TOKEN_USER "nxu_"
#define NX_TOKEN_DEVICE "nxd_"
#define NX_TOKEN_KEY "nxr_"

struct nx_auth;

struct nx_auth *nx_auth_new(struct nx_server *server);
void nx_auth_free(struct nx_auth *auth); /* NULL is fine */

/*
 * Judge an Authorization header (NULL: there was none). May read from the store: worker
 * threads. NX_DENIED, with a message for the client, when it names nobody.
 */
enum nx_status nx_auth_bearer(struct nx_auth *auth, const char *authorization, struct nx_principal *out,
			      struct nx_error *error);

/* Any thread; a server without `auth` (tests) is fine. */
void nx_auth_forget(struct nx_server *server, const char *token_hash);
/* Every cached principal that is, belongs to, or is of what has this id: a user, a device, a
 * registration key or an organization. */
void nx_auth_forget_id(struct nx_server *server, const char *id);

/*
 * When there is no user yet: make an administrator, with the password of
 * `admin-password-file` or with one that is written to <state-directory>/admin-password
 * (0600) and shown once on a terminal. Control thread, after nx_store_start().
 */
enum nx_status nx_auth_bootstrap(struct nx_server *server, struct nx_error *error);

#endif
