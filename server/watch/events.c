/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/organizations/{organization}/events: a stream of changes. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "server/resources/access.h"
#include "server/resources/handlers.h"
#include "server/resources/history.h"
#include "server/resources/reply.h"
#include "server/watch/watcher.h"

/* --- what is asked for ---------------------------------------------------------------------- */

static enum nx_status kind_read(const struct nx_json *watch, unsigned *place, struct nx_error *error)
{
	const struct nx_json *value = nx_body_member(watch, "kind");
	const char *kind = nx_json_string(value);

	if (!value || (kind && !kind[0]))
		return nx_missing(error, "kind");
	*place = kind && strcmp(kind, "device") == 0;
	if (*place || (kind && strcmp(kind, "organization") == 0))
		return NX_OK;
	return nx_fail(error, NX_INVALID, "kind", "expected \"device\" or \"organization\"");
}

static enum nx_status watch_read(const struct nx_json *watch, struct nx_watch_wish *wish,
				 struct nx_error *error)
{
	const struct nx_json *revision = nx_body_member(watch, "gt_revision");
	bool caught_up = false;
	int64_t after = 0;
	unsigned place = 0;
	enum nx_status status;

	status = kind_read(watch, &place, error);
	if (status != NX_OK)
		return status;
	if (revision && (!nx_json_integer(revision, &after) || after < 0))
		return nx_fail(error, NX_INVALID, "gt_revision", "expected a whole number, 0 or more");
	status = nx_flag_read(watch, "at_tail", &caught_up, error);
	if (status != NX_OK)
		return status;
	if (wish->kinds & 1u << place)
		return nx_fail(error, NX_INVALID, "kind", "the same kind stands twice");
	wish->kinds |= 1u << place;
	wish->after[place] = after;
	wish->at_tail = wish->at_tail && caught_up;
	return NX_OK;
}

static enum nx_status wish_read(const struct nx_json *body, struct nx_watch_wish *wish,
				struct nx_error *error)
{
	enum nx_status status = NX_OK;

	wish->at_tail = true;
	if (nx_json_type(body) != NX_JSON_ARRAY)
		return nx_fail(error, NX_INVALID, NULL, "request json is invalid");
	if (!nx_json_length(body))
		return nx_missing(error, "kind");
	for (const struct nx_json *at = nx_json_first(body); at && status == NX_OK; at = nx_json_next(at))
		status = watch_read(at, wish, error);
	return status;
}

/* --- who may --------------------------------------------------------------------------------- */

struct entry {
	struct nx_request *request;
	int64_t revision;
	int64_t forgotten;
	int64_t expires_at; /* of the token */
};

/* The token is looked at once more: the watcher is entered, so what is revoked later finds it. */
static enum nx_status entry_judge(struct nx_tx *tx, void *context, struct nx_error *error)
{
	struct entry *entry = context;
	const struct nx_principal *who = nx_request_principal(entry->request);
	NX_AUTO_FREE struct nx_value *record = NULL;
	enum nx_status status =
		nx_organization_find(nx_request_server(entry->request)->fields, tx, who,
				     nx_request_param(entry->request, "organization"), &record, error);

	if (status == NX_OK)
		status = nx_sql_integer(tx, error, "SELECT expires_at FROM tokens WHERE hash = $1",
					NX_PARAMS(NX_TEXT(who->token_hash)), &entry->expires_at);
	if (status == NX_NOT_FOUND)
		return nx_not_found(error, "organization");
	if (status != NX_OK)
		return status;
	entry->revision = record[NX_ORGANIZATION_REVISION].integer;
	entry->forgotten = record[NX_ORGANIZATION_FORGOTTEN].integer;
	return NX_OK;
}

static bool resumable(const struct nx_watch_wish *wish, const struct entry *entry)
{
	for (unsigned place = 0; place < 2; place++) {
		if ((wish->kinds & 1u << place) &&
		    !nx_history_resumable(wish->after[place], entry->revision, entry->forgotten))
			return false;
	}
	return true;
}

static void watch(struct nx_request *request, const struct nx_watch_wish *wish)
{
	struct nx_server *server = nx_request_server(request);
	struct entry entry = {.request = request};
	struct nx_error error = {0};
	struct nx_watcher *watcher = nx_watcher_new(server->watch, nx_request_param(request, "organization"),
						    nx_request_principal(request), wish);
	enum nx_status status = watcher ? nx_store_read(server->store, entry_judge, &entry, &error)
					: nx_fail(&error, NX_UNAVAILABLE, NULL, "the server is stopping");

	if (status == NX_OK && resumable(wish, &entry)) {
		nx_watcher_expires(watcher, entry.expires_at);
		nx_watcher_stream(watcher, request);
		return;
	}
	if (watcher)
		nx_watcher_drop(watcher);
	if (status == NX_OK)
		nx_history_refuse(request, entry.revision);
	else
		nx_refuse(request, &error);
}

void nx_organization_events(struct nx_request *request)
{
	NX_AUTO_JSON struct nx_json *body = NULL;
	struct nx_watch_wish wish = {0};
	struct nx_error error = {0};
	size_t length;
	const char *text = nx_request_body(request, &length);

	if (nx_json_parse(text, length, &body, NULL) != NX_OK)
		nx_fail(&error, NX_INVALID, NULL, "request json is invalid");
	else
		wish_read(body, &wish, &error);
	if (error.status == NX_OK)
		watch(request, &wish);
	else
		nx_refuse(request, &error);
}
