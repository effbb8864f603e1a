/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a device that was deleted, or whose token was revoked; and its second life. */
#include <stdlib.h>

#include "agent/session/session_parts.h"
#include "base/log.h"

/* Nobody may be reached, nor reach this host, until it is a device again. */
static void mesh_leave(struct nx_session *session)
{
	struct nx_network *network = &session->agent->network;

	nx_publish_release(session);
	nx_network_list_begin(network);
	nx_network_list_end(network);
	nx_network_settle(network);
	nx_session_journal_forget(session);
	nx_json_free(session->self);
	session->self = NULL;
	session->revision = 0;
	session->resync = true;
	session->strikes = 0;
	session->backoff.failures = 0;
}

static void enrol_again(struct nx_session *session, const char *reason)
{
	struct nx_error error = {0};

	nx_log(NX_LOG_WARNING, "the service does not know this device any more: registering this host anew",
	       "reason", reason, NULL);
	mesh_leave(session);
	if (nx_state_forget(&session->agent->state, &error) == NX_OK)
		nx_enrol_start(session);
	else
		nx_session_give_up(session, NX_EXIT_FAILURE, "cannot register this host anew", error.message);
}

void nx_session_gone(struct nx_session *session, const char *reason)
{
	const struct nx_options *options = &session->agent->options;

	if (options->re_enrol && (*options->registration_key || *options->username)) {
		enrol_again(session, reason);
		return;
	}
	/* The next start asks the service first, instead of joining a mesh that it is no part of. */
	nx_session_journal_forget(session);
	nx_session_give_up(
		session, NX_EXIT_GONE,
		"the service does not know this device any more: it was deleted there, or its token "
		"was revoked; to register this host anew, start nexd once with --re-enrol and a "
		"registration key",
		reason);
}
