/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's own STUN service (RFC 8489): Binding requests are answered on UDP, on two
 * ports, in both families, by a thread of its own, without credentials and without state
 * but for a limit to the answers each source gets. What agents are told of it, and of
 * further servers, is GET /api/stun.
 */
#ifndef NX_SERVER_STUN_H
#define NX_SERVER_STUN_H

#include <stdint.h>

#include "base/config.h"
#include "base/error.h"

struct nx_request;
struct nx_stun_server;

/* The section "stun". Declared by server/main.c. */
extern const struct nx_table nx_stun_config_keys;

/* Judge the section without binding anything; `listen` of the HTTP service has been judged. */
enum nx_status nx_stun_server_check(const struct nx_config *config, struct nx_error *error);
/*
 * Bind the ports. When one cannot be had, and nobody wrote where to answer, that is a warning in
 * the log and the service is without it; otherwise it is the failure.
 */
enum nx_status nx_stun_server_new(const struct nx_config *config, struct nx_stun_server **out,
				  struct nx_error *error);
/* From here on requests are answered, if the service is enabled. */
enum nx_status nx_stun_server_start(struct nx_stun_server *server, struct nx_error *error);
/* Tell agents what the configuration, which has been checked, says now. Control thread. */
void nx_stun_server_reload(struct nx_stun_server *server, const struct nx_config *config);
/* Stops answering. NULL is fine. */
void nx_stun_server_free(struct nx_stun_server *server);

/* What became of a datagram. */
enum nx_stun_result {
	NX_STUN_ANSWERED,
	NX_STUN_REFUSED, /* told that it has attributes we do not know */
	NX_STUN_LIMITED, /* the source has had its share: silence */
	NX_STUN_IGNORED, /* no Binding request: silence */
	NX_STUN_UNSENT,	 /* the system would not send the answer */
	NX_STUN_RESULTS,
};

const char *nx_stun_result_name(enum nx_stun_result result);
/* Any thread. */
uint64_t nx_stun_server_count(const struct nx_stun_server *server, enum nx_stun_result result);

/* GET /api/stun */
void nx_stun_servers_show(struct nx_request *request);

#endif
