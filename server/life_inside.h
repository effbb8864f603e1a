/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of the server's life that other programs than a life consist of as well. Inside of life.h. */
#ifndef NX_SERVER_LIFE_INSIDE_H
#define NX_SERVER_LIFE_INSIDE_H

#include "server/life.h"

/* Open the configured store. */
enum nx_status nx_life_store_open(struct nx_server *server, struct nx_error *error);
/* Claim what the plugins and the core have in the store, and migrate it. */
enum nx_status nx_life_migrate(struct nx_server *server, struct nx_error *error);
/* Fields and leases of the loaded plugins. */
enum nx_status nx_life_fields(struct nx_server *server, struct nx_error *error);

#endif
