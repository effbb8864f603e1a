/* SPDX-License-Identifier: Apache-2.0 */
#include "server/auth/oauth_form.h"

#include <string.h>
#include <strings.h>

#define FORM_TYPE "application/x-www-form-urlencoded"

void nx_oauth_error(struct nx_request *request, unsigned status, const char *error, const char *description)
{
	struct nx_buffer body = {0};

	nx_buffer_printf(&body, "{\"error\":\"%s\",\"error_description\":", error);
	nx_json_write_string(&body, description);
	nx_buffer_text(&body, "}");
	nx_reply_header(request, "Cache-Control", "no-store");
	nx_reply_json(request, status, &body);
}

/* The type, with or without parameters such as "; charset=utf-8". */
static bool is_form(const char *type)
{
	size_t length = strlen(FORM_TYPE);

	return type && strncasecmp(type, FORM_TYPE, length) == 0 && strchr(" \t;", type[length]);
}

bool nx_oauth_form(struct nx_request *request, struct nx_pairs *out)
{
	size_t length;
	const char *body = nx_request_body(request, &length);

	if (!is_form(nx_request_header(request, "Content-Type"))) {
		nx_oauth_error(request, 415, "invalid_request", "the body must be " FORM_TYPE);
		return false;
	}
	char *text = nx_request_alloc(request, length + 1);
	memcpy(text, body, length);
	if (strlen(text) != length || !nx_pairs_parse(text, out)) {
		nx_oauth_error(request, 400, "invalid_request", "the form is malformed");
		return false;
	}
	return true;
}
