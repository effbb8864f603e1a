/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plan/way.h"

/* Bytes of an empty transport message: a keepalive. */
#define KEEPALIVE_BYTES 32u

/* A peer that this program meets for the first time may have had its handshake before. */
static void meet(struct nx_way *way, const struct nx_way_view *view)
{
	const struct nx_peer_status *status = view->status;
	int64_t age = view->now_seconds - status->last_handshake;

	way->seen = true;
	way->since = way->trial = way->heard = view->now;
	way->handshake_seconds = status->last_handshake;
	way->received_bytes = status->received_bytes;
	way->sent_bytes = status->sent_bytes;
	if (status->last_handshake > 0 && age >= 0 && age * 1000 < NX_WAY_FRESH_MS)
		way->handshake = view->now - (uint64_t)age * 1000;
}

static void listen(struct nx_way *way, const struct nx_way_view *view)
{
	const struct nx_peer_status *status = view->status;

	/* A tunnel that was made anew counts from 0. */
	if (status->received_bytes != way->received_bytes) {
		way->received_bytes = status->received_bytes;
		way->heard = view->now;
		way->sent_bytes = status->sent_bytes;
	}
	if (status->last_handshake != way->handshake_seconds) {
		way->handshake_seconds = status->last_handshake;
		way->handshake = status->last_handshake ? view->now : 0;
	}
}

/* Has it sent more since something last came than keepalives account for? */
static bool sent_in_vain(const struct nx_way *way, const struct nx_way_view *view)
{
	uint64_t sent = view->status->sent_bytes - way->sent_bytes;
	uint64_t keepalives =
		1 + (view->now - way->heard) / 1000 / (view->keepalive_seconds ? view->keepalive_seconds : 1);

	if (view->status->sent_bytes < way->sent_bytes)
		return false;
	return sent > (view->keepalive_seconds ? keepalives * KEEPALIVE_BYTES : 0);
}

static bool lost(const struct nx_way *way, const struct nx_way_view *view)
{
	uint64_t silence = view->now - way->heard, age = view->now - way->handshake;
	uint64_t limit = 3000u * (uint64_t)view->keepalive_seconds;

	if (silence >= NX_WAY_SILENCE_MS && sent_in_vain(way, view))
		return true;
	if (!limit)
		return false;
	if (limit < NX_WAY_SILENCE_MS)
		limit = NX_WAY_SILENCE_MS;
	/* Keepalives alone ask for a new session before the old one dies, and after. */
	return silence >= limit || age >= NX_WAY_FRESH_MS + limit;
}

/* How long a way that was lost before must have been found again to be trusted. */
static uint64_t hold(const struct nx_way *way)
{
	unsigned doublings = way->losses > 1 ? way->losses - 2u : 0;

	if (way->losses < 2)
		return 0;
	return (uint64_t)NX_WAY_HOLD_MS
	       << (doublings < NX_WAY_HOLD_DOUBLINGS ? doublings : NX_WAY_HOLD_DOUBLINGS);
}

/* Packets have gone both ways since the trial, or the loss, began. */
static bool found(const struct nx_way *way, const struct nx_way_view *view)
{
	return way->handshake && view->now - way->handshake < NX_WAY_FRESH_MS &&
	       (way->handshake >= way->since || !way->silent) && view->now - way->since >= hold(way);
}

static struct nx_way_step turn(struct nx_way *way, enum nx_direct direct, const struct nx_way_view *view)
{
	way->since = way->trial = view->now;
	if (direct == NX_DIRECT_WORKS)
		way->heard = view->now;
	return (struct nx_way_step){.direct = direct};
}

static struct nx_way_step look_working(struct nx_way *way, const struct nx_way_view *view)
{
	if (way->losses && view->now - way->since >= NX_WAY_FORGIVEN_MS)
		way->losses = 0;
	if (!lost(way, view))
		return (struct nx_way_step){.direct = NX_DIRECT_WORKS};
	way->silent = true;
	way->handshake = 0;
	if (way->losses < UINT8_MAX)
		way->losses++;
	return turn(way, NX_DIRECT_FAILS, view);
}

static uint64_t trial_length(enum nx_direct direct, unsigned endpoints)
{
	if (direct == NX_DIRECT_FAILS)
		return NX_WAY_RETRY_MS;
	return endpoints > 1 ? NX_WAY_TRIAL_MS : NX_WAY_TRIAL_ALONE_MS;
}

/* There may be a session from before the loss, or from before this program, of a time that nobody knows. */
static bool session_old(const struct nx_way *way, enum nx_direct direct)
{
	return !way->handshake && (way->silent ? direct == NX_DIRECT_FAILS : way->handshake_seconds != 0);
}

/* Packets come over such a session, which proves one direction alone. */
static bool renewal_due(const struct nx_way *way, enum nx_direct direct, const struct nx_way_view *view)
{
	return session_old(way, direct) && way->heard > way->since && view->keepalive_seconds &&
	       view->now - way->since >= NX_WAY_RENEW_MS && view->now - way->renewed >= NX_WAY_RETRY_MS;
}

/* Nothing comes, and the tunnel has no reason to ask for another session itself. */
static bool session_useless(const struct nx_way *way, enum nx_direct direct, const struct nx_way_view *view)
{
	return session_old(way, direct) && way->silent && way->endpoint_count && view->keepalive_seconds &&
	       way->heard <= way->since && way->renewed < way->since &&
	       view->now - way->since >= NX_WAY_RETRY_MS;
}

/* The tunnel will count from 0. */
static struct nx_way_step renew(struct nx_way *way, enum nx_direct direct, const struct nx_way_view *view)
{
	way->renewed = way->trial = view->now;
	way->received_bytes = way->sent_bytes = 0;
	way->handshake_seconds = 0;
	return (struct nx_way_step){.direct = direct, .renew = true};
}

/* Nothing came of this endpoint: the next one. When each has had its turn, the way fails. */
static struct nx_way_step look_trying(struct nx_way *way, enum nx_direct direct,
				      const struct nx_way_view *view)
{
	struct nx_way_step step = {.direct = direct};

	if (!way->endpoint_count || !view->keepalive_seconds ||
	    view->now - way->trial < trial_length(direct, way->endpoint_count))
		return step;
	way->trial = view->now;
	if (++way->candidate >= way->endpoint_count) {
		way->candidate = 0;
		if (direct == NX_DIRECT_UNKNOWN)
			step = turn(way, NX_DIRECT_FAILS, view);
	}
	step.next_endpoint = way->endpoint_count > 1;
	return step;
}

static struct nx_way_step look(struct nx_way *way, enum nx_direct direct, const struct nx_way_view *view)
{
	if (!way->seen)
		meet(way, view);
	else
		listen(way, view);
	if (direct == NX_DIRECT_WORKS)
		return look_working(way, view);
	if (found(way, view)) {
		way->silent = false;
		return turn(way, NX_DIRECT_WORKS, view);
	}
	if (renewal_due(way, direct, view) || session_useless(way, direct, view))
		return renew(way, direct, view);
	return look_trying(way, direct, view);
}

struct nx_way_step nx_way_look(struct nx_way *way, enum nx_direct direct, const struct nx_way_view *view)
{
	struct nx_way_step step = look(way, direct, view);

	step.begin =
		way->yields && (step.direct == NX_DIRECT_WORKS || view->now - way->since >= NX_WAY_YIELD_MS);
	way->yields &= !step.begin;
	return step;
}
