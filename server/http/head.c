/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/head.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define LENGTH_HEADER "Content-Length"
#define CODING_HEADER "Transfer-Encoding"

struct judgement {
	struct nx_head head;
	unsigned lengths, codings, hosts, authorizations;
};

/* token, RFC 9110 §5.6.2 */
static bool is_token(const char *text, size_t length)
{
	if (length == 0)
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c >= 0x80 || !(isalnum(c) || strchr("!#$%&'*+-.^_`|~", c)) || c == '\0')
			return false;
	}
	return true;
}

/* field-content, RFC 9110 §5.5: no control character but the tab. */
static bool is_field(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool length_parse(const char *text, size_t length, uint64_t *out)
{
	uint64_t value = 0;

	if (length == 0 || length > 15)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	*out = value;
	return true;
}

static bool name_is(const char *name, size_t length, const char *wanted)
{
	return length == strlen(wanted) && strncasecmp(name, wanted, length) == 0;
}

/* A line that was folded onto the next one loses its value and grows its name: what
 * starts like a header of framing and goes on is one of those. */
static bool name_is_mangled(const char *name, size_t length)
{
	return (length > strlen(LENGTH_HEADER) &&
		strncasecmp(name, LENGTH_HEADER, strlen(LENGTH_HEADER)) == 0) ||
	       (length > strlen(CODING_HEADER) &&
		strncasecmp(name, CODING_HEADER, strlen(CODING_HEADER)) == 0);
}

static const char *length_judge(struct judgement *judgement, const char *value, size_t length)
{
	if (judgement->lengths++)
		return "more than one Content-Length";
	if (!length_parse(value, length, &judgement->head.length))
		return "Content-Length is no number";
	return NULL;
}

static const char *coding_judge(struct judgement *judgement, const char *value, size_t length)
{
	if (judgement->codings++)
		return "more than one Transfer-Encoding";
	if (!name_is(value, length, "chunked"))
		return "the only Transfer-Encoding that is taken is chunked";
	judgement->head.chunked = true;
	return NULL;
}

static const char *field_judge(struct judgement *judgement, const char *name, size_t name_length,
			       const char *value, size_t length)
{
	if (!is_token(name, name_length) || name_is_mangled(name, name_length))
		return "a header's name is malformed";
	if (!is_field(value, length))
		return "a header holds a control character";
	if (name_is(name, name_length, LENGTH_HEADER))
		return length_judge(judgement, value, length);
	if (name_is(name, name_length, CODING_HEADER))
		return coding_judge(judgement, value, length);
	if (name_is(name, name_length, "Host") && judgement->hosts++)
		return "more than one Host";
	if (name_is(name, name_length, "Authorization") && judgement->authorizations++)
		return "more than one Authorization";
	if (name_is(name, name_length, "Expect") && name_is(value, length, "100-continue"))
		judgement->head.expects = true;
	return NULL;
}

static enum MHD_Result field_each(void *context, enum MHD_ValueKind kind, const char *name,
				  size_t name_length, const char *value, size_t length)
{
	struct judgement *judgement = context;

	(void)kind;
	judgement->head.flaw = field_judge(judgement, name, name_length, value ? value : "", length);
	return judgement->head.flaw ? MHD_NO : MHD_YES;
}

struct nx_head nx_head_judge(struct MHD_Connection *mhd, const char *version)
{
	struct judgement judgement = {0};

	MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, field_each, &judgement);
	if (judgement.head.flaw)
		return judgement.head;
	if (judgement.codings && judgement.lengths)
		judgement.head.flaw = "both Content-Length and Transfer-Encoding";
	else if (judgement.codings && strcmp(version, "HTTP/1.1") != 0)
		judgement.head.flaw = "Transfer-Encoding needs HTTP/1.1";
	return judgement.head;
}
