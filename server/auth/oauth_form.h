/* SPDX-License-Identifier: Apache-2.0 */
/* What the OAuth endpoints share: reading their form, answering in their way. */
#ifndef NX_SERVER_OAUTH_FORM_H
#define NX_SERVER_OAUTH_FORM_H

#include "server/http/request.h"
#include "server/http/urlencoded.h"

/* The body as a form. False when it is none: it has replied 415 or 400. The pairs live as
 * long as the request. */
bool nx_oauth_form(struct nx_request *request, struct nx_pairs *out);
/* RFC 6749 §5.2. */
void nx_oauth_error(struct nx_request *request, unsigned status, const char *error, const char *description);

#endif
