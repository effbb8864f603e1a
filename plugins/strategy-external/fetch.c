/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/strategy-external/fetch.h"

#include <curl/curl.h>
#include <string.h>
#include <time.h>

/* Between two attempts, doubled each time, with as much again by chance. */
#define PAUSE_MILLISECONDS UINT64_C(100)
#define PAUSE_LIMIT UINT64_C(1600)
#define STEP_MILLISECONDS 20

/* One attempt. */
struct attempt {
	const struct fetch *fetch;
	char *out;
	size_t length;
	bool too_long;
	long status;
};

static uint64_t milliseconds(const struct fetch *fetch)
{
	return fetch->services->clock_nanoseconds() / 1000000;
}

static bool is_awaited(const struct fetch *fetch)
{
	return fetch->request->is_awaited(fetch->request->view);
}

/* --- what libcurl delivers ---------------------------------------------------------------------- */

static size_t body_take(char *data, size_t size, size_t count, void *context)
{
	struct attempt *attempt = context;
	size_t length = size * count;

	if (length > ANSWER_LIMIT - attempt->length) {
		attempt->too_long = true;
		return CURL_WRITEFUNC_ERROR;
	}
	memcpy(attempt->out + attempt->length, data, length);
	attempt->length += length;
	return length;
}

static int progress(void *context, curl_off_t expected, curl_off_t had, curl_off_t to_send, curl_off_t sent)
{
	const struct attempt *attempt = context;

	(void)expected;
	(void)had;
	(void)to_send;
	(void)sent;
	return is_awaited(attempt->fetch) ? 0 : 1;
}

/* --- one attempt ---------------------------------------------------------------------------------- */

static struct curl_slist *headers_make(const struct settings *settings)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	struct curl_slist *more = NULL;

	if (headers && settings->authorization[0])
		more = curl_slist_append(headers, settings->authorization);
	if (settings->authorization[0] && !more) {
		curl_slist_free_all(headers);
		return NULL;
	}
	return headers;
}

static void attempt_set_up(struct attempt *attempt, CURL *easy, struct curl_slist *headers, uint64_t patience)
{
	const struct fetch *fetch = attempt->fetch;
	const struct settings *settings = fetch->settings;
	long timeout = (long)(patience < settings->timeout ? patience : settings->timeout);

	curl_easy_setopt(easy, CURLOPT_URL, settings->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout > 0 ? timeout : 1L);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, fetch->question);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "nexodus-server/" NEXODUS_VERSION);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_take);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, attempt);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, attempt);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	if (settings->ca_file[0]) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, settings->ca_file);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
}

/* libcurl's own sentences name hosts and paths, which are not for who registers. */
static const char *failure_name(CURLcode result)
{
	switch (result) {
	case CURLE_OPERATION_TIMEDOUT:
		return "its service has not answered in time";
	case CURLE_COULDNT_RESOLVE_HOST:
		return "the name of its service cannot be resolved";
	case CURLE_COULDNT_CONNECT:
		return "its service cannot be reached";
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
		return "its service is not trusted: see ca-file";
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return "its service has broken off";
	default:
		return "its service does not speak HTTP as it should";
	}
}

static CURLcode attempt_make(struct attempt *attempt, uint64_t patience)
{
	struct curl_slist *headers = headers_make(attempt->fetch->settings);
	CURL *easy = headers ? curl_easy_init() : NULL;
	CURLcode result = CURLE_OUT_OF_MEMORY;

	attempt->length = 0;
	attempt->status = 0;
	attempt->too_long = false;
	if (easy) {
		attempt_set_up(attempt, easy, headers, patience);
		result = curl_easy_perform(easy);
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &attempt->status);
	}
	curl_easy_cleanup(easy);
	curl_slist_free_all(headers);
	return result;
}

/* Fills in the failure; *again: a further attempt may do. */
static enum nx_status attempt_judge(struct attempt *attempt, CURLcode result, bool *again,
				    struct nx_error *error)
{
	const struct nx_services *services = attempt->fetch->services;

	*again = false;
	if (attempt->too_long)
		return services->fail(error, NX_INTERNAL, NULL,
				      "its service's answer is longer than %d bytes", ANSWER_LIMIT);
	if (result == CURLE_OK && attempt->status == 200)
		return NX_OK;
	*again = result != CURLE_OK || attempt->status >= 500 || attempt->status == 429;
	if (result != CURLE_OK)
		return services->fail(error, NX_UNAVAILABLE, NULL, "%s", failure_name(result));
	return services->fail(error, NX_UNAVAILABLE, NULL, "its service answers with HTTP status %ld",
			      attempt->status);
}

/* --- until it is answered ----------------------------------------------------------------------- */

/* False when there is no time for it, or nobody waits any more. */
static bool pause_for(const struct fetch *fetch, unsigned number, uint64_t end)
{
	uint64_t pause = PAUSE_MILLISECONDS << (number < 4 ? number : 4);
	uint16_t chance;

	pause = pause < PAUSE_LIMIT ? pause : PAUSE_LIMIT;
	fetch->services->random_bytes(&chance, sizeof(chance));
	uint64_t until = milliseconds(fetch) + pause + chance % pause;
	if (until >= end)
		return false;
	while (milliseconds(fetch) < until && is_awaited(fetch))
		nanosleep(&(const struct timespec){.tv_nsec = STEP_MILLISECONDS * 1000000L}, NULL);
	return is_awaited(fetch);
}

enum nx_status fetch_answer(const struct fetch *fetch, char out[static ANSWER_LIMIT + 1], size_t *length,
			    struct nx_error *error)
{
	struct attempt attempt = {.fetch = fetch, .out = out};
	uint64_t now = milliseconds(fetch), end = now + fetch->request->milliseconds;
	enum nx_status status = NX_UNAVAILABLE;
	bool again = true;

	for (unsigned i = 0; again && now < end; i++) {
		status = attempt_judge(&attempt, attempt_make(&attempt, end - now), &again, error);
		again = again && i < fetch->settings->retries && pause_for(fetch, i, end);
		now = milliseconds(fetch);
	}
	if (status == NX_OK) {
		out[attempt.length] = '\0';
		*length = attempt.length;
	}
	return status;
}
