/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as numbers: the value of one read as a big-endian integer. Pure functions. */
#ifndef NX_CHECK_NUMBER_H
#define NX_CHECK_NUMBER_H

#include <nexodus/address.h>

__extension__ typedef unsigned __int128 check_number;

static inline check_number number_of(const struct nx_address *address)
{
	check_number value = 0;

	for (uint8_t i = 0; i < address->length; i++)
		value = value << 8 | address->bytes[i];
	return value;
}

static inline struct nx_address number_address(check_number value, uint8_t length)
{
	struct nx_address address = {.length = length};

	for (uint8_t i = length; i-- > 0; value >>= 8)
		address.bytes[i] = (uint8_t)value;
	return address;
}

static inline unsigned int host_bits(const struct nx_prefix *prefix)
{
	return prefix->address.length * 8u - prefix->bits;
}

/* The number of a prefix's last address, counted from its first. */
static inline check_number host_last(const struct nx_prefix *prefix)
{
	unsigned int bits = host_bits(prefix);

	return bits < 128 ? ((check_number)1 << bits) - 1 : ~(check_number)0;
}

/* The address of a prefix with this host part. */
static inline struct nx_address host_address(const struct nx_prefix *prefix, check_number host)
{
	return number_address(number_of(&prefix->address) + host, prefix->address.length);
}

#endif
