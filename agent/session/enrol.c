/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registration. The device's own token is stored before it is first sent, so that a
 * registration whose answer was lost is repeated and finds itself. What the service
 * refuses for good ends the program with the service's reason; only a service that
 * cannot answer is tried again.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/session/describe.h"
#include "agent/session/session.h"
#include "base/log.h"
#include "base/memory.h"

static void attempt_register(struct nx_session *session);

void nx_answer_reason(const struct nx_answer *answer, char *text, size_t room)
{
	NX_AUTO_JSON struct nx_json *body = NULL;
	const char *error = "", *detail = "", *field = "";

	if (nx_json_parse(answer->body, answer->length, &body, NULL) == NX_OK &&
	    nx_json_type(body) == NX_JSON_OBJECT) {
		error = nx_json_member_string(body, "error", "");
		field = nx_json_member_string(body, "field", "");
		detail = nx_json_member_string(body, "reason",
					       nx_json_member_string(body, "error_description", ""));
	}
	snprintf(text, room, "%s%s%s%s%s%s (HTTP status %ld)", *error ? error : "no reason given",
		 *detail ? ": " : "", detail, *field ? " [field " : "", field, *field ? "]" : "",
		 answer->status);
}

/* A service that is away, overloaded or in trouble of its own: worth another attempt. */
static bool answer_passes(const struct nx_answer *answer)
{
	return answer->status == 0 || answer->status == 408 || answer->status == 429 || answer->status >= 500;
}

static void try_again(struct nx_session *session, const char *what, const struct nx_answer *answer)
{
	char reason[320];

	if (answer->failure)
		snprintf(reason, sizeof(reason), "%s", answer->failure);
	else
		nx_answer_reason(answer, reason, sizeof(reason));
	nx_session_trouble(session, what, reason);
	nx_session_later(session, attempt_register, answer->retry_after);
}

static const char *refusal_advice(const struct nx_session *session, const struct nx_answer *answer)
{
	NX_AUTO_JSON struct nx_json *body = NULL;

	if (answer->status == 401)
		return session->bearer ? "the service does not accept the user's token"
				       : "the service does not accept the registration key";
	if (answer->status == 409 && nx_json_parse(answer->body, answer->length, &body, NULL) == NX_OK &&
	    nx_json_member_string(body, "id", NULL))
		return "this host's key is registered already, with another token: delete that device, or "
		       "restore the state directory it was registered from";
	return "the service refuses the registration";
}

/* --- the registration ------------------------------------------------------------------------ */

static bool identity_learn(struct nx_session *session, const struct nx_answer *answer,
			   struct nx_json **device)
{
	struct nx_identity *identity = &session->agent->state.identity;
	const char *id, *organization;

	if (nx_json_parse(answer->body, answer->length, device, NULL) != NX_OK)
		return false;
	id = nx_json_member_string(*device, "id", "");
	organization = nx_json_member_string(*device, "organization_id", "");
	if (!nx_uuid_check(id) || !nx_uuid_check(organization))
		return false;
	if (strcmp(nx_json_member_string(*device, "public_key", ""), session->agent->public_key) != 0)
		return false;
	memcpy(identity->device_id, id, NX_UUID_TEXT);
	memcpy(identity->organization_id, organization, NX_UUID_TEXT);
	memcpy(identity->public_key, session->agent->public_key, sizeof(identity->public_key));
	return true;
}

static void wishes_declare(const struct nx_session *session)
{
	NX_AUTO_JSON struct nx_json *wishes = nx_describe_wishes(session->agent);
	struct nx_identity *identity = &session->agent->state.identity;
	struct nx_buffer text = {0};

	nx_json_print(wishes, &text);
	free(identity->declared);
	identity->declared = nx_buffer_take(&text);
}

static void registered(struct nx_session *session, const struct nx_answer *answer)
{
	NX_AUTO_JSON struct nx_json *device = NULL;
	struct nx_error error = {0};

	if (!identity_learn(session, answer, &device)) {
		nx_session_give_up(session, NX_EXIT_FAILURE, "cannot register",
				   "the service's answer is not this device");
		return;
	}
	wishes_declare(session);
	if (nx_state_identity_write(&session->agent->state, &error) != NX_OK) {
		nx_session_give_up(session, NX_EXIT_FAILURE, "cannot keep what was registered",
				   error.message);
		return;
	}
	nx_log(NX_LOG_INFO, "registered", "device", session->agent->state.identity.device_id, "organization",
	       session->agent->state.identity.organization_id, NULL);
	nx_session_enrolled(session, device);
}

static void register_done(void *context, const struct nx_answer *answer)
{
	struct nx_session *session = context;
	char reason[512], why[800];

	session->call = NULL;
	if (answer->status == 200 || answer->status == 201) {
		registered(session, answer);
	} else if (answer_passes(answer)) {
		try_again(session, "cannot register yet", answer);
	} else {
		nx_answer_reason(answer, reason, sizeof(reason));
		snprintf(why, sizeof(why), "%s: %s", refusal_advice(session, answer), reason);
		nx_session_give_up(session, NX_EXIT_FAILURE, "cannot register", why);
	}
}

static void body_send(struct nx_session *session, const char *bearer)
{
	NX_AUTO_JSON struct nx_json *body = NULL;
	struct nx_buffer text = {0};
	struct nx_error error = {0};

	if (nx_describe_registration(session->agent, &body, &error) != NX_OK) {
		nx_session_give_up(session, NX_EXIT_FAILURE, "cannot register", error.message);
		return;
	}
	nx_json_print(body, &text);
	session->call = nx_client_call(session->agent->client, &(const struct nx_call_request){
								       .method = "POST",
								       .path = "/api/devices",
								       .bearer = bearer,
								       .content_type = "application/json",
								       .body = text.data,
								       .done = register_done,
								       .context = session,
							       });
	nx_wipe(text.data, text.length);
	nx_buffer_free(&text);
}

/* --- a user's token --------------------------------------------------------------------------- */

static void token_done(void *context, const struct nx_answer *answer)
{
	struct nx_session *session = context;
	NX_AUTO_JSON struct nx_json *body = NULL;
	const char *token;
	char reason[512];

	session->call = NULL;
	if (answer_passes(answer)) {
		try_again(session, "cannot sign in yet", answer);
		return;
	}
	if (answer->status != 200 || nx_json_parse(answer->body, answer->length, &body, NULL) != NX_OK) {
		nx_answer_reason(answer, reason, sizeof(reason));
		nx_session_give_up(session, NX_EXIT_FAILURE, "cannot sign in", reason);
		return;
	}
	token = nx_json_member_string(body, "access_token", "");
	if (!*token) {
		nx_session_give_up(session, NX_EXIT_FAILURE, "cannot sign in",
				   "the service's answer holds no token");
		return;
	}
	session->bearer = nx_strdup(token);
	body_send(session, session->bearer);
}

static void token_ask(struct nx_session *session)
{
	const struct nx_options *options = &session->agent->options;
	char *username = curl_easy_escape(NULL, options->username, 0);
	char *password = curl_easy_escape(NULL, options->password, 0);
	NX_AUTO_FREE char *form = nx_printf("grant_type=password&username=%s&password=%s",
					    username ? username : "", password ? password : "");

	session->call = nx_client_call(session->agent->client,
				       &(const struct nx_call_request){
					       .method = "POST",
					       .path = "/oauth/token",
					       .content_type = "application/x-www-form-urlencoded",
					       .body = form,
					       .done = token_done,
					       .context = session,
				       });
	nx_wipe(form, strlen(form));
	if (password)
		nx_wipe(password, strlen(password));
	curl_free(username);
	curl_free(password);
}

static void attempt_register(struct nx_session *session)
{
	const struct nx_options *options = &session->agent->options;

	if (*options->registration_key)
		body_send(session, options->registration_key);
	else if (session->bearer)
		body_send(session, session->bearer);
	else
		token_ask(session);
}

void nx_enrol_start(struct nx_session *session)
{
	const struct nx_options *options = &session->agent->options;

	session->phase = NX_PHASE_ENROLLING;
	if (*options->registration_key || *options->username)
		attempt_register(session);
	else
		nx_session_give_up(session, NX_EXIT_FAILURE, "this host is not registered yet",
				   "give a --registration-key-file, or --username and --password-file, once");
}
