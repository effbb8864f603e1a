/* SPDX-License-Identifier: Apache-2.0 */
/* What may be configured as the service's URL. */
#include <curl/curl.h>
#include <string.h>

#include "agent/session/client.h"
#include "base/memory.h"

static void url_free(CURLU **url)
{
	curl_url_cleanup(*url);
}

static bool part_given(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool given = curl_url_get(url, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return given;
}

static bool scheme_fit(CURLU *url)
{
	char *scheme = NULL;
	bool fit = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		   (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);

	curl_free(scheme);
	return fit;
}

enum nx_status nx_service_url_check(const char *text, struct nx_error *error)
{
	NX_CLEANUP(url_free) CURLU *url = curl_url();

	if (!*text)
		return nx_fail(error, NX_INVALID, "service-url",
			       "service-url is not set: say where the service is, such as "
			       "https://nexodus.example.com");
	if (!url || curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
	    !scheme_fit(url) || !part_given(url, CURLUPART_HOST))
		return nx_fail(error, NX_INVALID, "service-url",
			       "service-url: \"%s\" is not the URL of a service: http://HOST or https://HOST "
			       "is needed",
			       text);
	if (part_given(url, CURLUPART_USER) || part_given(url, CURLUPART_PASSWORD) ||
	    part_given(url, CURLUPART_QUERY) || part_given(url, CURLUPART_FRAGMENT))
		return nx_fail(error, NX_INVALID, "service-url",
			       "service-url: no user, password, query or fragment may stand in it");
	return NX_OK;
}

char *nx_service_url_host(const char *text)
{
	NX_CLEANUP(url_free) CURLU *url = curl_url();
	char *part = NULL, *host;

	if (url && curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
		(void)curl_url_get(url, CURLUPART_HOST, &part, 0);
	host = nx_strdup(part ? part : "");
	curl_free(part);
	return host;
}
