/* SPDX-License-Identifier: Apache-2.0 */
/* The session and its journal. Not for others. */
#ifndef NX_AGENT_SESSION_SESSION_PARTS_H
#define NX_AGENT_SESSION_SESSION_PARTS_H

#include "agent/session/session.h"

/* Fold an event in: into the members, our own record, and the revision. False: it is about
 * ourselves being gone, and is not to be believed without asking. */
bool nx_session_event(struct nx_session *session, const struct nx_event *event);

/* Open the journal and fold in what it holds; clears `resync` when that is a beginning. */
void nx_session_journal_restore(struct nx_session *session);
void nx_session_journal_rewrite(struct nx_session *session);
/* It lacks something, and is whole only after the next full list. */
bool nx_session_journal_stuck(const struct nx_session *session);
void nx_session_journal_add(struct nx_session *session, const struct nx_event *event);
/* Write what was added, and the whole file anew when it has grown far beyond its content. */
void nx_session_journal_flush(struct nx_session *session);
void nx_session_journal_commit(struct nx_session *session);
/* They are none of this host's business any more. */
void nx_session_journal_forget(struct nx_session *session);

/* The service does not know this device any more, and said `reason`: register anew if that is wished
 * (re-enrol), or end. */
void nx_session_gone(struct nx_session *session, const char *reason);

#endif
