/* SPDX-License-Identifier: Apache-2.0 */
/* The STUN servers that the service names: fetched after each connect, and kept. */
#include "agent/session.h"
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

	session->stun = NULL;
	/* A service that does not know the question has no servers. One that fails just now may have. */
	if (answer->status == 200)
		servers_take(session, answer->body, answer->length);
	else if (answer->status == 404)
		servers_take(session, none, sizeof(none) - 1);
	else
		nx_log(NX_LOG_DEBUG, "the service's STUN servers are not known", "reason", answer->failure,
		       NULL);
}

void nx_session_stun_ask(struct nx_session *session)
{
	if (session->agent->options.stun_given || session->stun)
		return;
	session->stun = nx_client_call(session->agent->client, &(const struct nx_call_request){
								       .method = "GET",
								       .path = "/api/stun",
								       .bearer = session->agent->state.token,
								       .done = servers_done,
								       .context = session,
							       });
}
