/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STUN from and to a UDP port that somebody else's socket holds, or nobody's: a
 * raw socket of one family, with a filter in the kernel that lets answers to
 * Binding requests (RFC 8489) for that port in and nothing else. Whoever holds the
 * port gets them as well, and goes on undisturbed.
 *
 * Needs CAP_NET_RAW. Nothing here blocks.
 */
#ifndef NX_BASE_UDP_RAW_H
#define NX_BASE_UDP_RAW_H

#include <nexodus/address.h>
#include <nexodus/error.h>

/*
 * A socket for addresses of `address_length` bytes and the local `port`; the descriptor is the
 * caller's to close(). NX_UNSUPPORTED: the kernel does not do the family; NX_DENIED: no capability.
 */
enum nx_status nx_udp_raw_open(uint8_t address_length, uint16_t port, int *descriptor,
			       struct nx_error *error);

/* The address that packets to `to` leave this host from. False: there is no way there. */
bool nx_udp_raw_source(const struct nx_endpoint *to, struct nx_address *out);

/* Send one datagram from `source` (nx_udp_raw_source) and `port`. NX_UNAVAILABLE: it cannot leave. */
enum nx_status nx_udp_raw_send(int descriptor, const struct nx_address *source, uint16_t port,
			       const struct nx_endpoint *to, const void *data, size_t length,
			       struct nx_error *error);

/*
 * Take what has arrived: the datagram's content goes to `out`, its length is the answer and `from`
 * its sender; 0 when nothing is there any more. What is cut off or no datagram is skipped.
 */
size_t nx_udp_raw_receive(int descriptor, void *out, size_t room, struct nx_endpoint *from);

#endif
