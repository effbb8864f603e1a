/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses, prefixes and endpoints: text and arithmetic. The shapes are those
 * of <nexodus/address.h>. Pure functions: no state, no allocation, any thread.
 * Parsers leave their output alone on failure.
 */
#ifndef NX_BASE_ADDRESS_H
#define NX_BASE_ADDRESS_H

#include <nexodus/address.h>

struct sockaddr;
struct sockaddr_storage;

bool nx_address_parse(const char *text, struct nx_address *out);
char *nx_address_format(const struct nx_address *address, char text[static NX_ADDRESS_TEXT]);
int nx_address_compare(const struct nx_address *a, const struct nx_address *b);
/* The address itself as a prefix: /32 or /128. */
struct nx_prefix nx_address_prefix(const struct nx_address *address);

bool nx_prefix_parse(const char *text, struct nx_prefix *out);
char *nx_prefix_format(const struct nx_prefix *prefix, char text[static NX_ADDRESS_TEXT]);
struct nx_prefix nx_prefix_mask(const struct nx_prefix *prefix);
bool nx_prefix_contains(const struct nx_prefix *prefix, const struct nx_address *address);
/* True when one of them holds the other. Different lengths of address never overlap. */
bool nx_prefix_overlaps(const struct nx_prefix *a, const struct nx_prefix *b);
int nx_prefix_compare(const struct nx_prefix *a, const struct nx_prefix *b);

bool nx_endpoint_parse(const char *text, struct nx_endpoint *out);
char *nx_endpoint_format(const struct nx_endpoint *endpoint, char text[static NX_ADDRESS_TEXT]);
int nx_endpoint_compare(const struct nx_endpoint *a, const struct nx_endpoint *b);
/* From and to struct sockaddr_in / sockaddr_in6; false / 0 for any other family. */
bool nx_endpoint_from_sockaddr(const struct sockaddr *from, struct nx_endpoint *out);
size_t nx_endpoint_to_sockaddr(const struct nx_endpoint *from, struct sockaddr_storage *out);

/* The table that plugins get. */
extern const struct nx_address_services nx_address_services;

#endif
