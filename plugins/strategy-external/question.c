/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/strategy-external/question.h"

#include <stdio.h>
#include <string.h>

struct text {
	char *out;
	size_t length; /* QUESTION_TEXT: it did not fit */
};

static void add(struct text *text, const char *part)
{
	size_t length = strlen(part);

	if (length >= QUESTION_TEXT - text->length) {
		text->length = QUESTION_TEXT;
		return;
	}
	memcpy(text->out + text->length, part, length + 1);
	text->length += length;
}

static void add_string(struct text *text, const char *name, const char *value)
{
	char part[8];

	add(text, text->length > 1 ? ",\"" : "\"");
	add(text, name);
	add(text, "\":\"");
	for (const char *at = value; *at && text->length < QUESTION_TEXT; at++) {
		if (*at == '"' || *at == '\\')
			snprintf(part, sizeof(part), "\\%c", *at);
		else if ((unsigned char)*at < ' ' || *at == 0x7f)
			snprintf(part, sizeof(part), "\\u%04x", (unsigned char)*at);
		else
			snprintf(part, sizeof(part), "%c", *at);
		add(text, part);
	}
	add(text, "\"");
}

bool question_write(const struct nx_strategy_request *request, const struct nx_services *services,
		    char out[static QUESTION_TEXT])
{
	struct text text = {0};
	char part[NX_ADDRESS_TEXT], number[32];

	text.out = out;
	add(&text, "{");
	add_string(&text, "family", request->family);
	add_string(&text, "prefix", services->address->prefix_format(request->prefix, part));
	add_string(&text, "organization_id", request->device->organization_id);
	add_string(&text, "public_key", request->device->public_key);
	add_string(&text, "hostname", request->device->hostname ? request->device->hostname : "");
	snprintf(number, sizeof(number), ",\"attempt\":%u", request->attempt);
	add(&text, number);
	if (request->last)
		add_string(&text, "last", services->address->address_format(request->last, part));
	add(&text, "}");
	return text.length < QUESTION_TEXT;
}
