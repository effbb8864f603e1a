/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. Nobody else includes it. */
#ifndef NX_SERVER_AUTH_PRIVATE_H
#define NX_SERVER_AUTH_PRIVATE_H

#include "server/auth/auth.h"
#include "server/auth/limiter.h"
#include "server/auth/principal_cache.h"

/* Failed sign-ins in a row, and how long until one more is allowed. Few enough against
 * guessing; many enough for a person, and for a household behind one address. */
#define NX_LOGIN_BURST_USERNAME 10
#define NX_LOGIN_BURST_PEER 30
#define NX_LOGIN_REFILL_MS 3000

struct nx_auth {
	struct nx_server *server;
	struct nx_principal_cache *cache;
	struct nx_limiter *by_username;
	struct nx_limiter *by_peer;
};

#endif
