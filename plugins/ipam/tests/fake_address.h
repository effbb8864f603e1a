/* SPDX-License-Identifier: Apache-2.0 */
/* The address services, from inet_pton(3) and inet_ntop(3), bit by bit. */
#ifndef FAKE_ADDRESS_H
#define FAKE_ADDRESS_H

#include <nexodus/address.h>

extern const struct nx_address_services fake_address_services;

#endif
