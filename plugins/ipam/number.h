/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses as numbers. A number is the value of an address read as one big-endian integer, or the part of it
 * that counts inside a prefix (its host part). 128 bits hold both families.
 *
 * Pure functions, any thread.
 */
#ifndef IPAM_NUMBER_H
#define IPAM_NUMBER_H

#include <nexodus/address.h>

__extension__ typedef unsigned __int128 ipam_number;

/* The value of a whole address. */
static inline ipam_number ipam_number_of(const struct nx_address *address)
{
	ipam_number value = 0;

	for (unsigned i = 0; i < address->length; i++)
		value = value << 8 | address->bytes[i];
	return value;
}

/* The address of `length` bytes that has this value. */
static inline struct nx_address ipam_number_address(ipam_number value, uint8_t length)
{
	struct nx_address address = {.length = length};

	for (unsigned i = length; i-- > 0; value >>= 8)
		address.bytes[i] = (uint8_t)value;
	return address;
}

/* How many bits of an address are its host part. */
static inline unsigned ipam_host_bits(const struct nx_prefix *prefix)
{
	return prefix->address.length * 8u - prefix->bits;
}

/* How many numbers `bits` bits can count; `bits` is below 128. */
static inline ipam_number ipam_number_count(unsigned bits)
{
	return (ipam_number)1 << bits;
}

#endif
