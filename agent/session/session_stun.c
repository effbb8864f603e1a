/* SPDX-License-Identifier: Apache-2.0 */
/* The STUN servers that the service names: fetched after each connect, asked for until they are known, and
 * kept. */
#include "agent/session/session.h"
#include "base/log.h"

static void servers_take(const struct nx_session *session, const char *json, size_t length)
{
	const struct nx_agent *agent = session->agent;
	struct nx_stun_servers servers;
	struct nx_error error = {0};

	if (nx_stun_servers_read(json, length, agent->options.service_url, &servers, &error) != NX_OK) {
		nx_log(NX_LOG_WARNING, "the service's STUN servers cannot be read", "reason", error.message,
		       NULL);
		return;
	}
	nx_mapping_set_servers(agent->mapping, (const char *const *)servers.items, servers.count);
	nx_stun_servers_release(&servers);
	if (nx_stun_answer_store(&agent->state, json, length, &error) != NX_OK)
		nx_log(NX_LOG_WARNING, "the service's STUN servers are not stored", "reason", error.message,
		       NULL);
}

static void servers_done(void *context, const struct nx_answer *answer)
{
	static const char none[] = "{\"servers\":[]}";
	struct nx_session *session = context;
	struct nx_stun_question *question = &session->stun;

	question->call = NULL;
	/* A service that does not know the question has no servers. One that fails just now may have. */
	if (answer->status == 200) {
		servers_take(session, answer->body, answer->length);
	} else if (answer->status == 404) {
		servers_take(session, none, sizeof(none) - 1);
	} else {
		nx_log(NX_LOG_DEBUG, "the service's STUN servers are not known yet", "reason",
		       answer->failure, NULL);
		nx_timer_arm(question->retry, nx_backoff_next(&question->backoff, answer->retry_after));
		return;
	}
	question->backoff.failures = 0;
}

/* Without a connection, the next one asks. */
static void retry_due(void *context)
{
	struct nx_session *session = context;

	if (session->phase == NX_PHASE_RUNNING)
		nx_session_stun_ask(session);
}

void nx_session_stun_ask(struct nx_session *session)
{
	struct nx_stun_question *question = &session->stun;

	if (session->agent->options.stun_given)
		return;
	if (!question->retry)
		question->retry = nx_timer_new(&session->agent->loop, retry_due, session);
	nx_timer_disarm(question->retry);
	/* What was asked over a connection that broke may never be answered. */
	nx_call_cancel(question->call);
	question->call = nx_client_call(session->agent->client, &(const struct nx_call_request){
									.method = "GET",
									.path = "/api/stun",
									.bearer = session->agent->state.token,
									.done = servers_done,
									.context = session,
								});
}

void nx_session_stun_release(struct nx_session *session)
{
	nx_call_cancel(session->stun.call);
	nx_timer_free(session->stun.retry);
	session->stun = (struct nx_stun_question){0};
}
