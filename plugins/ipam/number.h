/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses as numbers. A number is the value of an address read as one big-endian integer, or the part of it
 * that counts inside a prefix (its host part). 128 bits hold both families.
 *
 * Pure functions, any thread.
 */
#ifndef IPAM_NUMBER_H
#define IPAM_NUMBER_H

#include <endian.h>
#include <string.h>

#include <nexodus/address.h>

__extension__ typedef unsigned __int128 ipam_number;

/* The value of a whole address, of 4 or 16 bytes. */
static inline ipam_number ipam_number_of(const struct nx_address *address)
{
	uint32_t word;
	uint64_t half[2];

	if (address->length == sizeof(word)) {
		memcpy(&word, address->bytes, sizeof(word));
		return be32toh(word);
	}
	memcpy(half, address->bytes, sizeof(half));
	return (ipam_number)be64toh(half[0]) << 64 | be64toh(half[1]);
}

/* The address of 4 or 16 bytes that has this value. */
static inline struct nx_address ipam_number_address(ipam_number value, uint8_t length)
{
	struct nx_address address = {.length = length};
	const uint32_t word = htobe32((uint32_t)value);
	const uint64_t half[2] = {htobe64((uint64_t)(value >> 64)), htobe64((uint64_t)value)};

	if (length == sizeof(word))
		memcpy(address.bytes, &word, sizeof(word));
	else
		memcpy(address.bytes, half, sizeof(half));
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
