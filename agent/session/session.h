/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's dealings with the service: it registers this host (enrol.c), follows
 * the organization's changes (session.c), and keeps this host's own record up to
 * date (publish.c). A service that is away costs an attempt to reconnect now and
 * then, and nothing else: the mesh stands.
 */
#ifndef NX_AGENT_SESSION_SESSION_H
#define NX_AGENT_SESSION_SESSION_H

#include "agent/agent.h"
#include "agent/session/backoff.h"
#include "agent/session/stream.h"

enum nx_phase {
	NX_PHASE_STARTING = 0,
	NX_PHASE_ENROLLING,
	NX_PHASE_OFFLINE, /* enrolled, not connected or not caught up */
	NX_PHASE_RUNNING,
};

/* Keeping this host's own record up to date. */
struct nx_publish {
	struct nx_call *call;
	struct nx_timer *retry;
	struct nx_timer *echo; /* until the stream is to have told of what was taken */
	struct nx_backoff backoff;
	struct nx_json *refused; /* bodies that the service did not take, as texts */
	char *body;		 /* of `call` */
	char *wish;		 /* the one that `call` declares; NULL: it is about families */
};

/* Asking for the list of STUN servers. */
struct nx_stun_question {
	struct nx_call *call;
	struct nx_timer *retry;
	struct nx_backoff backoff;
};

struct nx_session {
	struct nx_agent *agent;
	enum nx_phase phase;
	struct nx_call *call; /* registration, stream, or a look at our own record */
	struct nx_timer *retry;
	void (*attempt)(struct nx_session *session); /* what `retry` is for */
	struct nx_backoff backoff;
	struct nx_journal *journal; /* NULL: the disk would not have it */
	bool journal_troubled;	    /* the disk does not take it, which was told */
	size_t journal_compacted;   /* its size when it was last written anew */
	struct nx_stream stream;
	int64_t revision;     /* the last that was applied */
	bool resync;	      /* the whole list is wanted: from revision 0 */
	bool caught_up;	      /* the stream has reached its tail */
	bool recheck;	      /* the stream said something about ourselves: ask */
	unsigned strikes;     /* times in a row that the service said it does not know us */
	struct nx_json *self; /* our own record, as last seen; NULL: not yet */
	struct nx_publish publish;
	struct nx_stun_question stun;
	char *bearer; /* enrolling with a password: the user's token; a secret */
	char last_error[320];
};

/* Set up, and restore the last known mesh from the state directory. */
struct nx_session *nx_session_new(struct nx_agent *agent);
/* Register if need be, then follow. */
void nx_session_start(struct nx_session *session);
/* Connect anew at once: the connection that stands cannot be trusted, or a reason to wait is gone. */
void nx_session_renew(struct nx_session *session);
/* Writes the state. NULL is fine. */
void nx_session_free(struct nx_session *session);
const char *nx_phase_name(enum nx_phase phase);

/* --- among the session's own files ---------------------------------------------------------- */

/* Remember and log why the service is of no use just now. */
void nx_session_trouble(struct nx_session *session, const char *what, const char *why);
/* Do `attempt` after a while. */
void nx_session_later(struct nx_session *session, void (*attempt)(struct nx_session *session),
		      int64_t retry_after);
/* A failure that more attempts do not mend: the program ends. */
void nx_session_give_up(struct nx_session *session, int exit_code, const char *what, const char *why);
/* Our own record as the service has it now. */
void nx_session_learn_self(struct nx_session *session, const struct nx_json *device);
/* Enrolled: the identity is known and stored. */
void nx_session_enrolled(struct nx_session *session, const struct nx_json *device);
void nx_session_connect(struct nx_session *session);

void nx_enrol_start(struct nx_session *session);

/* Ask the service for its STUN servers, unless the operator has named some, until it answers. */
void nx_session_stun_ask(struct nx_session *session);
void nx_session_stun_release(struct nx_session *session);

/* Tell the service what it does not know yet about this host. */
void nx_publish_check(struct nx_session *session);
/* Forget what is under way, on a connection that cannot be trusted, and reasons to wait: the next look tells
 * it anew. */
void nx_publish_renew(struct nx_session *session);
void nx_publish_release(struct nx_session *session);

/* The service's own words about a refusal, for a person: `room` bytes at most. */
void nx_answer_reason(const struct nx_answer *answer, char *text, size_t room);

#endif
