/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command asks of blocking strategies. Inside its transaction it finds that a proposal is
 * missing, leaves the question here and ends with a failure; whoever submitted it has the question
 * answered (strategies.h) and submits it again, with the proposal here. So nothing waits inside a
 * transaction, and a proposal is judged like any other, on what is true by then.
 *
 * Lives as long as the command, through all its runs. Whoever has the command uses it.
 */
#ifndef NX_SERVER_IPAM_ASKING_H
#define NX_SERVER_IPAM_ASKING_H

#include <nexodus/driver.h>

#include "base/secret.h"
#include "server/ipam/strategy.h"
#include "server/resources/device.h"

/* All that a strategy is told: a copy, since the call may outlive the request. */
struct nx_question {
	struct nx_strategy strategy;
	const char *family; /* its key */
	const char *field;  /* that clients know the address by */
	struct nx_prefix prefix;
	unsigned attempt;
	struct nx_address last; /* length 0: nothing is known */
	char organization_id[NX_UUID_TEXT];
	char device_id[NX_UUID_TEXT];
	char public_key[NX_PUBLIC_KEY_TEXT];
	char hostname[NX_HOSTNAME_LIMIT + 1];
};

/* What is known of one address. */
struct nx_asked {
	const struct nx_strategy_ops *ops; /* who was asked, and over which prefix */
	struct nx_prefix prefix;
	unsigned attempt;	   /* proposals that were taken */
	struct nx_address address; /* proposed; length 0: not yet */
};

/* Zero-initialized: nothing was asked. */
struct nx_asking {
	uint64_t deadline; /* of all questions together, milliseconds of CLOCK_MONOTONIC; 0: none was asked */
	bool open;	   /* the last run has ended for this question */
	size_t place;	   /* of what it is about, in `asked` */
	struct nx_question question;
	char organization_id[NX_UUID_TEXT];
	/* By family: for first addresses, and after these for second ones. */
	struct nx_asked asked[2 * NX_FAMILY_LIMIT];
};

/* Before each run. */
void nx_asking_begin(struct nx_asking *asking);
/* What is known for a strategy over a prefix of an organization: nothing, when it was another one. */
struct nx_asked *nx_asking_find(struct nx_asking *asking, size_t place, const char *organization_id,
				const struct nx_strategy *strategy, const struct nx_prefix *prefix);
/* The open question has been answered. */
void nx_asking_answer(struct nx_asking *asking, const struct nx_address *address);

#endif
