/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The direct way to one peer: does it work, and which of its endpoints is to be
 * tried? A pure state machine over what the tunnel says from time to time.
 *
 * Only a handshake proves that packets go both ways. It is seen by its time
 * having changed, not by its age: the wall clock may jump. A way is lost when
 * nothing has come for three keepalives, or sooner when this host has sent more
 * than keepalives and nothing came back (a tunnel answers within 10 s, and asks
 * for a new handshake after 15). A way that came and went waits longer each time
 * before it is trusted again, so that it does not flap; but not for long, because one
 * end may have forgotten the losses that the other end remembers, and then trusts a
 * way that the other does not take yet.
 *
 * Where packets come and this host's own do not arrive, nothing is silent: the peer's handshakes come for
 * ever. But no handshake is completed, and the session dies: a way without one is lost, too.
 *
 * A way that comes back soon finds the old session alive: packets come again, and
 * no handshake is due for minutes. Then a new session is asked for, whose handshake
 * is the proof. So it is with a session that this program found at its start and whose
 * age it cannot tell, because the wall clock was set since, or is wrong now. And so it is,
 * once for each loss, where nothing comes: a peer that was started anew does not know
 * the old session, and keepalives over it would ask for no other one for minutes.
 *
 * Two hosts learn of each other at the same moment. If both began then, their
 * handshakes would cross and spoil each other, and where the keepalive is as long
 * as REKEY_TIMEOUT again and again: so one of the two yields, and begins a little
 * later if the other one has not come.
 *
 * Times are milliseconds of CLOCK_BOOTTIME, which goes on while a host sleeps.
 */
#ifndef NX_AGENT_PLAN_WAY_H
#define NX_AGENT_PLAN_WAY_H

#include <nexodus/driver.h>
#include <nexodus/relay.h>

enum {
	NX_WAY_YIELD_MS = 1000,	       /* after the peer is seen for the first time */
	NX_WAY_TRIAL_MS = 6000,	       /* of one endpoint among several: a handshake is sent every 5 s */
	NX_WAY_TRIAL_ALONE_MS = 12000, /* of the only one */
	NX_WAY_RETRY_MS = 12000,       /* of one endpoint, once all of them have failed */
	NX_WAY_RENEW_MS = 3000,	       /* after a loss, before a session that lives on is given up */
	NX_WAY_SILENCE_MS = 18000,     /* after having sent */
	NX_WAY_FRESH_MS = 180000,      /* a session dies at this age (REJECT_AFTER_TIME) */
	NX_WAY_HOLD_MS = 5000,	       /* after the second loss, doubled with each further one … */
	NX_WAY_HOLD_DOUBLINGS = 2,     /* … as often as this */
	NX_WAY_FORGIVEN_MS = 600000,   /* a way that worked for so long starts anew */
};

struct nx_way {
	bool seen;		/* the tunnel has told of the peer before */
	bool yields;		/* the other side is to begin: the tunnel has no keepalive of ours yet */
	bool silent;		/* it worked and was lost; otherwise no endpoint has answered */
	uint8_t endpoint_count; /* that are known, to be tried */
	uint8_t candidate;	/* the one that is tried, or was when the way came to work */
	uint8_t losses;
	uint64_t renewed;	   /* a new session was asked for */
	uint64_t since;		   /* it is what `direct` says */
	uint64_t trial;		   /* the endpoint is tried */
	uint64_t heard;		   /* something came */
	uint64_t handshake;	   /* the last handshake was completed; 0: none */
	int64_t handshake_seconds; /* what the tunnel said of it, to see it change */
	uint64_t received_bytes;
	uint64_t sent_bytes; /* when something last came */
};

struct nx_way_view {
	uint64_t now;
	int64_t now_seconds; /* since 1970: used once, for a peer that was there before this program */
	uint16_t keepalive_seconds;
	const struct nx_peer_status *status;
};

struct nx_way_step {
	enum nx_direct direct;
	bool next_endpoint; /* `candidate` is another one now: tell the tunnel */
	bool renew;	    /* the tunnel is to forget the session and to begin a new one */
	bool begin;	    /* it yielded for long enough: tell the tunnel the keepalive */
};

/* Look once more. `direct`: what it was before. */
struct nx_way_step nx_way_look(struct nx_way *way, enum nx_direct direct, const struct nx_way_view *view);

#endif
