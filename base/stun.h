/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STUN (RFC 8489), as much of it as a Binding transaction without credentials
 * needs: messages to and from bytes. Pure functions: no state, no allocation,
 * any thread. What comes in may be hostile: lengths are checked before use, and
 * outputs are untouched when a message is refused.
 */
#ifndef NX_BASE_STUN_H
#define NX_BASE_STUN_H

#include <nexodus/address.h>
#include <nexodus/error.h>

enum {
	NX_STUN_PORT = 3478,	     /* RFC 8489 §18.6 */
	NX_STUN_HEADER_BYTES = 20,   /* §5 */
	NX_STUN_MESSAGE_BYTES = 548, /* the longest that is read or written: any path takes it (§6.1) */
};

/* The 96 bits that an answer repeats; unpredictable (§5). */
struct nx_stun_transaction {
	uint8_t bytes[12];
};

enum nx_stun_kind {
	NX_STUN_REQUEST = 1, /* Binding request */
	NX_STUN_SUCCESS,     /* Binding success response */
	NX_STUN_ERROR,	     /* Binding error response */
	NX_STUN_INDICATION,  /* Binding indication */
};

/* Comprehension-required attributes that we do not know, at most this many are told (§14.9). */
#define NX_STUN_UNKNOWN_LIMIT 8

struct nx_stun_message {
	enum nx_stun_kind kind;
	struct nx_stun_transaction transaction;
	struct nx_endpoint mapped; /* SUCCESS: XOR-MAPPED-ADDRESS, else MAPPED-ADDRESS; port 0: none */
	uint16_t error_code;	   /* ERROR: 300 … 699; 0: none */
	uint16_t unknown[NX_STUN_UNKNOWN_LIMIT];
	size_t unknown_count;
};

/* Could these bytes be STUN? The first two bits are 0 and the magic cookie stands in its place
 * (§5): enough to tell it from other datagrams on the same port. */
bool nx_stun_looks_like(const void *data, size_t length);

/*
 * Read a whole datagram. NX_INVALID: it is no STUN message, is cut off, has bytes too many, a wrong
 * FINGERPRINT, or an attribute that does not fit. NX_UNSUPPORTED: a method other than Binding.
 */
enum nx_status nx_stun_read(const void *data, size_t length, struct nx_stun_message *out,
			    struct nx_error *error);

/* Each answers the message's length; `out` has room for NX_STUN_MESSAGE_BYTES. */
size_t nx_stun_write_request(const struct nx_stun_transaction *transaction, uint8_t *out);
/* With XOR-MAPPED-ADDRESS, SOFTWARE and FINGERPRINT. */
size_t nx_stun_write_success(const struct nx_stun_transaction *transaction, const struct nx_endpoint *mapped,
			     uint8_t *out);
/* 420 (Unknown Attribute) with the attributes of `request`, and its transaction. */
size_t nx_stun_write_unknown(const struct nx_stun_message *request, uint8_t *out);

#endif
