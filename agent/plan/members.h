/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The devices of the organization, by id and by public key. Records come from a
 * server that is not trusted: each is read once, checked, and kept in one block
 * of memory. What this host has made of a device (`struct nx_applied`) stands
 * beside the record and outlives its replacement.
 */
#ifndef NX_AGENT_PLAN_MEMBERS_H
#define NX_AGENT_PLAN_MEMBERS_H

#include "agent/capabilities.h"
#include "agent/hash.h"
#include "agent/plan/way.h"
#include "base/secret.h"

#define NX_MEMBERS_LIMIT 100000u
#define NX_CHILD_PREFIXES_LIMIT 256u
#define NX_CHILD_BITS_MINIMUM                                                                                \
	7u /* of a child prefix, fc00::/7 being the largest; 0.0.0.0/1 is a default route's half */
#define NX_HOSTNAME_LIMIT 255u

/* One device record, read and checked: a single block, freed by free(). */
struct nx_record {
	struct nx_member member; /* its arrays and texts follow it in the block */
	int64_t revision;	 /* 0: the server gave none */
	char organization_id[NX_UUID_TEXT];
	size_t children_refused; /* child prefixes that are none, or too large */
};

/* The peer of a device as the driver has it. */
struct nx_applied {
	bool present;
	bool adopted;	   /* found at start: `published` is what the tunnel used, not what we told it */
	bool alive;	   /* adopted, and with a recent handshake */
	enum nx_path path; /* as last planned */
	uint16_t keepalive_seconds;
	struct nx_endpoint published; /* the last endpoint that we told the driver */
	struct nx_prefix *prefixes;   /* ascending */
	size_t prefix_count;
};

struct nx_entry {
	struct nx_record *record; /* never NULL while in the table */
	struct nx_applied applied;
	struct nx_way way;	  /* of a peer that is applied */
	struct nx_entry *carrier; /* the relay that carries what we send each other; NULL: none */
	struct nx_prefix refused; /* a prefix of it that is left out, as told last; length 0: none */
	uint32_t epoch;		  /* the resync that saw it last */
	bool dirty;		  /* waits for its plan */
	bool gone;		  /* no longer in the table: only its removal is left to do */
	bool listed;		  /* planned in this round */
	bool tell;		  /* the driver is to be told of the peer … */
	bool tell_endpoint;	  /* … and where to find it */
	bool renew;		  /* … and to forget its session */
	bool told;		  /* the driver has the peer */
	bool loses;		  /* … with prefixes that it is to have no longer */
	struct nx_entry *next_dirty;
	UT_hash_handle by_id;
	UT_hash_handle by_key;
};

struct nx_members {
	const struct nx_capabilities *capabilities;
	struct nx_entry *by_id;
	struct nx_entry *by_key;
	size_t count;
	uint32_t epoch;
};

/* What a new record means for plans other than the device's own. Bits. */
enum nx_member_effect {
	NX_EFFECT_NONE = 0,
	NX_EFFECT_PEER = 1u << 0, /* its own plan may differ */
	NX_EFFECT_MESH = 1u << 1, /* the choice of the relay or what is relayed may differ */
};

/*
 * Read a device record. NX_INVALID says what is wrong with it; NX_UNSUPPORTED
 * that it uses another driver. Child prefixes that cannot be (no prefix, a
 * default route or much of one, a family that is not loaded) are left out.
 */
enum nx_status nx_record_read(const struct nx_capabilities *capabilities, const struct nx_json *device,
			      struct nx_record **out, struct nx_error *error);
/* The effect of `after` taking the place of `before`; either may be NULL. */
unsigned nx_record_compare(const struct nx_record *before, const struct nx_record *after);

void nx_members_init(struct nx_members *members, const struct nx_capabilities *capabilities);
void nx_members_clear(struct nx_members *members);
struct nx_entry *nx_members_find(const struct nx_members *members, const char *id);
struct nx_entry *nx_members_find_key(const struct nx_members *members, const char *public_key);
/*
 * Put a record in (it is taken, even on failure). `effect` answers what it means.
 * NX_CONFLICT: another device has the key; NX_EXHAUSTED: too many devices.
 * A record with another key than before must be preceded by nx_members_take().
 */
enum nx_status nx_members_put(struct nx_members *members, struct nx_record *record, struct nx_entry **out,
			      unsigned *effect, struct nx_error *error);
/* Take an entry out of the table: it is the caller's, to be freed by nx_entry_free(). */
void nx_members_take(struct nx_members *members, struct nx_entry *entry);
void nx_entry_free(struct nx_entry *entry);

static inline struct nx_entry *nx_members_first(const struct nx_members *members)
{
	return members->by_id;
}

static inline struct nx_entry *nx_members_next(const struct nx_entry *entry)
{
	return entry->by_id.next;
}

#endif
