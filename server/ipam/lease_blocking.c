/* SPDX-License-Identifier: Apache-2.0 */
/* An address that a strategy proposes which is asked outside of transactions. */
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "server/ipam/lease_inside.h"
#include "server/ipam/strategies.h"

static size_t place_of(const struct nx_leases *leases, const struct nx_lease_source *source)
{
	size_t family = (size_t)(source->family - leases->server->fields->family);

	return source->beside ? NX_FAMILY_LIMIT + family : family;
}

static struct nx_asked *asked_find(const struct nx_leases *leases, const struct nx_lease_source *source,
				   const struct nx_lease_request *request, const struct nx_strategy *strategy)
{
	return nx_asking_find(source->asking, place_of(leases, source), request->organization_id, strategy,
			      source->prefix);
}

static void question_fill(const struct nx_leases *leases, const struct nx_lease_source *source,
			  const struct nx_lease_request *request, struct nx_question *question)
{
	const struct nx_family *family = source->family;
	const struct nx_columns *devices = &leases->server->fields->devices;
	const struct nx_address *last = nx_pool_last(leases, source, request->organization_id);

	*question = (struct nx_question){
		.family = family->key,
		.field = devices->column[family->device_address].name,
		.prefix = *source->prefix,
		.last = last ? *last : (struct nx_address){0},
	};
	snprintf(question->organization_id, sizeof(question->organization_id), "%s",
		 request->organization_id);
	snprintf(question->device_id, sizeof(question->device_id), "%s", request->device_id);
	snprintf(question->public_key, sizeof(question->public_key), "%s", request->public_key);
	snprintf(question->hostname, sizeof(question->hostname), "%s", request->hostname);
}

/* End this run for the question. */
static enum nx_status question_open(const struct nx_leases *leases, const struct nx_lease_source *source,
				    const struct nx_lease_request *request,
				    const struct nx_strategy *strategy, unsigned attempt,
				    struct nx_error *error)
{
	struct nx_asking *asking = source->asking;

	question_fill(leases, source, request, &asking->question);
	asking->question.strategy = *strategy;
	asking->question.attempt = attempt;
	asking->place = place_of(leases, source);
	asking->open = true;
	nx_strategies_expect(leases->server->strategies, request->organization_id);
	return nx_fail(error, NX_UNAVAILABLE, NULL, "the strategy '%s' is to be asked first", strategy->name);
}

enum nx_status nx_lease_foresee(struct nx_leases *leases, const struct nx_lease_source *source,
				const struct nx_lease_request *request, const struct nx_strategy *strategy,
				struct nx_error *error)
{
	const struct nx_asked *asked;

	if (!source->asking)
		return nx_fail(error, NX_UNSUPPORTED, NULL,
			       "the strategy '%s' has to be waited for, which cannot be done here",
			       strategy->name);
	asked = asked_find(leases, source, request, strategy);
	return asked->address.length
		       ? NX_OK
		       : question_open(leases, source, request, strategy, asked->attempt, error);
}

enum nx_status nx_lease_by_blocking(const struct nx_choice *choice, const struct nx_strategy *strategy,
				    struct nx_address *out, struct nx_error *error)
{
	struct nx_asked *asked = asked_find(choice->leases, choice->source, choice->request, strategy);
	struct nx_address address = asked->address;
	unsigned repeated = asked->attempt;
	bool free = false;
	enum nx_status status = nx_lease_proposal_take(choice, strategy, &address, &repeated, &free, error);

	if (status != NX_OK)
		return status;
	if (free) {
		*out = address;
		return NX_OK;
	}
	/* Taken meanwhile, or from the beginning. */
	if (++asked->attempt >= NX_STRATEGY_ATTEMPTS)
		return nx_lease_taken_again(choice, strategy, &address, error);
	asked->address = (struct nx_address){0};
	return question_open(choice->leases, choice->source, choice->request, strategy, asked->attempt,
			     error);
}
