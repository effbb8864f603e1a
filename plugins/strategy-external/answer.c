/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/strategy-external/answer.h"

#include <stdio.h>
#include <string.h>

#define MESSAGE_LIMIT 160

/* Fit for logs and terminals: without control characters, C1 included, and not long. */
static void message_copy(const char *text, char out[static MESSAGE_LIMIT])
{
	const unsigned char *at = (const unsigned char *)text;
	size_t length = 0;

	for (; *at && length < MESSAGE_LIMIT - 1; at++) {
		bool c1 = *at == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f;

		out[length++] = (char)(c1 || *at < ' ' || *at == 0x7f ? '?' : *at);
		at += c1;
	}
	if ((*at & 0xc0) == 0x80) { /* cut in the midst of a character, which goes as a whole */
		while (length > 0 && ((unsigned char)out[length - 1] & 0xc0) == 0x80)
			length--;
		length -= length > 0;
	}
	out[length] = '\0';
}

static enum nx_status error_read(const char *said, const char *message, const struct nx_services *services,
				 struct nx_error *error)
{
	bool exhausted = strcmp(said, "exhausted") == 0;
	char text[MESSAGE_LIMIT];

	message_copy(message ? message : exhausted ? "" : said, text);
	if (!exhausted)
		return services->fail(error, NX_UNAVAILABLE, NULL, "its service says: %s", text);
	return services->fail(error, NX_EXHAUSTED, NULL, "%s",
			      text[0] ? text : "the service that gives addresses has none left");
}

static enum nx_status document_read(const struct nx_json *document, const struct nx_services *services,
				    struct nx_address *out, struct nx_error *error)
{
	const struct nx_json_services *json = services->json;
	const char *address = json->string(json->member(document, "address"));
	const char *said = json->string(json->member(document, "error"));
	const char *message = json->string(json->member(document, "message"));
	struct nx_address found;

	if (said)
		return error_read(said, message, services, error);
	if (!address)
		return services->fail(error, NX_INTERNAL, NULL,
				      "its service's answer has neither \"address\" nor \"error\"");
	if (!services->address->address_parse(address, &found))
		return services->fail(error, NX_INTERNAL, NULL,
				      "its service's answer has an \"address\" that is none");
	*out = found;
	return NX_OK;
}

enum nx_status answer_read(const char *text, size_t length, const struct nx_services *services,
			   struct nx_address *out, struct nx_error *error)
{
	struct nx_json *document = services->json->parse(text, length);
	enum nx_status status;

	if (!document)
		return services->fail(error, NX_INTERNAL, NULL, "its service's answer is no JSON");
	status = document_read(document, services, out, error);
	services->json->document_free(document);
	return status;
}
