/* SPDX-License-Identifier: Apache-2.0 */
/* Why a call has no answer, in words for a person. */
#ifndef NX_AGENT_SESSION_CLIENT_FAILURE_H
#define NX_AGENT_SESSION_CLIENT_FAILURE_H

#include <curl/curl.h>
#include <stddef.h>

/* `said`: libcurl's own words ("" for none). Writes `room` bytes at most, NUL included. */
void nx_client_failure_write(CURL *easy, CURLcode code, const char *said, char *out, size_t room);

#endif
