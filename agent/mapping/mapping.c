/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rounds: names are looked up, then all servers are asked at once in all families,
 * and asked again (RFC 8489 §6.2.1) until they have answered or it was enough.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/mapping/mapping_parts.h"
#include "base/address.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/secret.h"

enum {
	ASK_MILLISECONDS = 300,	    /* a burst of events is one round */
	LOOKUP_MILLISECONDS = 5000, /* names that take longer are left out */
	FIRST_MILLISECONDS = 500,   /* until a question is repeated, doubled each time … */
	TRIES = 5,
	TRIES_ENOUGH = 2,	      /* … but not for long where two servers have answered */
	UNKNOWN_MILLISECONDS = 10000, /* until the next round when too few answer, doubled each time */
	UNKNOWN_DOUBLINGS = 16,
};

struct found {
	const struct nx_family *family;
	bool fixed;
	bool suspected; /* the last round found it symmetric: once more, for the NAT may have changed in it */
	struct nx_probe probe;
	struct nx_mapping_result result;
};

struct nx_mapping {
	uv_loop_t *loop;
	struct nx_mapping_options options;
	struct found *families;
	size_t family_count;
	char *servers[NX_MAPPING_SERVERS_LIMIT];
	size_t server_count;
	uint16_t port;
	struct nx_timer *round;	  /* the next one */
	struct nx_timer *step;	  /* of this one */
	struct nx_lookup *lookup; /* of this round; NULL: there is no round */
	unsigned tries;		  /* of this round; 0: names are looked up */
	unsigned unknown_rounds;  /* in a row */
	char last_error[160];	  /* of a socket; "" when the last round had them all */
};

static void round_later(struct nx_mapping *mapping, uint64_t milliseconds);

/* --- results ------------------------------------------------------------------------------- */

static const char *text_or_none(const char *text)
{
	return *text ? text : NULL;
}

static void result_log(const struct found *found)
{
	char mapped[NX_ADDRESS_TEXT] = "", source[NX_ADDRESS_TEXT];

	if (found->result.mapped.port)
		nx_endpoint_format(&found->result.mapped, mapped);
	nx_address_format(&found->result.source, source);
	nx_log(NX_LOG_INFO, "how the outside sees this host", "family", found->family->ops->label, "mapping",
	       nx_mapping_kind_name(found->result.kind), "endpoint", text_or_none(mapped), "from",
	       text_or_none(source), NULL);
}

static bool result_set(struct found *found, const struct nx_mapping_result *result)
{
	if (nx_mapping_same(&found->result, result))
		return false;
	found->result = *result;
	result_log(found);
	return true;
}

/* An address without a port: whatever was told to others is so no longer. */
static struct nx_mapping_result result_none(const struct found *found)
{
	return (struct nx_mapping_result){.mapped.address.length = found->family->ops->address_length};
}

static void changed(const struct nx_mapping *mapping)
{
	mapping->options.changed(mapping->options.context);
}

/* --- the end of a round -------------------------------------------------------------------------- */

static void round_stop(struct nx_mapping *mapping)
{
	nx_lookup_drop(NX_TAKE(mapping->lookup));
	for (size_t i = 0; i < mapping->family_count; i++)
		nx_probe_end(&mapping->families[i].probe);
	nx_timer_disarm(mapping->step);
	mapping->tries = 0;
}

/* Answers: is a second look needed before anybody is told? */
static bool family_doubt(struct found *found, const struct nx_mapping_result *now)
{
	bool suspected = found->suspected;

	found->suspected = now->kind == NX_MAPPING_SYMMETRIC;
	return found->suspected && !suspected && found->result.kind != NX_MAPPING_SYMMETRIC;
}

struct outcome {
	bool doubt, unknown, changed;
};

static void family_conclude(struct found *found, struct outcome *outcome)
{
	struct nx_mapping_result now = nx_queries_judge(found->probe.queries, found->probe.count);

	if (found->fixed)
		return;
	if (family_doubt(found, &now)) {
		outcome->doubt = true;
		found->result.suspect |= found->result.kind == NX_MAPPING_UNKNOWN;
		return;
	}
	outcome->unknown |= now.kind == NX_MAPPING_UNKNOWN && now.source.length;
	now = nx_mapping_fold(&found->result, &now);
	outcome->changed |= result_set(found, &now);
}

/* All hosts of a mesh are not to ask at the same moment. */
static uint64_t scatter(uint64_t milliseconds)
{
	uint32_t random;

	nx_random_bytes(&random, sizeof(random));
	return milliseconds - milliseconds / 10 + random % (milliseconds / 5 + 1);
}

static uint64_t pause_next(struct nx_mapping *mapping, bool unknown)
{
	uint64_t usual = (uint64_t)mapping->options.interval_seconds * 1000, soon;

	if (!unknown) {
		mapping->unknown_rounds = 0;
		return scatter(usual);
	}
	soon = (uint64_t)UNKNOWN_MILLISECONDS << mapping->unknown_rounds;
	if (mapping->unknown_rounds < UNKNOWN_DOUBLINGS)
		mapping->unknown_rounds++;
	return scatter(soon < usual ? soon : usual);
}

static void round_end(struct nx_mapping *mapping)
{
	struct outcome outcome = {0};

	for (size_t i = 0; i < mapping->family_count; i++)
		family_conclude(&mapping->families[i], &outcome);
	round_stop(mapping);
	round_later(mapping, outcome.doubt ? ASK_MILLISECONDS : pause_next(mapping, outcome.unknown));
	if (outcome.changed)
		changed(mapping);
}

/* --- asking ---------------------------------------------------------------------------------------- */

/* Nothing more is to come that could tell more; where two agree, a third is not waited for long. */
static bool family_settled(const struct found *found, unsigned tries)
{
	return !nx_probe_open_questions(&found->probe) || found->probe.descriptor < 0 ||
	       (tries > TRIES_ENOUGH && nx_probe_answers(&found->probe) > 1);
}

static bool round_settled(const struct nx_mapping *mapping)
{
	for (size_t i = 0; i < mapping->family_count; i++) {
		if (!family_settled(&mapping->families[i], mapping->tries))
			return false;
	}
	return true;
}

static void answered(void *context)
{
	struct nx_mapping *mapping = context;

	if (round_settled(mapping))
		round_end(mapping);
}

/* The last wait is no longer than the one before. */
static void step_arm(struct nx_mapping *mapping)
{
	unsigned doublings = mapping->tries < TRIES ? mapping->tries - 1 : TRIES - 2;

	nx_timer_arm(mapping->step, (uint64_t)FIRST_MILLISECONDS << doublings);
}

static void asking_step(struct nx_mapping *mapping)
{
	mapping->tries++;
	if (mapping->tries > TRIES || round_settled(mapping)) {
		round_end(mapping);
		return;
	}
	for (size_t i = 0; i < mapping->family_count; i++)
		nx_probe_repeat(&mapping->families[i].probe);
	step_arm(mapping);
}

static void socket_trouble(struct nx_mapping *mapping, const struct nx_error *error)
{
	if (strcmp(mapping->last_error, error->message) == 0)
		return;
	memcpy(mapping->last_error, error->message, sizeof(mapping->last_error));
	if (*mapping->last_error)
		nx_log(NX_LOG_WARNING, "how the outside sees this host cannot be found out", "reason",
		       mapping->last_error, NULL);
}

static void asking_begin(void *context)
{
	struct nx_mapping *mapping = context;
	struct nx_error error = {0}, last = {0};
	const struct nx_endpoint *endpoints;
	size_t count = nx_lookup_found(mapping->lookup, &endpoints);

	mapping->tries = 1;
	for (size_t i = 0; i < mapping->family_count; i++) {
		struct found *found = &mapping->families[i];
		enum nx_status status = nx_probe_begin(&found->probe, mapping->loop, mapping->port, endpoints,
						       found->fixed ? 0 : count, &error);

		if (status != NX_OK && status != NX_UNSUPPORTED)
			last = error;
	}
	socket_trouble(mapping, &last);
	if (round_settled(mapping))
		round_end(mapping);
	else
		step_arm(mapping);
}

/* --- rounds ------------------------------------------------------------------------------------------ */

static void round_due(void *context)
{
	struct nx_mapping *mapping = context;

	round_stop(mapping);
	mapping->lookup = nx_lookup_begin(mapping->loop, (const char *const *)mapping->servers,
					  mapping->server_count, asking_begin, mapping);
	if (nx_lookup_over(mapping->lookup))
		asking_begin(mapping);
	else
		nx_timer_arm(mapping->step, LOOKUP_MILLISECONDS);
}

static void step_due(void *context)
{
	struct nx_mapping *mapping = context;

	/* Names that are not found by now are left out of this round. */
	if (mapping->tries == 0)
		asking_begin(mapping);
	else
		asking_step(mapping);
}

static bool worth_asking(const struct nx_mapping *mapping)
{
	bool any = false;

	for (size_t i = 0; i < mapping->family_count; i++)
		any |= !mapping->families[i].fixed;
	return any && mapping->port && mapping->server_count;
}

static void round_later(struct nx_mapping *mapping, uint64_t milliseconds)
{
	if (worth_asking(mapping))
		nx_timer_arm(mapping->round, milliseconds);
	else
		nx_timer_disarm(mapping->round);
}

/* What is being asked is about how things were before. */
static void round_anew(struct nx_mapping *mapping, uint64_t milliseconds)
{
	round_stop(mapping);
	mapping->unknown_rounds = 0;
	for (size_t i = 0; i < mapping->family_count; i++)
		mapping->families[i].suspected = false;
	round_later(mapping, milliseconds);
}

void nx_mapping_ask(struct nx_mapping *mapping)
{
	if (mapping)
		round_anew(mapping, ASK_MILLISECONDS);
}

/* --- what is asked ------------------------------------------------------------------------------------ */

static void results_forget(struct nx_mapping *mapping)
{
	bool any = false;

	for (size_t i = 0; i < mapping->family_count; i++) {
		struct nx_mapping_result none = result_none(&mapping->families[i]);

		any |= result_set(&mapping->families[i], &none);
	}
	if (any)
		changed(mapping);
}

static bool servers_same(const struct nx_mapping *mapping, const char *const *servers, size_t count)
{
	if (count != mapping->server_count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(servers[i], mapping->servers[i]) != 0)
			return false;
	}
	return true;
}

static void servers_drop(struct nx_mapping *mapping)
{
	for (size_t i = 0; i < mapping->server_count; i++)
		free(mapping->servers[i]);
	mapping->server_count = 0;
}

void nx_mapping_set_servers(struct nx_mapping *mapping, const char *const *servers, size_t count)
{
	if (count > NX_MAPPING_SERVERS_LIMIT)
		count = NX_MAPPING_SERVERS_LIMIT;
	if (count && servers_same(mapping, servers, count))
		return;
	round_stop(mapping);
	servers_drop(mapping);
	for (size_t i = 0; i < count; i++)
		mapping->servers[mapping->server_count++] = nx_strdup(servers[i]);
	round_anew(mapping, 0);
	if (!count)
		results_forget(mapping);
}

void nx_mapping_set_port(struct nx_mapping *mapping, uint16_t port)
{
	if (port == mapping->port)
		return;
	mapping->port = port;
	/* Another port is mapped in its own way. */
	for (size_t i = 0; i < mapping->family_count; i++)
		mapping->families[i].result.source.length = 0;
	round_anew(mapping, 0);
}

struct nx_mapping_result nx_mapping_result(const struct nx_mapping *mapping, const struct nx_family *family)
{
	for (size_t i = 0; i < mapping->family_count; i++) {
		if (mapping->families[i].family == family)
			return mapping->families[i].result;
	}
	return (struct nx_mapping_result){0};
}

/* --- life -------------------------------------------------------------------------------------------- */

static bool family_fixed(const struct nx_mapping_options *options, const struct nx_family *family)
{
	for (size_t i = 0; i < options->fixed_count; i++) {
		if (options->fixed[i].address.length == family->ops->address_length)
			return true;
	}
	return false;
}

static void family_make(struct nx_mapping *mapping, struct found *found, const struct nx_family *family)
{
	*found = (struct found){
		.family = family,
		.fixed = family_fixed(&mapping->options, family),
		.probe =
			{
				.address_length = family->ops->address_length,
				.descriptor = -1,
				.answered = answered,
				.context = mapping,
			},
	};
	if (found->fixed)
		found->result = result_none(found);
}

struct nx_mapping *nx_mapping_new(uv_loop_t *loop, const struct nx_mapping_options *options)
{
	struct nx_mapping *mapping = nx_alloc(sizeof(*mapping));

	mapping->loop = loop;
	mapping->options = *options;
	mapping->round = nx_timer_new(loop, round_due, mapping);
	mapping->step = nx_timer_new(loop, step_due, mapping);
	mapping->family_count = options->capabilities->family_count;
	mapping->families = nx_alloc_array(mapping->family_count, sizeof(*mapping->families));
	for (size_t i = 0; i < mapping->family_count; i++)
		family_make(mapping, &mapping->families[i], &options->capabilities->families[i]);
	return mapping;
}

void nx_mapping_free(struct nx_mapping *mapping)
{
	if (!mapping)
		return;
	round_stop(mapping);
	servers_drop(mapping);
	nx_timer_free(mapping->round);
	nx_timer_free(mapping->step);
	free(mapping->families);
	free(mapping);
}
