/* SPDX-License-Identifier: Apache-2.0 */
/* From a complete request to its handler: who asks, may they, are the parameters fit. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "server/auth/auth.h"
#include "server/http/http_private.h"
#include "server/http/route.h"

static void reply_unauthorized(struct nx_request *request, const struct nx_error *error)
{
	struct nx_buffer body = {0};
	bool given = nx_request_header(request, "Authorization") != NULL;

	nx_reply_header(request, "WWW-Authenticate",
			given ? "Bearer realm=\"nexodus\", error=\"invalid_token\""
			      : "Bearer realm=\"nexodus\"");
	nx_buffer_text(&body, "{\"error\":");
	nx_json_write_string(&body, error->message);
	nx_buffer_text(&body, "}");
	nx_reply_json(request, 401, &body);
}

static const char *kind_name(enum nx_principal_kind kind)
{
	switch (kind) {
	case NX_PRINCIPAL_USER:
		return "a user's token";
	case NX_PRINCIPAL_DEVICE:
		return "a device's token";
	case NX_PRINCIPAL_KEY:
		return "a registration key";
	case NX_PRINCIPAL_NONE:
		break;
	}
	return "nobody";
}

/* True when the asker is known and of a kind that the route is for; otherwise it has replied. */
static bool authorize(struct nx_request *request)
{
	const struct nx_route *route = request->match.route;
	struct nx_error error = {0};

	if (route->access == 0)
		return true;
	enum nx_status status =
		nx_auth_bearer(request->http->server->auth, nx_request_header(request, "Authorization"),
			       &request->principal, &error);
	if (status == NX_DENIED) {
		reply_unauthorized(request, &error);
		return false;
	}
	if (status == NX_OK && !(route->access & request->principal.kind))
		status = nx_fail(&error, NX_DENIED, NULL, "%s may not be used here",
				 kind_name(request->principal.kind));
	if (status != NX_OK)
		nx_reply_error(request, &error);
	return status == NX_OK;
}

static bool params_fit(struct nx_request *request)
{
	const char *bad = request->match.params.bad;
	struct nx_error error = {0};

	if (!bad)
		return true;
	char field[sizeof(error.field)];
	snprintf(field, sizeof(field), "%.*s", (int)strcspn(bad + 1, "}"), bad + 1);
	nx_fail(&error, NX_INVALID, field, "path parameter invalid");
	nx_reply_error(request, &error);
	return false;
}

void nx_request_handle(struct nx_request *request)
{
	if (authorize(request) && params_fit(request))
		request->match.route->handle(request);
}
