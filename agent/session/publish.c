/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeping this host's own record up to date. What families say is compared with
 * the record itself. Wishes of the operator are compared with what was declared
 * last: the service's administrators may have changed the record since, and only a
 * new wish overrules them. One PATCH at a time, and none that was refused before, until another one
 * is taken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/session/describe.h"
#include "agent/session/session.h"
#include "base/log.h"
#include "base/memory.h"

#define REFUSED_LIMIT 16u
#define ECHO_MILLISECONDS 3000u /* the stream tells within milliseconds */

/* --- what differs -------------------------------------------------------------------------- */

static bool values_same(const struct nx_json *a, const struct nx_json *b)
{
	struct nx_buffer left = {0}, right = {0};
	bool same;

	if (!a || !b)
		return a == b;
	nx_json_print(a, &left);
	nx_json_print(b, &right);
	same = left.length == right.length && memcmp(left.data, right.data, left.length) == 0;
	nx_buffer_free(&left);
	nx_buffer_free(&right);
	return same;
}

/* Those members of `said` that the record has, but otherwise. A field that the record does
 * not have belongs to a family that the service does not know. */
static struct nx_json *facts_differ(const struct nx_json *said, const struct nx_json *record)
{
	struct nx_json *out = NULL;

	for (const struct nx_json *value = nx_json_first(said); value; value = nx_json_next(value)) {
		const struct nx_json *known = nx_json_member(record, nx_json_name(value));

		if (!known || values_same(value, known))
			continue;
		if (!out)
			out = nx_json_object();
		nx_json_put(out, nx_json_name(value), nx_json_duplicate(value));
	}
	return out;
}

static bool refused_before(const struct nx_publish *publish, const char *body)
{
	for (const struct nx_json *text = publish->refused ? nx_json_first(publish->refused) : NULL; text;
	     text = nx_json_next(text)) {
		if (strcmp(nx_json_string(text), body) == 0)
			return true;
	}
	return false;
}

static void refused_remember(struct nx_publish *publish)
{
	if (publish->refused && nx_json_length(publish->refused) >= REFUSED_LIMIT) {
		nx_json_free(publish->refused);
		publish->refused = NULL;
	}
	if (!publish->refused)
		publish->refused = nx_json_array();
	nx_json_add_string(publish->refused, publish->body);
}

static struct nx_json *declared_read(const struct nx_session *session)
{
	const char *text = session->agent->state.identity.declared;
	struct nx_json *declared = NULL;

	if (!text || nx_json_parse(text, strlen(text), &declared, NULL) != NX_OK)
		return nx_json_object();
	return declared;
}

/* The body of a PATCH with the one wish, if it is new and was not refused. */
static char *wish_body(const struct nx_publish *publish, const struct nx_json *wish,
		       const struct nx_json *declared)
{
	NX_AUTO_JSON struct nx_json *body = NULL;
	struct nx_buffer text = {0};

	if (values_same(wish, nx_json_member(declared, nx_json_name(wish))))
		return NULL;
	body = nx_json_object();
	nx_json_put(body, nx_json_name(wish), nx_json_duplicate(wish));
	nx_json_print(body, &text);
	if (!refused_before(publish, text.data))
		return nx_buffer_take(&text);
	nx_buffer_free(&text);
	return NULL;
}

static void facts_look(struct nx_session *session)
{
	NX_AUTO_JSON struct nx_json *said = nx_describe_facts(session->agent);
	NX_AUTO_JSON struct nx_json *differs = facts_differ(said, session->self);
	struct nx_buffer text = {0};

	if (!differs)
		return;
	nx_json_print(differs, &text);
	if (!refused_before(&session->publish, text.data))
		session->publish.body = nx_buffer_take(&text);
	nx_buffer_free(&text);
}

static void wishes_look(struct nx_session *session)
{
	NX_AUTO_JSON struct nx_json *wishes = nx_describe_wishes(session->agent);
	NX_AUTO_JSON struct nx_json *declared = declared_read(session);
	struct nx_publish *publish = &session->publish;

	for (const struct nx_json *wish = nx_json_first(wishes); wish && !publish->body;
	     wish = nx_json_next(wish)) {
		publish->body = wish_body(publish, wish, declared);
		if (publish->body)
			publish->wish = nx_strdup(nx_json_name(wish));
	}
}

/* --- telling ---------------------------------------------------------------------------------- */

/* What was just taken is declared from now on. */
static void wish_declare(struct nx_session *session)
{
	NX_AUTO_JSON struct nx_json *declared = declared_read(session);
	NX_AUTO_JSON struct nx_json *updated = nx_json_object();
	NX_AUTO_JSON struct nx_json *body = NULL;
	struct nx_publish *publish = &session->publish;
	struct nx_identity *identity = &session->agent->state.identity;
	struct nx_buffer text = {0};
	struct nx_error error = {0};

	if (nx_json_parse(publish->body, strlen(publish->body), &body, NULL) != NX_OK)
		return;
	for (const struct nx_json *old = nx_json_first(declared); old; old = nx_json_next(old)) {
		if (strcmp(nx_json_name(old), publish->wish) != 0)
			nx_json_put(updated, nx_json_name(old), nx_json_duplicate(old));
	}
	nx_json_put(updated, publish->wish, nx_json_duplicate(nx_json_member(body, publish->wish)));
	nx_json_print(updated, &text);
	free(identity->declared);
	identity->declared = nx_buffer_take(&text);
	if (nx_state_identity_write(&session->agent->state, &error) != NX_OK)
		nx_log(NX_LOG_WARNING, "what was declared is not stored", "reason", error.message, NULL);
}

static bool stream_behind(const struct nx_session *session)
{
	return session->phase == NX_PHASE_RUNNING && session->self &&
	       session->revision < nx_json_member_integer(session->self, "revision", 0);
}

static void echo_due(void *context)
{
	struct nx_session *session = context;

	if (!stream_behind(session))
		return;
	nx_log(NX_LOG_INFO, "the stream does not tell what the service has taken: it is made anew", NULL);
	nx_session_renew(session);
}

/* A NAT that changed lets calls through, which are new, but nothing of the stream, whose end is
 * noticed much later; and what the record says of this host is done when the stream tells it. */
static void echo_await(struct nx_session *session)
{
	struct nx_publish *publish = &session->publish;

	if (!stream_behind(session))
		return;
	if (!publish->echo)
		publish->echo = nx_timer_new(&session->agent->loop, echo_due, session);
	nx_timer_arm(publish->echo, ECHO_MILLISECONDS);
}

/* Has the record in the answer every fact that was told? Wishes are told once, whatever becomes of them. */
static bool is_made(const struct nx_publish *publish, const struct nx_json *device)
{
	NX_AUTO_JSON struct nx_json *told = NULL;

	if (publish->wish || nx_json_parse(publish->body, strlen(publish->body), &told, NULL) != NX_OK)
		return true;
	for (const struct nx_json *fact = nx_json_first(told); fact; fact = nx_json_next(fact)) {
		if (!values_same(fact, nx_json_member(device, nx_json_name(fact))))
			return false;
	}
	return true;
}

/* What was refused may be taken of the record as it is now. */
static void refusals_forget(struct nx_publish *publish)
{
	nx_json_free(publish->refused);
	publish->refused = NULL;
}

static void taken(struct nx_session *session, const struct nx_answer *answer)
{
	NX_AUTO_JSON struct nx_json *device = NULL;
	struct nx_publish *publish = &session->publish;

	if (publish->wish)
		wish_declare(session);
	publish->backoff.failures = 0;
	if (nx_json_parse(answer->body, answer->length, &device, NULL) == NX_OK)
		nx_session_learn_self(session, device);
	echo_await(session);
	if (is_made(publish, device)) {
		nx_log(NX_LOG_INFO, "this host's record is updated", "fields", publish->body, NULL);
		refusals_forget(publish);
		return;
	}
	nx_log(NX_LOG_WARNING,
	       "the service says that it took a change of this host's record, and did not make it", "fields",
	       publish->body, NULL);
	refused_remember(publish);
}

static void refused(struct nx_session *session, const struct nx_answer *answer)
{
	char reason[320];

	nx_answer_reason(answer, reason, sizeof(reason));
	nx_log(NX_LOG_WARNING, "the service does not take a change of this host's record", "fields",
	       session->publish.body, "reason", reason, NULL);
	refused_remember(&session->publish);
}

static void body_drop(struct nx_publish *publish)
{
	free(publish->body);
	free(publish->wish);
	publish->body = publish->wish = NULL;
}

static void patch_done(void *context, const struct nx_answer *answer)
{
	struct nx_session *session = context;
	struct nx_publish *publish = &session->publish;
	bool more = true;

	publish->call = NULL;
	if (answer->status == 200) {
		taken(session, answer);
	} else if (answer->status >= 400 && answer->status < 500 && answer->status != 401 &&
		   answer->status != 404 && answer->status != 408 && answer->status != 429) {
		refused(session, answer);
	} else {
		/* Whether the device is still known is the stream's business. */
		nx_timer_arm(publish->retry, nx_backoff_next(&publish->backoff, answer->retry_after));
		more = false;
	}
	body_drop(publish);
	if (more)
		nx_publish_check(session);
}

static void retry_due(void *context)
{
	nx_publish_check(context);
}

static void body_send(struct nx_session *session)
{
	NX_AUTO_FREE char *path = nx_printf("/api/devices/%s", session->agent->state.identity.device_id);

	session->publish.call =
		nx_client_call(session->agent->client, &(const struct nx_call_request){
							       .method = "PATCH",
							       .path = path,
							       .bearer = session->agent->state.token,
							       .content_type = "application/json",
							       .body = session->publish.body,
							       .done = patch_done,
							       .context = session,
						       });
}

void nx_publish_check(struct nx_session *session)
{
	struct nx_publish *publish = &session->publish;

	/* The comparison is worth something only with the record as it is now. */
	if (session->phase != NX_PHASE_RUNNING || !session->self || publish->call)
		return;
	if (!publish->retry)
		publish->retry = nx_timer_new(&session->agent->loop, retry_due, session);
	if (nx_timer_armed(publish->retry))
		return;
	facts_look(session);
	if (!publish->body)
		wishes_look(session);
	if (publish->body)
		body_send(session);
}

void nx_publish_renew(struct nx_session *session)
{
	struct nx_publish *publish = &session->publish;

	nx_call_cancel(publish->call);
	publish->call = NULL;
	body_drop(publish);
	publish->backoff.failures = 0;
	if (publish->retry)
		nx_timer_disarm(publish->retry);
}

void nx_publish_release(struct nx_session *session)
{
	struct nx_publish *publish = &session->publish;

	nx_call_cancel(publish->call);
	nx_timer_free(publish->retry);
	nx_timer_free(publish->echo);
	nx_json_free(publish->refused);
	body_drop(publish);
	*publish = (struct nx_publish){0};
}
