/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of a prefix by their host part, for strategies. Pure function: any thread. */
#ifndef STRATEGY_HOST_H
#define STRATEGY_HOST_H

#include <nexodus/address.h>

/* The address of `prefix` (masked) whose host bits are those of `bytes`, counted from the end. */
static inline struct nx_address strategy_address(const struct nx_prefix *prefix,
						 const uint8_t bytes[static NX_ADDRESS_BYTES])
{
	struct nx_address address = prefix->address;
	unsigned from = prefix->bits / 8, whole = (prefix->bits + 7u) / 8;

	if (from < whole && whole <= address.length) /* a byte that the border runs through */
		address.bytes[from] =
			(uint8_t)(address.bytes[from] | (bytes[from] & 0xff >> prefix->bits % 8));
	for (unsigned i = whole; i < address.length; i++)
		address.bytes[i] = bytes[i];
	return address;
}

#endif
