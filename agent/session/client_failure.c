/* SPDX-License-Identifier: Apache-2.0 */
/* What libcurl says of a connection that failed, and what to do about it. */
#include <curl/curl.h>
#include <stdio.h>

#include "agent/session/client_failure.h"
#include "base/memory.h"

/* As X509_V_ERR_… of OpenSSL, which is what libcurl passes on: fixed for ever, being part of its ABI. */
enum verdict {
	VERDICT_NOT_YET_VALID = 9,
	VERDICT_EXPIRED = 10,
	VERDICT_SELF_SIGNED = 18,
	VERDICT_SELF_SIGNED_IN_CHAIN = 19,
	VERDICT_ISSUER_UNKNOWN = 20,
	VERDICT_LEAF_UNVERIFIED = 21,
	VERDICT_ANY = -1,
};

static const char unknown_issuer[] = "name its authority's certificate with --ca-file";

static const struct advice {
	CURLcode code;
	long verdict;
	const char *text;
} advices[] = {
	{CURLE_PEER_FAILED_VERIFICATION, VERDICT_NOT_YET_VALID, "is this host's clock behind?"},
	{CURLE_PEER_FAILED_VERIFICATION, VERDICT_EXPIRED,
	 "renew it, unless this host's clock is ahead of the time"},
	{CURLE_PEER_FAILED_VERIFICATION, VERDICT_SELF_SIGNED, unknown_issuer},
	{CURLE_PEER_FAILED_VERIFICATION, VERDICT_SELF_SIGNED_IN_CHAIN, unknown_issuer},
	{CURLE_PEER_FAILED_VERIFICATION, VERDICT_ISSUER_UNKNOWN, unknown_issuer},
	{CURLE_PEER_FAILED_VERIFICATION, VERDICT_LEAF_UNVERIFIED, unknown_issuer},
	{CURLE_PEER_FAILED_VERIFICATION, VERDICT_ANY, "is service-url the name that it was issued for?"},
	{CURLE_SSL_CACERT_BADFILE, VERDICT_ANY, "--ca-file must name a file of PEM certificates"},
	{CURLE_SSL_CONNECT_ERROR, VERDICT_ANY, "does that port of service-url speak TLS?"},
};

void nx_client_failure_write(CURL *easy, CURLcode code, const char *said, char *out, size_t room)
{
	const char *words = *said ? said : curl_easy_strerror(code);
	long verdict = 0;

	curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
	for (size_t i = 0; i < NX_COUNT(advices); i++) {
		if (advices[i].code != code ||
		    (advices[i].verdict != verdict && advices[i].verdict != VERDICT_ANY))
			continue;
		snprintf(out, room, "%s: %s", words, advices[i].text);
		return;
	}
	snprintf(out, room, "%s", words);
}
