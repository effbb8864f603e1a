/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mesh on this host, kept as the service says: the members, the reconcile, and
 * the watch over the host. Takes device records in, and has no idea where they
 * come from. Failures are logged, remembered for the status, and tried again.
 */
#ifndef NX_AGENT_NETWORK_NETWORK_H
#define NX_AGENT_NETWORK_NETWORK_H

#include <sys/types.h>
#include <time.h>

#include "agent/loop.h"
#include "agent/network/monitor.h"
#include "agent/network/reconcile.h"
#include "agent/network/underlay.h"
#include "agent/network/ways.h"
#include "agent/services.h"
#include "base/json.h"

#define NX_SELF_REFUSALS 8u

struct nx_network_options {
	struct nx_interface_request request; /* what it points to outlives the network */
	const struct nx_endpoint *fixed;     /* where this host says it is reached; port 0: the tunnel's */
	size_t fixed_count;
	uint16_t usual_port;		 /* of the last run; 0: not known */
	struct nx_trust trust;		 /* what the operator lets the mesh have of this host's routes */
	const struct nx_prefix *offered; /* networks that this host advertises */
	size_t offered_count;
	const char *public_key; /* this host's own */
	/* What this host would say of itself has changed: families, addresses, port. */
	void (*moved)(void *context);
	/* The tunnel's port is another one than before, or than the usual one. */
	void (*port_found)(void *context, uint16_t port);
	void *context;
};

/* As a file was seen last; all zero: there was none. */
struct nx_file_mark {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

#define NX_RESOLVER_FILES 2

struct nx_network {
	uv_loop_t *loop;
	struct nx_capabilities *capabilities;
	struct nx_services_base *base;
	struct nx_network_options options;
	struct nx_members members;
	struct nx_reconcile reconcile;
	struct nx_underlay underlay, before; /* and what it was before the last look */
	struct nx_monitor *monitor;
	struct nx_timer *look;	 /* at the host, and mend */
	struct nx_timer *resize; /* the tunnel's packets */
	struct nx_timer *adapt;	 /* to another address, or family */
	struct nx_timer *listen; /* to the ways */
	struct nx_ways ways;
	char via[NX_DEVICE_ID_TEXT]; /* the relay that was told last */
	struct nx_watch *poll;
	uint16_t port; /* the last that was told */
	unsigned polls;
	uint32_t short_path; /* too small for the tunnel's packets, as told last; 0: none is */
	bool route_freed;    /* since the last poll: one that stood in the way may be gone */
	unsigned failures;   /* looks that failed in a row */
	char self_id[NX_UUID_TEXT];
	struct nx_address service;			  /* where the service is: no route may swallow it */
	char last_error[320];				  /* "" when the last round went well */
	char route_conflict[NX_CONFLICT_TEXT];		  /* that was told last; "" for none */
	struct nx_file_mark resolvers[NX_RESOLVER_FILES]; /* whose name servers are guarded */
	const char *self_refusals[NX_SELF_REFUSALS];	  /* of each family, that were told last */
};

/* Bring the interface up and watch the host. Peers and routes stay as they are until this
 * host's own record is known. */
enum nx_status nx_network_start(struct nx_network *network, uv_loop_t *loop,
				struct nx_capabilities *capabilities, struct nx_services_base *base,
				const struct nx_network_options *options, struct nx_error *error);
/* `keep`: leave interface, peers and routes for the next start. */
void nx_network_stop(struct nx_network *network, bool keep);

/* Which device this host is; its record arrives as any other. */
void nx_network_set_self(struct nx_network *network, const char *id);
void nx_network_set_service(struct nx_network *network, const struct nx_address *address);
/* A device is new or has changed; this host's own record too. */
void nx_network_change(struct nx_network *network, const struct nx_json *device);
void nx_network_delete(struct nx_network *network, const char *id);
/* A full list begins: members that are not in it are gone when it ends. */
void nx_network_list_begin(struct nx_network *network);
void nx_network_list_end(struct nx_network *network);
/* Make it so. */
void nx_network_settle(struct nx_network *network);
/* Look at the host soon, and mend what differs. */
void nx_network_look(struct nx_network *network);

/*
 * Has all of the given revision of this host's own record, and what came before it, been made so: both
 * addresses of each family that has two, and what leads to those of the others?
 */
bool nx_network_taken_up(const struct nx_network *network, int64_t revision);
/* The relay that this host has chosen, where others must be told; "" otherwise. */
void nx_network_via(const struct nx_network *network, char via[static NX_DEVICE_ID_TEXT]);
/* Has the last look at the host found that the address, outside the mesh, is its own no longer, or is not the
 * one from which it would reach the service now? */
bool nx_network_left(const struct nx_network *network, const struct nx_address *address);
/* This host's endpoint over the family's underlay, as it would publish it. */
struct nx_endpoint nx_network_endpoint(const struct nx_network *network, const struct nx_family *family);

#endif
