/* SPDX-License-Identifier: Apache-2.0 */
/* The section [stun] of the configuration, and what is made of it. */
#ifndef NX_SERVER_STUN_OPTIONS_H
#define NX_SERVER_STUN_OPTIONS_H

#include <nexodus/address.h>

#include "base/config.h"

#define NX_STUN_SECTION "stun"
#define NX_STUN_ADDRESSES 16 /* to answer on, at most */

struct nx_stun_options {
	bool enabled;
	bool insistent; /* somebody wrote where to answer: not being able to is an error */
	uint16_t port;	/* 0: any that is free */
	uint16_t alternate_port;
	struct nx_address address[NX_STUN_ADDRESSES]; /* none twice, none that a wildcard holds */
	size_t address_count;
	const char *advertise; /* live as texts of the configuration do */
	const char *servers;
};

/* Read the section, and `listen` of the HTTP service, which has been judged. */
enum nx_status nx_stun_options_read(const struct nx_config *config, struct nx_stun_options *out,
				    struct nx_error *error);

#endif
