/* SPDX-License-Identifier: Apache-2.0 */
/* The session's last known good devices on disk. A disk that does not play along costs the
 * state of the next start, and nothing now. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/session/session_parts.h"
#include "base/log.h"
#include "base/memory.h"

/* A journal is written anew when it is this much longer than when it was last written anew. */
#define COMPACT_FACTOR 2u
#define COMPACT_SLACK (1u << 20)

/* Told once, whatever fails next, until it works again. */
static void journal_trouble(struct nx_session *session, const struct nx_error *error)
{
	if (!session->journal_troubled)
		nx_log(NX_LOG_WARNING, "the last known peers are not stored", "reason", error->message, NULL);
	session->journal_troubled = true;
}

static void journal_relief(struct nx_session *session)
{
	if (session->journal_troubled && !nx_journal_failing(session->journal)) {
		nx_log(NX_LOG_INFO, "the last known peers are stored again", NULL);
		session->journal_troubled = false;
	}
}

static struct nx_journal_owner owner_make(const struct nx_session *session)
{
	const struct nx_identity *identity = &session->agent->state.identity;
	struct nx_journal_owner owner;

	memcpy(owner.device_id, identity->device_id, sizeof(owner.device_id));
	memcpy(owner.organization_id, identity->organization_id, sizeof(owner.organization_id));
	return owner;
}

static bool event_restore(void *context, const struct nx_event *event)
{
	return nx_session_event(context, event);
}

void nx_session_journal_restore(struct nx_session *session)
{
	struct nx_journal_owner owner = owner_make(session);
	NX_AUTO_FREE char *path = nx_state_path(&session->agent->state, "devices.log");
	struct nx_error error = {0};
	bool damaged = false;

	nx_journal_close(session->journal);
	session->journal = NULL;
	if (nx_journal_open(path, &owner, event_restore, session, &session->journal, &damaged, &error) !=
	    NX_OK) {
		journal_trouble(session, &error);
		return;
	}
	if (damaged)
		nx_log(NX_LOG_WARNING,
		       "the stored peers were cut or damaged: going on from the last good ones", "file", path,
		       NULL);
	session->recheck = false;
	session->resync = session->revision == 0;
	session->journal_compacted = nx_journal_size(session->journal);
}

void nx_session_journal_rewrite(struct nx_session *session)
{
	struct nx_journal_owner owner = owner_make(session);
	struct nx_error error = {0};

	if (session->journal && nx_journal_rewrite(session->journal, &owner, &error) != NX_OK)
		journal_trouble(session, &error);
}

bool nx_session_journal_stuck(const struct nx_session *session)
{
	return session->journal && nx_journal_stuck(session->journal);
}

void nx_session_journal_add(struct nx_session *session, const struct nx_event *event)
{
	if (session->journal)
		nx_journal_append(session->journal, event->line, event->length);
}

/* Of each device only the line that says what it is now. */
static bool line_keep(void *context, const struct nx_event *event)
{
	const struct nx_network *network = &((const struct nx_session *)context)->agent->network;
	const struct nx_record *record = NULL;
	const struct nx_entry *entry;
	const char *id;

	if (event->type != NX_EVENT_CHANGE)
		return false;
	id = nx_json_member_string(event->value, "id", "");
	entry = nx_members_find(&network->members, id);
	if (entry)
		record = entry->record;
	else if (strcmp(id, network->self_id) == 0)
		record = network->reconcile.planner.record;
	return record && record->revision == nx_json_member_integer(event->value, "revision", 0);
}

static void journal_compact(struct nx_session *session)
{
	NX_AUTO_FREE char *last =
		nx_printf("{\"type\":\"tail\",\"revision\":%lld}", (long long)session->revision);
	struct nx_error error = {0};

	if (nx_journal_compact(session->journal, line_keep, session, last, &error) != NX_OK)
		journal_trouble(session, &error);
	session->journal_compacted = nx_journal_size(session->journal);
}

void nx_session_journal_flush(struct nx_session *session)
{
	struct nx_error error = {0};

	if (!session->journal)
		return;
	if (nx_journal_flush(session->journal, &error) != NX_OK)
		journal_trouble(session, &error);
	else
		journal_relief(session);
	if (!session->resync &&
	    nx_journal_size(session->journal) > COMPACT_FACTOR * session->journal_compacted + COMPACT_SLACK)
		journal_compact(session);
}

void nx_session_journal_commit(struct nx_session *session)
{
	struct nx_error error = {0};

	if (!session->journal)
		return;
	if (nx_journal_commit(session->journal, &error) != NX_OK)
		journal_trouble(session, &error);
	else
		journal_relief(session);
	session->journal_compacted = nx_journal_size(session->journal);
}

void nx_session_journal_forget(struct nx_session *session)
{
	NX_AUTO_FREE char *path = nx_state_path(&session->agent->state, "devices.log");

	nx_journal_close(session->journal);
	session->journal = NULL;
	if (unlink(path) != 0 && errno != ENOENT)
		nx_log(NX_LOG_WARNING, "the last known peers are not removed", "file", path, "reason",
		       strerror(errno), NULL);
}
