/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renumbering: an organization's devices move from one prefix of a family to another while they are in
 * use. Each gets a second address first, which all others accept and route before anybody uses it; at
 * the commit the two change places, and at the end the one that is second then is taken away.
 *
 * All of it is rows: what is to become of an organization in one of "renumberings", the second addresses
 * in the table of leases like all others, and what a device has taken up in its own record. A pass over
 * the devices goes in batches, each a transaction that notes how far it came, so that a server that dies
 * anywhere goes on from there, and so does another one on the same database.
 *
 *	starting → asking → started → committing → committed → clearing → ended
 *	    └─────────┴────────┴──────────┊───────────┊────────────↑
 *	                                  └→ returning ┴→ returned ┘
 *
 * Lower line: a rollback. In a transaction, writer thread, where nothing else is said.
 */
#ifndef NX_SERVER_RENUMBERING_RENUMBERING_H
#define NX_SERVER_RENUMBERING_RENUMBERING_H

#include "base/secret.h"
#include "server/ipam/lease.h"
#include "server/ipam/strategy.h"
#include "server/resources/device.h"
#include "server/resources/fields.h"
#include "server/resources/value.h"

enum nx_renumbering_state {
	NX_RENUMBERING_STARTING,   /* pass: second addresses are given */
	NX_RENUMBERING_ASKING,	   /* pass: all have one; who has taken up all of them is to say so */
	NX_RENUMBERING_STARTED,	   /* waits for the commit */
	NX_RENUMBERING_COMMITTING, /* pass: first and second change places */
	NX_RENUMBERING_COMMITTED,  /* the old address is still good, for a while */
	NX_RENUMBERING_RETURNING,  /* pass: they change places again */
	NX_RENUMBERING_RETURNED,   /* the new address is still good, until that has been taken up */
	NX_RENUMBERING_CLEARING,   /* pass: second addresses are taken away */
	NX_RENUMBERING_ENDED,
	NX_RENUMBERING_STATES,
};

/* A row. */
struct nx_renumbering {
	char organization_id[NX_UUID_TEXT];
	const struct nx_family *family;
	enum nx_renumbering_state state;
	bool rolled_back;
	struct nx_prefix old_prefix, new_prefix;
	char old_strategy[NX_TEXT_LIMIT + 1]; /* as the organization named it; "": the configured one */
	char new_strategy[NX_TEXT_LIMIT + 1];
	bool keeps;	/* an address, or its host part, where it fits; otherwise the strategy chooses all */
	int64_t stage;	/* what devices are asked to acknowledge: a revision of the organization */
	int64_t turned; /* the stage at which new addresses became the first; 0: they are not */
	char done_to[NX_UUID_TEXT];
	char problem[320]; /* what stands in the way of the pass; "" when nothing does */
	int64_t ends_at;   /* seconds since 1970: of COMMITTED and RETURNED */
	int64_t started_at;
};

const char *nx_renumbering_state_name(enum nx_renumbering_state state);
/* Is it a state in which a pass over the devices is under way? */
bool nx_renumbering_passing(enum nx_renumbering_state state);

/* --- the rows: any transaction -------------------------------------------------------------- */

#define NX_RENUMBERINGS_LIMIT 64
struct nx_renumbering_list {
	const struct nx_fields *fields;
	struct nx_renumbering rows[NX_RENUMBERINGS_LIMIT];
	size_t count;
};
/* Those of an organization. Of families that are loaded, here and in the next one. */
enum nx_status nx_renumbering_list(const struct nx_fields *fields, struct nx_tx *tx,
				   const char *organization_id, struct nx_renumbering_list *out,
				   struct nx_error *error);
/* Those in which there is something to do, in order of the organizations' ids after this one ("": from the
 * first on), NX_RENUMBERINGS_LIMIT at most. */
enum nx_status nx_renumbering_due(const struct nx_fields *fields, struct nx_tx *tx, const char *after,
				  struct nx_renumbering_list *out, struct nx_error *error);
/* The one of the organization that has not ended: there is one at a time. NX_NOT_FOUND. */
enum nx_status nx_renumbering_find(const struct nx_fields *fields, struct nx_tx *tx,
				   const char *organization_id, struct nx_renumbering *out,
				   struct nx_error *error);
/* Write a new row, in the place of one of the family that has ended. */
enum nx_status nx_renumbering_insert(struct nx_tx *tx, const struct nx_renumbering *row,
				     struct nx_error *error);
/* Write what may change. `was` and `done_to` are what it must be still: otherwise *changed is false, since
 * another server has gone on with it. */
enum nx_status nx_renumbering_advance(struct nx_tx *tx, const struct nx_renumbering *row,
				      enum nx_renumbering_state was, const char *done_to, bool *changed,
				      struct nx_error *error);

/* --- the organization ------------------------------------------------------------------------ */

/*
 * Give the organization these prefixes, as the first and the second ("": none), and a strategy (NULL: as it
 * is), and announce it. *revision is the one that it gets.
 */
struct nx_renumbering_prefixes {
	const char *first, *second, *strategy;
};
enum nx_status nx_renumbering_organization(struct nx_server *server, struct nx_tx *tx,
					   const struct nx_renumbering *row,
					   const struct nx_renumbering_prefixes *prefixes, int64_t *revision,
					   struct nx_error *error);

/* --- second addresses -------------------------------------------------------------------------- */

/*
 * The address with the same host part in another prefix; the very same where both prefixes hold it.
 * False: it does not fit. Pure.
 */
bool nx_renumbering_move(const struct nx_address *address, const struct nx_prefix *from,
			 const struct nx_prefix *to, struct nx_address *out);

/* Where second addresses come from. */
struct nx_renumbering_source {
	const struct nx_renumbering *row;
	const struct nx_value *organization; /* its record, as this transaction sees it */
	struct nx_prefix to;		     /* one of the row's two prefixes */
	struct nx_asking *asking;	     /* for strategies that block (lease.h) */
};
/*
 * A second address for a device that has a first one. *out is the first one itself where that can be kept.
 * Its lease is not written yet. Failures as of nx_lease_choose().
 */
enum nx_status nx_renumbering_choose(struct nx_server *server, struct nx_tx *tx,
				     const struct nx_renumbering_source *source,
				     const struct nx_lease_request *request, const struct nx_address *first,
				     struct nx_address *out, struct nx_error *error);

/* Go on with the row's pass by one batch, or with the row to its next state. `since` is when this server
 * began, in seconds since 1970: before, nobody could tell it anything. *more: there is something to do at
 * once. */
enum nx_status nx_renumbering_step(struct nx_server *server, struct nx_renumbering *row, int64_t since,
				   bool *more, struct nx_error *error);

/* --- who has taken it up ----------------------------------------------------------------------- */

struct nx_renumbering_count {
	int64_t devices;      /* that have an address of the family */
	int64_t ready;	      /* of these, with a second one, where the state wants one */
	int64_t acknowledged; /* of these, the present stage */
};
enum nx_status nx_renumbering_count(struct nx_tx *tx, const struct nx_fields *fields,
				    const struct nx_renumbering *row, struct nx_renumbering_count *out,
				    struct nx_error *error);
/* Devices that were asked and have not acknowledged, by id; each answers false to stop. */
enum nx_status nx_renumbering_waiting(struct nx_tx *tx, const struct nx_fields *fields,
				      const struct nx_renumbering *row,
				      bool (*each)(void *context, const char *id, const char *hostname),
				      void *context, struct nx_error *error);
/* Of these, how many are online here. */
enum nx_status nx_renumbering_waiting_online(struct nx_server *server, struct nx_tx *tx,
					     const struct nx_renumbering *row, size_t *out,
					     struct nx_error *error);

/* Of these, how many have acknowledged an earlier stage: they were in touch, and may be with another server,
 * or about to come back to this one. */
enum nx_status nx_renumbering_waiting_known(struct nx_tx *tx, const struct nx_fields *fields,
					    const struct nx_renumbering *row, int64_t *out,
					    struct nx_error *error);

/* How it stands, as JSON appended to `out`. */
enum nx_status nx_renumbering_write(struct nx_server *server, struct nx_tx *tx,
				    const struct nx_renumbering *row, struct nx_buffer *out,
				    struct nx_error *error);

/* --- the thread that goes on with them -------------------------------------------------------------- */

struct nx_renumberings;
/* After nx_store_start(). NULL, with the error: no thread could be made. */
struct nx_renumberings *nx_renumberings_start(struct nx_server *server, struct nx_error *error);
/* There is something to do. NULL is fine. Any thread. */
void nx_renumberings_poke(struct nx_renumberings *renumberings);
/* Before nx_store_stop(). NULL is fine. */
void nx_renumberings_stop(struct nx_renumberings *renumberings);

#endif
