/* SPDX-License-Identifier: Apache-2.0 */
/* What the server halves of the families share: an instance that knows the default prefix. */
#ifndef IPAM_SERVER_H
#define IPAM_SERVER_H

#include "plugins/ipam/family.h"
#include "plugins/ipam/pool.h"

struct ipam_server {
	const struct ipam_family *family;
	const struct nx_services *services;
	struct nx_prefix fallback; /* the prefix of an organization that names none */
};

/* `load` of a family: reads the configuration's "prefix" and refuses one that is unfit. */
enum nx_status ipam_server_load(const struct ipam_family *family, struct nx_host *host,
				const struct nx_services *services, void **instance, struct nx_error *error);
void ipam_server_unload(void *instance);

/* Members of `struct nx_ipam_ops`. */
enum nx_status ipam_server_prefix_default(void *instance, struct nx_prefix *out, struct nx_error *error);
enum nx_status ipam_server_prefix_check(void *instance, const char *text, struct nx_prefix *out,
					struct nx_error *error);
enum nx_status ipam_server_network_check(void *instance, const struct nx_prefix *network,
					 struct nx_error *error);
enum nx_status ipam_server_pool_open(void *instance, const struct nx_prefix *prefix, struct nx_pool **out,
				     struct nx_error *error);

#endif
