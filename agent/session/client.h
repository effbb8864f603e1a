/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP towards the service: requests and the event stream, over libcurl's multi
 * interface on the agent's loop. Nothing blocks. Redirects are refused (a token
 * goes to the configured place only), answers are bounded in size and time.
 */
#ifndef NX_AGENT_SESSION_CLIENT_H
#define NX_AGENT_SESSION_CLIENT_H

#include <nexodus/address.h>
#include <uv.h>

#include "base/error.h"

/* Longest answer to a request that is not a stream. */
#define NX_ANSWER_LIMIT (4u << 20)

struct nx_client;
struct nx_call; /* a request under way */

struct nx_client_options {
	const char *service_url; /* checked by nx_service_url_check() */
	const char *ca_file;	 /* "" for the system's */
};

/* Only http:// or https://, a host, no user, no query. The text after it is kept as a path prefix. */
enum nx_status nx_service_url_check(const char *url, struct nx_error *error);
/* The host of such a URL, brackets around an address that needs them; the caller's to free(). */
char *nx_service_url_host(const char *url);

enum nx_status nx_client_new(uv_loop_t *loop, const struct nx_client_options *options, struct nx_client **out,
			     struct nx_error *error);
/* Ends all calls without their `done`. NULL is fine. */
void nx_client_free(struct nx_client *client);

struct nx_answer {
	long status;	  /* of HTTP; 0: there was no answer, see `failure` */
	const char *body; /* NUL-terminated; "" for what a stream has delivered */
	size_t length;
	int64_t retry_after; /* seconds; 0: the service did not say */
	const char *failure; /* why there is no (whole) answer, for a person; NULL when there is */
};

struct nx_call_request {
	const char *method;
	const char *path;	  /* "/api/devices" */
	const char *bearer;	  /* NULL: none */
	const char *content_type; /* of `body` */
	const char *body;	  /* NULL: none; copied */
	/* A stream: called with what arrives under status 200, never after `done`. Answers false to
	 * end the call. Other statuses arrive as `body`. NULL: an ordinary request. */
	bool (*data)(void *context, const char *data, size_t length);
	/* Called once, unless the call is cancelled. */
	void (*done)(void *context, const struct nx_answer *answer);
	void *context;
};

/* Strings of the request are copied. Never NULL: what goes wrong goes to `done`, later. */
struct nx_call *nx_client_call(struct nx_client *client, const struct nx_call_request *request);
/* The call ends without its `done`. May be called from its own `data`. NULL is fine. */
void nx_call_cancel(struct nx_call *call);

/* This host's own end of the stream's connection; length 0 before. */
struct nx_address nx_client_local_address(const struct nx_client *client);
/* The service's address as last connected to; length 0 before. */
struct nx_address nx_client_address(const struct nx_client *client);

#endif
