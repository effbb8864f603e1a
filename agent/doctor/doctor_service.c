/* SPDX-License-Identifier: Apache-2.0 */
/* Can the service be reached over HTTP, and do its clock and ours agree? */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/doctor/doctor.h"
#include "base/memory.h"

enum {
	CONNECT_SECONDS = 5,
	ANSWER_SECONDS = 8,
	CLOCK_WARNING_SECONDS = 30,
	CLOCK_PROBLEM_SECONDS = 300,
};

struct visit {
	CURLcode code;
	long status;	   /* of HTTP */
	long system_error; /* errno of a connection that failed; 0: none */
	int64_t date;	   /* of the answer; -1: none */
	char words[CURL_ERROR_SIZE];
};

static void easy_free(CURL **easy)
{
	curl_easy_cleanup(*easy);
}

static size_t body_ignore(const char *data, size_t size, size_t count, void *context)
{
	(void)data;
	(void)context;
	return size * count;
}

static size_t header_read(char *data, size_t size, size_t count, void *context)
{
	static const char name[] = "date:";
	struct visit *visit = context;
	size_t length = size * count;
	char value[64];

	if (length < sizeof(name) || length - strlen(name) >= sizeof(value) ||
	    strncasecmp(data, name, strlen(name)) != 0)
		return length;
	memcpy(value, data + strlen(name), length - strlen(name));
	value[length - strlen(name)] = '\0';
	visit->date = curl_getdate(value, NULL);
	return length;
}

static void visit_make(const struct nx_options *options, struct visit *visit)
{
	NX_CLEANUP(easy_free) CURL *easy = curl_easy_init();
	NX_AUTO_FREE char *url =
		nx_printf("%s%sready", options->service_url,
			  options->service_url[strlen(options->service_url) - 1] == '/' ? "" : "/");

	*visit = (struct visit){.code = CURLE_OUT_OF_MEMORY, .date = -1};
	if (!easy)
		return;
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)ANSWER_SECONDS);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, visit->words);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_ignore);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header_read);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, visit);
	if (*options->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
	visit->code = curl_easy_perform(easy);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &visit->status);
	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &visit->system_error);
}

/* What a failure of libcurl means, and what to do; the last row is for all others. */
static const struct explanation {
	CURLcode code;
	int number; /* errno; 0: any */
	const char *what;
	const char *remedy;
} explanations[] = {
	{CURLE_COULDNT_RESOLVE_HOST, 0, "its name cannot be looked up in the DNS",
	 "Check the name in service-url, and this host's name servers (/etc/resolv.conf)."},
	{CURLE_COULDNT_CONNECT, ECONNREFUSED, "it refuses the connection",
	 "Check that the service runs, and that service-url has the right port."},
	{CURLE_COULDNT_CONNECT, ENETUNREACH, "this host has no route to it",
	 "Check this host's addresses and its default route (ip route)."},
	{CURLE_COULDNT_CONNECT, EHOSTUNREACH, "this host has no way to it",
	 "Check that the service's host is up, and the networks between."},
	{CURLE_COULDNT_CONNECT, 0, "no connection can be made",
	 "Check the networks between this host and the service."},
	{CURLE_OPERATION_TIMEDOUT, 0, "it does not answer in time",
	 "Check that the service is up, and that no firewall between drops the connection."},
	{CURLE_PEER_FAILED_VERIFICATION, 0, "its certificate is not trusted",
	 "Give its authority's certificate with ca-file, and check this host's clock."},
	{CURLE_SSL_CACERT_BADFILE, 0, "the file of trusted certificates cannot be used",
	 "Check the file that ca-file names."},
	{CURLE_SSL_CONNECT_ERROR, 0, "TLS cannot be agreed on",
	 "Check that service-url is of a port that speaks TLS, or use http:// if it does not."},
	{CURLE_OK, 0, "it does not answer as a service does", "Check service-url, and what answers there."},
};

static const struct explanation *explanation_find(const struct visit *visit)
{
	const struct explanation *found = explanations;

	while (found->code != CURLE_OK &&
	       (found->code != visit->code || (found->number && found->number != visit->system_error)))
		found++;
	return found;
}

void nx_doctor_clock(int64_t ours, int64_t theirs, const struct nx_diagnosis *diagnosis)
{
	int64_t difference = ours - theirs, distance = llabs(difference);
	enum nx_verdict verdict = distance >= CLOCK_PROBLEM_SECONDS   ? NX_VERDICT_PROBLEM
				  : distance >= CLOCK_WARNING_SECONDS ? NX_VERDICT_WARNING
								      : NX_VERDICT_OK;

	if (verdict == NX_VERDICT_OK)
		nx_doctor_say(diagnosis, "clock", verdict, "", "this host's clock agrees with the service's");
	else
		nx_doctor_say(diagnosis, "clock", verdict,
			      "Let both hosts keep time by NTP (timedatectl set-ntp true).",
			      "this host's clock is %lld seconds %s the service's", (long long)distance,
			      difference > 0 ? "ahead of" : "behind");
}

bool nx_doctor_service(const struct nx_options *options, const struct nx_diagnosis *diagnosis)
{
	struct visit visit;

	visit_make(options, &visit);
	if (visit.code == CURLE_OK && visit.status >= 200 && visit.status < 300) {
		nx_doctor_say(diagnosis, "service", NX_VERDICT_OK, "", "the service at %s answers",
			      options->service_url);
	} else if (visit.code == CURLE_OK) {
		nx_doctor_say(diagnosis, "service", NX_VERDICT_PROBLEM,
			      "Check service-url, and the service's own log.",
			      "the service at %s answers with status %ld", options->service_url,
			      visit.status);
	} else {
		const struct explanation *explanation = explanation_find(&visit);

		nx_doctor_say(diagnosis, "service", NX_VERDICT_PROBLEM, explanation->remedy,
			      "the service at %s cannot be used: %s (%s)", options->service_url,
			      explanation->what, *visit.words ? visit.words : curl_easy_strerror(visit.code));
	}
	if (visit.date >= 0)
		nx_doctor_clock(time(NULL), visit.date, diagnosis);
	else
		nx_doctor_say(diagnosis, "clock", NX_VERDICT_UNKNOWN, "",
			      "the service did not say what time it is");
	return visit.code == CURLE_OK;
}
