/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases: which device has which address. The table of leases is the truth; over
 * it stand the pools of the "ipam/…" plugins, one per organization and family,
 * opened when first needed and filled from the table. A pool, or the strategy that
 * the organization has, proposes; the core checks the proposal, the table decides.
 *
 * What a transaction did to a pool is undone when the transaction is; when its
 * outcome is unknown the pool is dropped, and read again at its next use. An
 * address is given back to its pool when the deletion of its lease is committed.
 *
 * Everything here runs on the writer thread, but for new, free and family_arrived.
 */
#ifndef NX_SERVER_IPAM_LEASE_H
#define NX_SERVER_IPAM_LEASE_H

#include <nexodus/ipam.h>

#include "server/resources/fields.h"

struct nx_asking;

struct nx_leases *nx_leases_new(struct nx_server *server);
void nx_leases_free(struct nx_leases *leases); /* after nx_store_stop(); NULL is fine */

/* Where an organization's addresses of one family come from. */
struct nx_lease_source {
	const struct nx_family *family;
	const struct nx_prefix *prefix;
	const char *strategy; /* its name; "": the family's configured one */
	/* Of the organization: the revision of its own last change, and when the last of its
	 * quarantines ends, in seconds since 1970. */
	int64_t changed, quarantined;
	/* Where strategies that block are asked (asking.h); NULL: they are not, which is NX_UNSUPPORTED. */
	struct nx_asking *asking;
	/*
	 * While the organization is renumbered: its addresses are in two prefixes, which may overlap, so
	 * that each proposal is compared with the table (shared); this is the other one, with a pool of its
	 * own (second); the address is to be a device's second one, so that its questions are others
	 * (beside).
	 */
	bool shared, second, beside;
	/* The device's present address, when it may stay the only one: a strategy that proposes it has not
	 * proposed what is taken, and no lease is to be written. NULL: none. */
	const struct nx_address *own;
};
/*
 * Choose an address for a device: the one that is wanted, or (NULL) the one that is kept for it
 * by a reservation or a quarantine, or one that the strategy proposes. NX_INVALID: outside or
 * never given; NX_CONFLICT: taken, reserved or in quarantine; NX_EXHAUSTED: none left; all with the field of
 * the address and a message for a person. NX_UNSUPPORTED: no such strategy is loaded. NX_INTERNAL: a plugin
 * misbehaves. NX_UNAVAILABLE, and a question is open in source->asking: have it answered, and run again.
 */
enum nx_status nx_lease_choose(struct nx_leases *leases, struct nx_tx *tx,
			       const struct nx_lease_source *source, const struct nx_lease_request *request,
			       const struct nx_address *wanted, struct nx_address *out,
			       struct nx_error *error);
/*
 * Before anything is written: is a strategy that blocks to be asked? Then the question is open in
 * source->asking, and the answer NX_UNAVAILABLE. Nothing is taken.
 */
enum nx_status nx_lease_foresee_choice(struct nx_leases *leases, const struct nx_lease_source *source,
				       const struct nx_lease_request *request, struct nx_error *error);
/*
 * Write the lease that was chosen; the device's row must be there. NX_CONFLICT when
 * another server was faster: end the command with it and be run again, the pool
 * will not propose that address a second time.
 */
enum nx_status nx_lease_write(struct nx_leases *leases, struct nx_tx *tx, const struct nx_family *family,
			      const struct nx_lease_request *request, const struct nx_address *address,
			      struct nx_error *error);
/* End one lease of a device, whose address goes into quarantine like those of deleted devices when it lies in
 * `rest`, the prefix that the organization goes on with. NULL: nobody has relied on it, and it is free at
 * once. */
enum nx_status nx_lease_end(struct nx_leases *leases, struct nx_tx *tx, const struct nx_family *family,
			    const struct nx_lease_request *request, const struct nx_address *address,
			    const struct nx_prefix *rest, struct nx_error *error);
/* End all leases of a device, whose row is there still. Its addresses go into quarantine where
 * their family has one. */
enum nx_status nx_leases_end(struct nx_leases *leases, struct nx_tx *tx, const char *device_id,
			     struct nx_error *error);
/* End all leases of an organization, and its pools with them. */
enum nx_status nx_leases_end_all(struct nx_leases *leases, struct nx_tx *tx, const char *organization_id,
				 struct nx_error *error);

/*
 * A family may have arrived since the last start: give every organization without a
 * prefix of it the default one, and every device without an address that supports it
 * an address. Control thread, after nx_store_start(), before requests are served.
 * Works in batches and logs its progress; a pool that is exhausted, or whose
 * organization names a strategy that is not loaded, or that blocks and gives no address
 * now, is logged and passed over until the next start. Costs one query per family
 * when there is nothing to do.
 */
enum nx_status nx_leases_family_arrived(struct nx_server *server, struct nx_error *error);

/* What becomes of a device that has no address of a family. */
enum nx_arrival {
	NX_ARRIVAL_GIVEN,
	NX_ARRIVAL_UNABLE,  /* its host says that it cannot do the family: it only learns the prefix */
	NX_ARRIVAL_WITHOUT, /* there is none for it; `why` */
};
struct nx_arrival_observer {
	void *context;
	void (*organization)(void *context, const struct nx_family *family,
			     const struct nx_value *organization, const struct nx_prefix *prefix);
	void (*device)(void *context, const struct nx_family *family, const struct nx_value *device,
		       enum nx_arrival what, const struct nx_error *why);
};
/* The same in a transaction that is never committed (store/rehearsal.h), and tell what would happen instead
 * of logging it. The server has plugins, fields and leases, and needs neither a store nor a hub. */
enum nx_status nx_leases_arrival_rehearse(struct nx_server *server, struct nx_tx *tx,
					  const struct nx_arrival_observer *observer, struct nx_error *error);

#endif
