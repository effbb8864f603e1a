/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/network/echo.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/loop.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/secret.h"

enum {
	TICK_MILLISECONDS = 10,
	SENDS_PER_TICK = 64,	  /* a gust of thousands would measure its own queue */
	ROUND_MILLISECONDS = 200, /* at least, from one request to an address to the next */
	PATIENCE_MILLISECONDS = 1000,
	TAKES_AT_ONCE = 256, /* replies; the rest waits for the loop's next turn */
};

/* An address of a member. */
struct target {
	struct nx_address address;
	unsigned family;
	uint64_t sent[NX_ECHO_COUNT];  /* nanoseconds of the loop's clock; 0: it did not leave */
	uint64_t taken[NX_ECHO_COUNT]; /* nanoseconds there and back; 0: no reply */
	struct nx_echo_result result;
	UT_hash_handle hh;
};

struct channel {
	struct nx_echoes *echoes;
	const struct nx_family *family;
	int descriptor; /* -1: closed */
	struct nx_watch *watch;
};

struct nx_echoes {
	uv_loop_t *loop;
	const struct nx_capabilities *capabilities;
	void (*done)(void *context);
	void *context;
	struct nx_timer *timer;
	struct channel *channels; /* one for each family */
	struct target *targets;
	struct target *next;  /* whom to send to; NULL: this round is over */
	unsigned round;	      /* NX_ECHO_COUNT: all is sent */
	uint64_t round_began; /* nanoseconds */
	size_t outstanding;   /* requests that may still be answered */
	struct nx_echo echo;  /* of this measurement; the sequence is the round */
	bool running;
};

/* --- targets --------------------------------------------------------------------------------- */

/* Unused bytes are no part of an address, but would be of a key. */
static struct nx_address key_of(const struct nx_address *address)
{
	struct nx_address key = {.length = address->length};

	memcpy(key.bytes, address->bytes, key.length);
	return key;
}

static struct target *target_find(const struct nx_echoes *echoes, const struct nx_address *address)
{
	const struct nx_address key = key_of(address);
	struct target *target = NULL;

	HASH_FIND(hh, echoes->targets, &key, sizeof(key), target);
	return target;
}

static void target_add(struct nx_echoes *echoes, unsigned family, const struct nx_address *address)
{
	struct target *target;

	if (target_find(echoes, address))
		return;
	target = nx_alloc(sizeof(*target));
	target->address = key_of(address);
	target->family = family;
	HASH_ADD(hh, echoes->targets, address, sizeof(target->address), target);
}

static void member_add(struct nx_echoes *echoes, const struct nx_member *member)
{
	for (unsigned i = 0; i < member->family_count; i++) {
		if (member->families[i].present && echoes->channels[i].descriptor >= 0)
			target_add(echoes, i, &member->families[i].address);
	}
}

static void targets_gather(struct nx_echoes *echoes, const struct nx_members *members)
{
	for (const struct nx_entry *entry = nx_members_first(members); entry;
	     entry = nx_members_next(entry)) {
		if (entry->applied.present || entry->carrier)
			member_add(echoes, &entry->record->member);
	}
}

static void targets_release(struct nx_echoes *echoes)
{
	struct target *target, *following;

	HASH_ITER(hh, echoes->targets, target, following)
	{
		HASH_DEL(echoes->targets, target);
		free(target);
	}
}

/* --- the end --------------------------------------------------------------------------------- */

static int duration_order(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static void target_judge(struct target *target)
{
	struct nx_echo_result *result = &target->result;
	uint64_t taken[NX_ECHO_COUNT];

	for (unsigned i = 0; i < NX_ECHO_COUNT; i++) {
		result->sent += target->sent[i] != 0;
		if (target->taken[i])
			taken[result->received++] = target->taken[i];
	}
	if (!result->received)
		return;
	qsort(taken, result->received, sizeof(*taken), duration_order);
	result->median_microseconds = taken[result->received / 2] / 1000;
}

static void channel_close(struct channel *channel)
{
	nx_watch_end(channel->watch);
	channel->watch = NULL;
	if (channel->descriptor >= 0)
		close(channel->descriptor);
	channel->descriptor = -1;
}

static void channels_close(struct nx_echoes *echoes)
{
	for (size_t i = 0; i < echoes->capabilities->family_count; i++)
		channel_close(&echoes->channels[i]);
}

static void measurement_end(struct nx_echoes *echoes)
{
	nx_timer_disarm(echoes->timer);
	channels_close(echoes);
	for (struct target *target = echoes->targets; target; target = target->hh.next)
		target_judge(target);
	echoes->running = false;
	echoes->done(echoes->context);
	targets_release(echoes);
}

/* --- replies ---------------------------------------------------------------------------------- */

static void reply_take(struct nx_echoes *echoes, const struct nx_address *from, const struct nx_echo *echo)
{
	unsigned round = echo->sequence;
	struct target *target;

	if (echo->identifier != echoes->echo.identifier || round >= NX_ECHO_COUNT ||
	    memcmp(echo->token, echoes->echo.token, sizeof(echo->token)) != 0)
		return;
	target = target_find(echoes, from);
	if (!target || !target->sent[round] || target->taken[round])
		return;
	target->taken[round] = uv_hrtime() - target->sent[round];
	echoes->outstanding--;
}

static void channel_readable(void *context)
{
	const struct channel *channel = context;
	struct nx_echoes *echoes = channel->echoes;
	const struct nx_family *family = channel->family;
	struct nx_address from;
	struct nx_echo echo;

	for (unsigned i = 0; i < TAKES_AT_ONCE; i++) {
		if (!family->ops->echo_receive(family->instance, channel->descriptor, &from, &echo))
			break;
		reply_take(echoes, &from, &echo);
	}
}

/* --- requests --------------------------------------------------------------------------------- */

static void target_send(struct nx_echoes *echoes, struct target *target)
{
	const struct channel *channel = &echoes->channels[target->family];
	uint64_t now = uv_hrtime();

	echoes->echo.sequence = (uint16_t)echoes->round;
	if (!channel->family->ops->echo_send(channel->family->instance, channel->descriptor, &target->address,
					     &echoes->echo))
		return;
	target->sent[echoes->round] = now;
	echoes->outstanding++;
}

static void round_begin(struct nx_echoes *echoes)
{
	echoes->round_began = uv_hrtime();
	echoes->next = echoes->targets;
}

static void round_send(struct nx_echoes *echoes)
{
	for (unsigned i = 0; i < SENDS_PER_TICK && echoes->next; i++) {
		target_send(echoes, echoes->next);
		echoes->next = echoes->next->hh.next;
	}
	if (!echoes->next)
		echoes->round++;
}

static bool elapsed(const struct nx_echoes *echoes, unsigned milliseconds)
{
	return uv_hrtime() - echoes->round_began >= milliseconds * UINT64_C(1000000);
}

static void tick(void *context)
{
	struct nx_echoes *echoes = context;
	bool all_sent = echoes->round == NX_ECHO_COUNT;

	if (all_sent && (!echoes->outstanding || elapsed(echoes, PATIENCE_MILLISECONDS))) {
		measurement_end(echoes);
		return;
	}
	if (!all_sent && !echoes->next && elapsed(echoes, ROUND_MILLISECONDS))
		round_begin(echoes);
	if (echoes->next)
		round_send(echoes);
	/* The patience is for the last request, not for the first one of its round. */
	if (!all_sent && echoes->round == NX_ECHO_COUNT)
		echoes->round_began = uv_hrtime();
	nx_timer_arm(echoes->timer, TICK_MILLISECONDS);
}

/* --- the beginning ---------------------------------------------------------------------------- */

static void channel_open(struct channel *channel)
{
	const struct nx_family *family = channel->family;
	struct nx_error error = {0};

	if (!family->ops->echo_open || !nx_family_usable(family))
		return;
	if (family->ops->echo_open(family->instance, &channel->descriptor, &error) != NX_OK) {
		channel->descriptor = -1;
		nx_log(NX_LOG_WARNING, "latency cannot be measured", "reason", error.message, NULL);
		return;
	}
	channel->watch =
		nx_watch_readable(channel->echoes->loop, channel->descriptor, channel_readable, channel);
}

bool nx_echoes_begin(struct nx_echoes *echoes, const struct nx_members *members)
{
	if (echoes->running)
		return true;
	for (size_t i = 0; i < echoes->capabilities->family_count; i++)
		channel_open(&echoes->channels[i]);
	targets_gather(echoes, members);
	if (!echoes->targets) {
		channels_close(echoes);
		return false;
	}
	nx_random_bytes(&echoes->echo, sizeof(echoes->echo));
	echoes->running = true;
	echoes->round = 0;
	echoes->outstanding = 0;
	round_begin(echoes);
	nx_timer_arm(echoes->timer, 0);
	return true;
}

const struct nx_echo_result *nx_echoes_result(const struct nx_echoes *echoes,
					      const struct nx_address *address)
{
	const struct target *target = target_find(echoes, address);

	return target ? &target->result : NULL;
}

struct nx_echoes *nx_echoes_new(uv_loop_t *loop, const struct nx_capabilities *capabilities,
				void (*done)(void *context), void *context)
{
	struct nx_echoes *echoes = nx_alloc(sizeof(*echoes));

	echoes->loop = loop;
	echoes->capabilities = capabilities;
	echoes->done = done;
	echoes->context = context;
	echoes->timer = nx_timer_new(loop, tick, echoes);
	echoes->channels = nx_alloc_array(capabilities->family_count, sizeof(*echoes->channels));
	for (size_t i = 0; i < capabilities->family_count; i++)
		echoes->channels[i] = (struct channel){
			.echoes = echoes, .family = &capabilities->families[i], .descriptor = -1};
	return echoes;
}

void nx_echoes_free(struct nx_echoes *echoes)
{
	if (!echoes)
		return;
	channels_close(echoes);
	targets_release(echoes);
	nx_timer_free(echoes->timer);
	free(echoes->channels);
	free(echoes);
}
