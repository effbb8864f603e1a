/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict reading of netlink attributes. libmnl's iterators stop in silence at
 * whatever does not fit; here garbage is told from the end.
 */
#ifndef NX_WIREGUARD_ATTRIBUTE_H
#define NX_WIREGUARD_ATTRIBUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that are still to be read. */
struct wg_span {
	const uint8_t *data;
	size_t length;
};

struct wg_attribute {
	unsigned type;	      /* without the NESTED and byte order flags */
	struct wg_span value; /* bytes, of any alignment */
};

/*
 * Take the next attribute off the span. False: there is none, and the span is
 * empty if all was well; what is left over is garbage.
 */
bool wg_attribute_next(struct wg_span *rest, struct wg_attribute *out);

/* Copy a value of exactly `size` bytes; false when it has another length. */
bool wg_attribute_copy(const struct wg_attribute *attribute, void *out, size_t size);

#endif
