/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/session/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/session/session_parts.h"
#include "base/address.h"
#include "base/log.h"
#include "base/memory.h"

/* The service said this often in a row that it does not know this device: it is so. */
#define STRIKES 3u

static void attempt_verify(struct nx_session *session);

static const char *const phase_names[] = {
	[NX_PHASE_STARTING] = "starting",
	[NX_PHASE_ENROLLING] = "enrolling",
	[NX_PHASE_OFFLINE] = "offline",
	[NX_PHASE_RUNNING] = "running",
};

const char *nx_phase_name(enum nx_phase phase)
{
	return phase_names[phase];
}

/* --- attempts -------------------------------------------------------------------------- */

void nx_session_trouble(struct nx_session *session, const char *what, const char *why)
{
	char text[320];

	snprintf(text, sizeof(text), "%s: %s", what, why);
	/* A service that is away for a day is one line, not one for each attempt. */
	nx_log(strcmp(text, session->last_error) == 0 ? NX_LOG_DEBUG : NX_LOG_WARNING, what, "reason", why,
	       NULL);
	memcpy(session->last_error, text, sizeof(text));
}

void nx_session_give_up(struct nx_session *session, int exit_code, const char *what, const char *why)
{
	nx_log(NX_LOG_ERROR, what, "reason", why, NULL);
	snprintf(session->last_error, sizeof(session->last_error), "%s: %s", what, why);
	nx_agent_end(session->agent, exit_code);
}

void nx_session_later(struct nx_session *session, void (*attempt)(struct nx_session *session),
		      int64_t retry_after)
{
	session->attempt = attempt;
	nx_timer_arm(session->retry, nx_backoff_next(&session->backoff, retry_after));
}

static void retry_due(void *context)
{
	struct nx_session *session = context;

	session->attempt(session);
}

/* --- what is known ------------------------------------------------------------------------ */

void nx_session_learn_self(struct nx_session *session, const struct nx_json *device)
{
	if (session->self && nx_json_member_integer(device, "revision", 0) <
				     nx_json_member_integer(session->self, "revision", 0))
		return;
	nx_json_free(session->self);
	session->self = nx_json_duplicate(device);
}

static bool device_is_self(const struct nx_session *session, const struct nx_json *device)
{
	return strcmp(nx_json_member_string(device, "id", ""), session->agent->state.identity.device_id) == 0;
}

bool nx_session_event(struct nx_session *session, const struct nx_event *event)
{
	struct nx_network *network = &session->agent->network;
	int64_t revision =
		nx_json_member_integer(event->value ? event->value : event->document, "revision", 0);

	if (event->type == NX_EVENT_DELETE && device_is_self(session, event->value)) {
		session->recheck = true;
		return false;
	}
	if (event->type == NX_EVENT_CHANGE) {
		if (device_is_self(session, event->value))
			nx_session_learn_self(session, event->value);
		nx_network_change(network, event->value);
	} else if (event->type == NX_EVENT_DELETE) {
		nx_network_delete(network, nx_json_member_string(event->value, "id", ""));
	}
	if (revision > session->revision)
		session->revision = revision;
	return true;
}

/* --- the stream -------------------------------------------------------------------------------- */

/* What broke the last connection may have been a NAT that sees us otherwise now. */
static void connected(struct nx_session *session)
{
	nx_log(NX_LOG_INFO, "connected to the service", NULL);
	nx_session_stun_ask(session);
	nx_mapping_ask(session->agent->mapping);
}

static void list_complete(struct nx_session *session)
{
	if (session->resync) {
		nx_network_list_end(&session->agent->network);
		nx_session_journal_commit(session);
		session->resync = false;
	}
	session->caught_up = true;
	session->strikes = 0;
	session->backoff.failures = 0;
	session->last_error[0] = '\0';
	if (session->phase != NX_PHASE_RUNNING)
		connected(session);
	session->phase = NX_PHASE_RUNNING;
}

static bool stream_event(void *context, const struct nx_event *event)
{
	struct nx_session *session = context;

	if (!nx_session_event(session, event))
		return false;
	if (event->type == NX_EVENT_TAIL)
		list_complete(session);
	else if (event->type != NX_EVENT_OTHER)
		nx_session_journal_add(session, event);
	return true;
}

static void service_learn(struct nx_session *session)
{
	struct nx_network *network = &session->agent->network;
	struct nx_address address = nx_client_address(session->agent->client);

	if (address.length && nx_address_compare(&address, &network->service) != 0)
		nx_network_set_service(network, &address);
}

/* A full list is made so when it is whole: what is missing in it must go at the same time. */
static bool stream_data(void *context, const char *data, size_t length)
{
	struct nx_session *session = context;
	struct nx_error error = {0};
	enum nx_status status = nx_stream_feed(&session->stream, data, length, &error);

	service_learn(session);
	if (status != NX_OK && status != NX_DENIED)
		nx_session_trouble(session, "the service's stream cannot be read", error.message);
	if (!session->resync)
		nx_network_settle(&session->agent->network);
	nx_session_journal_flush(session);
	if (status == NX_OK)
		nx_publish_check(session);
	return status == NX_OK;
}

static void disconnected(struct nx_session *session, const struct nx_answer *answer)
{
	if (session->phase == NX_PHASE_RUNNING)
		nx_log(NX_LOG_INFO, "disconnected from the service", "reason", answer->failure, NULL);
	session->phase = NX_PHASE_OFFLINE;
	session->caught_up = false;
	nx_stream_reset(&session->stream);
	/* What was folded in before the connection broke need not wait for the next one. */
	if (!session->resync)
		nx_network_settle(&session->agent->network);
}

static void stream_done(void *context, const struct nx_answer *answer)
{
	struct nx_session *session = context;
	char reason[320];

	session->call = NULL;
	disconnected(session, answer);
	if (session->recheck) {
		session->recheck = false;
		attempt_verify(session);
	} else if (answer->status == 200) {
		nx_session_later(session, nx_session_connect, 0);
	} else if (answer->status == 410) {
		nx_log(NX_LOG_INFO, "the service has forgotten what was last seen: reading everything anew",
		       NULL);
		session->resync = true;
		nx_session_later(session, nx_session_connect, 0);
	} else if (answer->status == 401 || answer->status == 403 || answer->status == 404) {
		attempt_verify(session);
	} else {
		if (answer->failure)
			snprintf(reason, sizeof(reason), "%s", answer->failure);
		else
			nx_answer_reason(answer, reason, sizeof(reason));
		nx_session_trouble(session, "the service cannot be reached", reason);
		nx_session_later(session, nx_session_connect, answer->retry_after);
	}
}

void nx_session_connect(struct nx_session *session)
{
	const struct nx_state *state = &session->agent->state;
	NX_AUTO_FREE char *path = nx_printf("/api/organizations/%s/events", state->identity.organization_id);
	NX_AUTO_FREE char *body = NULL;

	session->phase = NX_PHASE_OFFLINE;
	session->resync |= nx_session_journal_stuck(session);
	if (session->resync) {
		session->revision = 0;
		nx_network_list_begin(&session->agent->network);
		nx_session_journal_rewrite(session);
	}
	body = nx_printf("[{\"kind\":\"device\",\"gt_revision\":%lld,\"at_tail\":false}]",
			 (long long)session->revision);
	session->call = nx_client_call(session->agent->client, &(const struct nx_call_request){
								       .method = "POST",
								       .path = path,
								       .bearer = state->token,
								       .content_type = "application/json",
								       .body = body,
								       .data = stream_data,
								       .done = stream_done,
								       .context = session,
							       });
}

void nx_session_renew(struct nx_session *session)
{
	const struct nx_answer renewed = {.failure = "the host's network has changed, or it was asleep"};

	session->backoff.failures = 0;
	nx_publish_renew(session);
	if (session->caught_up) {
		nx_call_cancel(session->call);
		session->call = NULL;
		disconnected(session, &renewed);
		nx_session_connect(session);
	} else if (nx_timer_armed(session->retry)) {
		nx_timer_arm(session->retry, 0);
	}
}

/* --- are we still known? ------------------------------------------------------------------------ */

/* An administrator has moved this device to another organization: its mesh is another one. */
static void organization_follow(struct nx_session *session, const struct nx_json *device)
{
	struct nx_identity *identity = &session->agent->state.identity;
	const char *organization = nx_json_member_string(device, "organization_id", "");
	struct nx_error error = {0};

	if (!nx_uuid_check(organization) || strcmp(organization, identity->organization_id) == 0)
		return;
	nx_log(NX_LOG_INFO, "this device belongs to another organization now", "organization", organization,
	       NULL);
	memcpy(identity->organization_id, organization, NX_UUID_TEXT);
	if (nx_state_identity_write(&session->agent->state, &error) != NX_OK)
		nx_log(NX_LOG_WARNING, "the new organization is not stored", "reason", error.message, NULL);
	nx_json_free(session->self);
	session->self = NULL;
	session->resync = true;
}

static void verified(struct nx_session *session, const struct nx_answer *answer)
{
	NX_AUTO_JSON struct nx_json *device = NULL;

	session->strikes = 0;
	if (nx_json_parse(answer->body, answer->length, &device, NULL) == NX_OK &&
	    device_is_self(session, device)) {
		organization_follow(session, device);
		nx_session_learn_self(session, device);
	}
	nx_session_later(session, nx_session_connect, 0);
}

static void verify_done(void *context, const struct nx_answer *answer)
{
	struct nx_session *session = context;
	char reason[320] = "no answer";

	session->call = NULL;
	if (answer->failure)
		snprintf(reason, sizeof(reason), "%s", answer->failure);
	else if (answer->status != 200)
		nx_answer_reason(answer, reason, sizeof(reason));
	if (answer->status == 200) {
		verified(session, answer);
	} else if ((answer->status == 401 || answer->status == 404) && ++session->strikes >= STRIKES) {
		nx_session_gone(session, reason);
	} else {
		nx_session_trouble(session, "the service does not let this device in", reason);
		nx_session_later(session, attempt_verify, answer->retry_after);
	}
}

static void attempt_verify(struct nx_session *session)
{
	const struct nx_state *state = &session->agent->state;
	NX_AUTO_FREE char *path = nx_printf("/api/devices/%s", state->identity.device_id);

	session->call = nx_client_call(session->agent->client, &(const struct nx_call_request){
								       .method = "GET",
								       .path = path,
								       .bearer = state->token,
								       .done = verify_done,
								       .context = session,
							       });
}

/* --- life ------------------------------------------------------------------------------------------ */

static bool enrolled(const struct nx_session *session)
{
	return *session->agent->state.identity.device_id != '\0';
}

struct nx_session *nx_session_new(struct nx_agent *agent)
{
	struct nx_session *session = nx_alloc(sizeof(*session));

	session->agent = agent;
	session->retry = nx_timer_new(&agent->loop, retry_due, session);
	session->stream.event = stream_event;
	session->stream.context = session;
	session->resync = true;
	if (enrolled(session)) {
		nx_network_set_self(&agent->network, agent->state.identity.device_id);
		nx_session_journal_restore(session);
		nx_network_settle(&agent->network);
	}
	return session;
}

void nx_session_enrolled(struct nx_session *session, const struct nx_json *device)
{
	struct nx_network *network = &session->agent->network;

	service_learn(session);
	nx_network_set_self(network, session->agent->state.identity.device_id);
	nx_session_learn_self(session, device);
	nx_network_change(network, device);
	nx_network_settle(network);
	nx_session_journal_restore(session);
	session->resync = true;
	session->backoff.failures = 0;
	session->last_error[0] = '\0';
	nx_session_connect(session);
}

void nx_session_start(struct nx_session *session)
{
	if (enrolled(session))
		nx_session_connect(session);
	else
		nx_enrol_start(session);
}

void nx_session_free(struct nx_session *session)
{
	if (!session)
		return;
	nx_call_cancel(session->call);
	nx_session_stun_release(session);
	nx_timer_free(session->retry);
	nx_publish_release(session);
	nx_journal_close(session->journal);
	nx_stream_release(&session->stream);
	nx_json_free(session->self);
	if (session->bearer)
		nx_wipe(session->bearer, strlen(session->bearer));
	free(session->bearer);
	free(session);
}
