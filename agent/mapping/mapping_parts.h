/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of mapping.h share among themselves. */
#ifndef NX_AGENT_MAPPING_MAPPING_PARTS_H
#define NX_AGENT_MAPPING_MAPPING_PARTS_H

#include "agent/loop.h"
#include "agent/mapping/mapping.h"
#include "base/stun.h"

/* --- judging answers (mapping_judge.c): pure ------------------------------------------------ */

/* One question to one server. */
struct nx_query {
	struct nx_endpoint server;
	struct nx_address source; /* of this host, towards the server; length 0: there is no way */
	struct nx_stun_transaction transaction;
	struct nx_endpoint mapped; /* the answer; port 0: none yet */
};

/* What the questions of a round tell. */
struct nx_mapping_result nx_queries_judge(const struct nx_query *queries, size_t count);
/*
 * What is known after a round: `now`, but when nobody answered, the mapped address of `before` is
 * believed as long as the questions leave from the same place.
 */
struct nx_mapping_result nx_mapping_fold(const struct nx_mapping_result *before,
					 const struct nx_mapping_result *now);
bool nx_mapping_same(const struct nx_mapping_result *a, const struct nx_mapping_result *b);

/* --- asking in one family (mapping_probe.c) --------------------------------------------------- */

struct nx_probe {
	uint8_t address_length;
	uint16_t port;
	int descriptor; /* -1: closed */
	struct nx_watch *watch;
	struct nx_query queries[NX_MAPPING_SERVERS_LIMIT];
	size_t count;
	void (*answered)(void *context); /* one more; may end the probe */
	void *context;
};

/* Open the socket and ask those of `servers` that are of the family and can be reached. A failure,
 * which is one of the socket alone, leaves all questions without an answer. */
enum nx_status nx_probe_begin(struct nx_probe *probe, uv_loop_t *loop, uint16_t port,
			      const struct nx_endpoint *servers, size_t count, struct nx_error *error);
/* Ask those again that have not answered. */
void nx_probe_repeat(struct nx_probe *probe);
/* How many have answered, and how many may still. */
size_t nx_probe_answers(const struct nx_probe *probe);
size_t nx_probe_open_questions(const struct nx_probe *probe);
/* Close the socket; the queries stay. */
void nx_probe_end(struct nx_probe *probe);

/* --- looking up names (mapping_lookup.c) -------------------------------------------------------- */

struct nx_lookup; /* of several servers at once */

/* "host:port" each, without blocking; never NULL. `done` is called from the loop when the last of
 * the names is answered, unless there is none or the lookup is dropped. */
struct nx_lookup *nx_lookup_begin(uv_loop_t *loop, const char *const *servers, size_t count,
				  void (*done)(void *context), void *context);
bool nx_lookup_over(const struct nx_lookup *lookup);
/* What is found so far: of each server one endpoint for each length of address, none twice. The
 * array is the lookup's; the answer is its length. */
size_t nx_lookup_found(const struct nx_lookup *lookup, const struct nx_endpoint **out);
/* NULL is fine; may be called from `done`. */
void nx_lookup_drop(struct nx_lookup *lookup);

#endif
