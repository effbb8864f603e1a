/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of the OAuth 2.0 endpoints; for everybody, with what the form holds as proof. */
#ifndef NX_SERVER_OAUTH_H
#define NX_SERVER_OAUTH_H

#include "server/http/request.h"

void nx_oauth_token(struct nx_request *request);  /* POST /oauth/token, RFC 6749 §4.3 */
void nx_oauth_revoke(struct nx_request *request); /* POST /oauth/revoke, RFC 7009 */

#endif
