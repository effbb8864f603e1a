/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "server/http/http_private.h"

/* A moment for the store to come back, or the queue to shrink. */
#define RETRY_SECONDS "2"

void nx_reply_header(struct nx_request *request, const char *name, const char *value)
{
	struct nx_reply *reply = &request->reply;

	if (reply->header_count == NX_REPLY_HEADER_LIMIT)
		abort(); /* no handler has use for so many */
	reply->header[reply->header_count].name = name;
	reply->header[reply->header_count++].value = nx_strdup(value);
}

void nx_reply_json(struct nx_request *request, unsigned status, struct nx_buffer *body)
{
	request->reply.status = status;
	request->reply.type = "application/json";
	request->reply.length = body->length;
	request->reply.body = nx_buffer_take(body);
	nx_request_answered(request);
}

void nx_reply_text(struct nx_request *request, unsigned status, const char *type, const char *body)
{
	request->reply.status = status;
	request->reply.type = type;
	request->reply.length = strlen(body);
	request->reply.body = nx_strdup(body);
	nx_request_answered(request);
}

void nx_reply_empty(struct nx_request *request, unsigned status)
{
	request->reply.status = status;
	nx_request_answered(request);
}

/* --- errors ----------------------------------------------------------------------- */

static void member_add(struct nx_buffer *body, const char *name, const char *value)
{
	if (!*value)
		return;
	nx_buffer_printf(body, "%s\"%s\":", body->length > 1 ? "," : "", name);
	nx_json_write_string(body, value);
}

/* How api.md tells a status: the text clients match on, or ("") the error's own message,
 * and the members that stand beside it. */
struct form {
	unsigned status;
	const char *text;
	const char *message; /* member that carries the message */
	const char *field;   /* member that carries the field */
};

static const struct form forms[] = {
	[NX_INVALID] = {400, "", "", "field"},
	[NX_NOT_FOUND] = {404, "not found", "", "resource"},
	[NX_DENIED] = {403, "operation not allowed", "reason", ""},
	[NX_CONFLICT] = {409, "", "", "field"},
	[NX_EXHAUSTED] = {409, "", "", "field"},
	[NX_UNAVAILABLE] = {503, "service unavailable", "reason", ""},
	[NX_UNSUPPORTED] = {400, "", "", "field"},
	[NX_INTERNAL] = {500, "internal error", "", ""},
};

/* What exists already is told by its id. */
static const struct form exists = {409, "resource already exists", "", ""};

static const struct form *form_of(const struct nx_error *error)
{
	if (error->status == NX_CONFLICT && error->id[0])
		return &exists;
	if (error->status == NX_OK || error->status >= NX_COUNT(forms))
		return &forms[NX_INTERNAL];
	return &forms[error->status];
}

void nx_reply_error(struct nx_request *request, const struct nx_error *error)
{
	const struct form *form = form_of(error);
	struct nx_buffer body = {0};

	nx_buffer_text(&body, "{");
	if (form == &exists)
		member_add(&body, "id", error->id);
	member_add(&body, "error", *form->text ? form->text : error->message);
	if (*form->message)
		member_add(&body, form->message, error->message);
	if (*form->field)
		member_add(&body, form->field, error->field);
	nx_buffer_text(&body, "}");
	if (form->status == 503)
		nx_reply_header(request, "Retry-After", RETRY_SECONDS);
	if (form->status == 500) /* what happened is for the operator, not for the client */
		nx_log(NX_LOG_ERROR, "request failed", "request", request->id, "path", request->target,
		       "error", error->message, NULL);
	nx_reply_json(request, form->status, &body);
}
