/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/network/ways.h"

#include <stdio.h>
#include <time.h>

#include "base/log.h"

enum {
	TRYING_MS = 1000,
	FAILING_MS = 2000,
	QUIET_MS = 5000,
	PEERS_AT_ONCE = 2000, /* twice as many are looked at half as often */
	ASLEEP_MS = 60000,    /* a host that did not look for so long was asleep, or stopped */
};

struct look {
	struct nx_ways *ways;
	struct nx_reconcile *reconcile;
	uint64_t now;
	int64_t now_seconds;
	bool asleep;
	bool changed;
};

static uint64_t boottime(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void way_log(const struct nx_entry *entry, enum nx_direct before, enum nx_direct after)
{
	const struct nx_member *member = &entry->record->member;

	if (after == NX_DIRECT_FAILS)
		nx_log(NX_LOG_INFO, "a host cannot be reached directly", "device", member->id, "hostname",
		       member->hostname, "reason",
		       entry->way.silent ? "nothing comes from it any more" : "no endpoint answers", NULL);
	else if (before == NX_DIRECT_FAILS)
		nx_log(NX_LOG_INFO, "a host can be reached directly again", "device", member->id, "hostname",
		       member->hostname, NULL);
}

static void count(struct nx_ways *ways, const struct nx_entry *entry)
{
	enum nx_direct direct = entry->record->member.direct;

	if (direct == NX_DIRECT_UNKNOWN && entry->way.endpoint_count)
		ways->trying = true;
	if (direct == NX_DIRECT_FAILS && (entry->carrier || entry->record->member.standing.relay))
		ways->failing = true;
}

/* Nothing could come meanwhile, nor could a session be had in time. */
static void way_woken(struct nx_way *way, enum nx_direct direct, uint64_t now)
{
	way->heard = now;
	if (direct == NX_DIRECT_WORKS)
		way->handshake = now;
}

static void peer_look(void *context, const struct nx_peer_status *status)
{
	struct look *look = context;
	struct nx_entry *entry = nx_members_find_key(look->reconcile->members, status->public_key);
	struct nx_way_step step;
	enum nx_direct before;

	if (!entry || !entry->applied.present)
		return;
	before = entry->record->member.direct;
	if (look->asleep)
		way_woken(&entry->way, before, look->now);
	step = nx_way_look(&entry->way, before,
			   &(const struct nx_way_view){
				   .now = look->now,
				   .now_seconds = look->now_seconds,
				   .keepalive_seconds = entry->applied.keepalive_seconds,
				   .status = status,
			   });
	if (step.direct != before) {
		way_log(entry, before, step.direct);
		nx_reconcile_way(look->reconcile, entry, step.direct);
	} else if (step.next_endpoint || step.begin || step.renew) {
		nx_reconcile_way(look->reconcile, entry, before);
	}
	entry->tell |= step.begin;
	entry->renew |= step.renew;
	look->changed |= step.direct != before || step.next_endpoint || step.begin || step.renew;
	count(look->ways, entry);
}

bool nx_ways_look(struct nx_ways *ways, struct nx_reconcile *reconcile)
{
	const struct nx_capabilities *capabilities = reconcile->capabilities;
	struct look look = {
		.ways = ways,
		.reconcile = reconcile,
		.now = boottime(),
		.now_seconds = time(NULL),
	};

	look.asleep = ways->looked && look.now - ways->looked > ASLEEP_MS;
	*ways = (struct nx_ways){.looked = look.now};
	/* A tunnel without handshakes proves nothing: its ways stay as they are. */
	if (reconcile->up && !(capabilities->driver->lacks & NX_DRIVER_NO_HANDSHAKES))
		(void)capabilities->driver->peers_status(capabilities->driver_instance, peer_look, &look,
							 NULL);
	return look.changed;
}

uint64_t nx_ways_next(const struct nx_ways *ways, const struct nx_reconcile *reconcile)
{
	/* At start, peers are about to come. */
	bool trying = ways->trying || !ways->looked;
	uint64_t pause = trying ? TRYING_MS : ways->failing ? FAILING_MS : QUIET_MS;

	return pause + pause * reconcile->members->count / PEERS_AT_ONCE;
}

/* --- why ------------------------------------------------------------------------------------- */

static void failure_say(const struct nx_entry *entry, char *text, size_t room)
{
	if (entry->way.silent)
		snprintf(text, room, "nothing comes from it directly any more");
	else
		snprintf(text, room, "no handshake with any of its %u endpoints", entry->way.endpoint_count);
}

/* Nothing is known of the direct way yet, or ever. */
static void unknown_say(const struct nx_reconcile *reconcile, const struct nx_entry *entry, char *text,
			size_t room)
{
	if (!entry->way.endpoint_count)
		snprintf(text, room, "waiting for it to come");
	else if (reconcile->capabilities->driver->lacks & NX_DRIVER_NO_HANDSHAKES)
		snprintf(text, room, "taken to work: this tunnel has no handshakes that would show it");
	else
		snprintf(text, room, "being tried");
}

void nx_ways_reason(const struct nx_reconcile *reconcile, const struct nx_entry *entry, char *text,
		    size_t room)
{
	const struct nx_member *self = &reconcile->planner.self, *member = &entry->record->member;

	text[0] = '\0';
	if (!entry->carrier && !entry->applied.present)
		snprintf(text, room, "%s",
			 self->standing.spoke || member->standing.spoke ? "there is no relay"
									: "no family in common");
	else if (self->standing.spoke && !member->standing.relay)
		snprintf(text, room, "this host is reached through a relay only");
	else if (member->standing.spoke && entry->carrier)
		snprintf(text, room, "it is reached through its relay only");
	else if (member->standing.draining)
		snprintf(text, room, "it drains: its hosts move to another relay");
	else if (member->direct == NX_DIRECT_FAILS)
		failure_say(entry, text, room);
	else if (member->direct == NX_DIRECT_UNKNOWN && !entry->carrier)
		unknown_say(reconcile, entry, text, room);
}
