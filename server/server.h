/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server as a whole: its parts, made in this order and torn down in reverse
 * by server/main.c. Handlers reach the parts through nx_request_server().
 */
#ifndef NX_SERVER_H
#define NX_SERVER_H

#include "base/config.h"
#include "base/loader.h"
#include "server/store/store.h"

struct nx_fields;	/* resources/fields.h: what plugins add to organizations and devices */
struct nx_leases;	/* resources/lease.h: pools over the table of leases */
struct nx_renumberings; /* resources/renumbering.h: the thread that goes on with them */
struct nx_strategies;	/* resources/strategies.h: those loaded, at work */
struct nx_watch_hub;	/* watch/hub.h: tails and watchers */
struct nx_auth;		/* auth/auth.h: tokens, sign-in */
struct nx_http;		/* http/http.h: the loop, workers, limits */
struct nx_metrics;	/* http/metrics.h */
struct nx_stun_server;	/* stun/stun.h: answers to STUN requests */

struct nx_server {
	struct nx_config *config;
	struct nx_plugins *plugins;
	struct nx_store *store;
	struct nx_fields *fields;
	struct nx_leases *leases;
	struct nx_strategies *strategies;
	struct nx_renumberings *renumberings;
	struct nx_watch_hub *watch;
	struct nx_metrics *metrics;
	struct nx_auth *auth;
	struct nx_http *http;
	struct nx_stun_server *stun;
	bool newcomer; /* a plugin is being brought into the database, which is not shared until it is there
			*/
};

#endif
