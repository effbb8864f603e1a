/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capability "driver/<name>": the tunnel. Server half: judges a device's key.
 * Agent half: owns the interface and its peers.
 *
 * Server functions run on any worker thread and must not block. Agent functions
 * run on the agent's one thread; they may wait for the kernel or for a local
 * daemon's configuration socket, bounded by 5 seconds.
 */
#ifndef NEXODUS_DRIVER_H
#define NEXODUS_DRIVER_H

#include <nexodus/address.h>
#include <nexodus/diagnosis.h>
#include <nexodus/error.h>

/* The longest public key as text, final NUL included. */
#define NX_PUBLIC_KEY_TEXT 128

struct nx_driver_server_ops {
	size_t size;
	/* Judge a public key and write its canonical text. NX_INVALID otherwise. */
	enum nx_status (*key_check)(void *instance, const char *text,
				    char canonical[static NX_PUBLIC_KEY_TEXT], struct nx_error *error);
};

/* --- agent ---------------------------------------------------------------- */

struct nx_interface_request {
	size_t size;
	const char *name;	     /* "wg0" */
	const char *state_directory; /* 0700: the driver keeps its key in it, 0600 */
	uint16_t listen_port;	     /* 0: any */
	uint32_t mtu;		     /* 0: the driver's default */
};

struct nx_interface {
	size_t size;
	int index; /* ifindex */
	uint16_t listen_port;
	uint32_t mtu;
	bool adopted;	  /* it stood already, with our key */
	char backend[32]; /* "kernel", "wireguard-go": for status */
};

/* A peer as it should be, or as it is. Prefixes belong to whoever made it. */
struct nx_peer {
	const char *public_key;
	struct nx_endpoint endpoint; /* port 0: not known */
	uint16_t keepalive_seconds;
	const struct nx_prefix *prefixes;
	size_t prefix_count;
};

enum nx_peer_action {
	NX_PEER_SET = 1, /* add it, or replace its prefixes and keepalive */
	NX_PEER_REMOVE = 2,
	/*
	 * Since 1.2, to drivers that say they know it (`extends`). As NX_PEER_SET, for a peer that stands and
	 * goes on having all prefixes that it has: nothing is taken away, so that no packet finds none.
	 */
	NX_PEER_EXTEND = 3,
};

struct nx_peer_change {
	enum nx_peer_action action;
	bool set_endpoint; /* otherwise the endpoint the tunnel has (perhaps roamed to) is kept */
	struct nx_peer peer;
};

struct nx_peer_status {
	size_t size;
	const char *public_key;
	struct nx_endpoint endpoint;
	int64_t last_handshake; /* seconds since 1970; 0: never */
	uint64_t received_bytes;
	uint64_t sent_bytes;
};

/*
 * What a tunnel does not do, and the agent therefore does not count on. One whose driver
 * says nothing (or is from before there was a way to) does it all.
 */
enum nx_driver_lack {
	/*
	 * It completes no handshakes and keeps nothing alive: it sends what it is given, and never
	 * learns whether that arrives. `last_handshake` is 0 always. The agent takes every peer for
	 * one that can be reached (NX_DIRECT_UNKNOWN, for good): it tells the first of its endpoints,
	 * tries no others, asks for no keepalive, and routes around nobody.
	 */
	NX_DRIVER_NO_HANDSHAKES = 1u << 0,
	/*
	 * It does not learn from a peer's packets where the peer is: plans name the endpoints of all
	 * peers, also of those that would otherwise be waited for (`endpoints_fixed` in relay.h).
	 */
	NX_DRIVER_NO_ROAMING = 1u << 1,
	/* It does not count by peer: `received_bytes` and `sent_bytes` are 0, and nobody is shown them. */
	NX_DRIVER_NO_COUNTERS = 1u << 2,
};

struct nx_driver_ops {
	size_t size;
	/* Load this host's key from the state directory, or make it, and answer the
	 * public half. The private half never leaves the driver. */
	enum nx_status (*public_key)(void *instance, const char *state_directory,
				     char text[static NX_PUBLIC_KEY_TEXT], struct nx_error *error);
	/*
	 * Bring the interface up: adopt one that stands with our key, make one when
	 * there is none, refuse (NX_CONFLICT) one that is not ours.
	 */
	enum nx_status (*interface_up)(void *instance, const struct nx_interface_request *request,
				       struct nx_interface *out, struct nx_error *error);
	/* Is the interface still there and ours? */
	bool (*interface_stands)(void *instance);
	/*
	 * The peers that the tunnel has now. One that was started anew and whose tunnel knows no keys
	 * calls each by a name of its own, which is removed in the call that names those that should be
	 * there; a peer that is so named again is not to be disturbed.
	 */
	enum nx_status (*peers_observe)(void *instance,
					void (*each)(void *context, const struct nx_peer *peer),
					void *context, struct nx_error *error);
	/* Apply changes in order, in as few messages as fit. */
	enum nx_status (*peers_apply)(void *instance, const struct nx_peer_change *changes, size_t count,
				      struct nx_error *error);
	enum nx_status (*peers_status)(void *instance,
				       void (*each)(void *context, const struct nx_peer_status *status),
				       void *context, struct nx_error *error);
	/* Take the interface away, if it is ours. */
	void (*interface_down)(void *instance);
	/* What is wrong here as far as the tunnel is concerned (diagnosis.h); may be NULL. */
	void (*diagnose)(void *instance, const struct nx_diagnosis *diagnosis);
	/* Bytes by which a packet grows in the tunnel, without the outer IP header. */
	uint16_t overhead;
	/* The MTU that an interface has by default, which no underlay makes larger. */
	uint32_t mtu_default;
	/* Give the interface that is up this MTU, as interface_up would. NULL: it keeps what it has. */
	enum nx_status (*mtu_set)(void *instance, uint32_t mtu, struct nx_error *error);
	/* Since 1.1. Some of `enum nx_driver_lack`; 0: nothing. */
	uint32_t lacks;
	/* Since 1.2. It takes NX_PEER_EXTEND. */
	bool extends;
};

#endif
