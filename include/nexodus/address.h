/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses, prefixes and endpoints as they cross the plugin ABI.
 *
 * An address is its bytes in network order (RFC 4291, RFC 791) and their
 * number: 4 for IPv4, 16 for IPv6. The number of bytes is the only thing the
 * core ever asks about a family; which families exist is known by the plugins.
 *
 * All of these are plain values: copy them, compare them with the functions of
 * `struct nx_address_services`, never with memcmp() (the unused bytes are not
 * part of the value, though everything that this product makes leaves them 0).
 */
#ifndef NEXODUS_ADDRESS_H
#define NEXODUS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest address in bytes. */
#define NX_ADDRESS_BYTES 16

/* Enough for any address, prefix or endpoint as text, final NUL included. */
#define NX_ADDRESS_TEXT 64

struct nx_address {
	uint8_t length;			 /* bytes in use: 4 or 16; 0 says "no address" */
	uint8_t bytes[NX_ADDRESS_BYTES]; /* network order, the rest 0 */
};

struct nx_prefix {
	struct nx_address address; /* host bits are 0 in a prefix, kept in an interface address */
	uint8_t bits;		   /* prefix length: 0 … 8 × address.length */
};

/* A transport address of the underlay: where a peer's tunnel packets go. */
struct nx_endpoint {
	struct nx_address address;
	uint16_t port; /* host order; 0 says "no endpoint" */
};

/*
 * Text forms, offered to plugins through the host (see plugin.h). None of them
 * blocks, all may be called on any thread, outputs are untouched on failure.
 */
struct nx_address_services {
	size_t size;
	/* Parse one address (RFC 4291 §2.2 or dotted decimal; no zone, no leading zeros in IPv4). */
	bool (*address_parse)(const char *text, struct nx_address *out);
	/* Write the canonical text (RFC 5952) into `text`; answers `text`. */
	char *(*address_format)(const struct nx_address *address, char text[static NX_ADDRESS_TEXT]);
	/* Parse "address/bits". Host bits are kept; `prefix_mask` clears them. */
	bool (*prefix_parse)(const char *text, struct nx_prefix *out);
	char *(*prefix_format)(const struct nx_prefix *prefix, char text[static NX_ADDRESS_TEXT]);
	/* Clear the host bits. */
	struct nx_prefix (*prefix_mask)(const struct nx_prefix *prefix);
	bool (*prefix_contains)(const struct nx_prefix *prefix, const struct nx_address *address);
	bool (*prefix_overlaps)(const struct nx_prefix *a, const struct nx_prefix *b);
	/* Parse "1.2.3.4:51820" or "[2001:db8::1]:51820". */
	bool (*endpoint_parse)(const char *text, struct nx_endpoint *out);
	char *(*endpoint_format)(const struct nx_endpoint *endpoint, char text[static NX_ADDRESS_TEXT]);
	/* Order by length, then bytes: <0, 0, >0. */
	int (*address_compare)(const struct nx_address *a, const struct nx_address *b);
};

#endif
