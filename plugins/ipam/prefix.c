/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a prefix that a person wrote, and saying what they may have meant when it is none. */
#include <stdio.h>
#include <string.h>

#include "plugins/ipam/family.h"

/* What is quoted in a message: no more than fits there, and nothing that a terminal would act on. */
static const char *text_quotable(const char *text)
{
	size_t length = strlen(text);

	if (!length || length >= NX_ADDRESS_TEXT)
		return "this text";
	for (size_t i = 0; i < length; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return "this text";
	}
	return text;
}

/* The address part, completed as somebody in a hurry may have left it: "200:" and "200" mean "200::", "10.1"
 * means "10.1.0.0". */
static bool address_complete(const struct ipam_family *family, const char *part,
			     char out[static NX_ADDRESS_TEXT])
{
	size_t length = strlen(part);
	int written;

	if (family->address_length == 4) {
		size_t dots = 0;
		for (const char *at = part; (at = strchr(at, '.')) != NULL; at++)
			dots++;
		if (dots >= 3)
			return false;
		written = snprintf(out, NX_ADDRESS_TEXT, "%s%s", part, &".0.0.0"[dots * 2]);
	} else {
		bool colon = length && part[length - 1] == ':';
		written = snprintf(out, NX_ADDRESS_TEXT, "%s%s", part, colon ? ":" : "::");
	}
	return written < NX_ADDRESS_TEXT;
}

/* The prefix that `text` would be with its address completed. */
static bool prefix_guess(const struct ipam_family *family, const struct nx_services *services,
			 const char *text, struct nx_prefix *out)
{
	char part[NX_ADDRESS_TEXT], address[NX_ADDRESS_TEXT], whole[2 * NX_ADDRESS_TEXT];
	const char *slash = strchr(text, '/');

	if (!slash || slash == text || slash - text >= NX_ADDRESS_TEXT || strlen(slash) > 4)
		return false;
	snprintf(part, sizeof(part), "%.*s", (int)(slash - text), text);
	if (!address_complete(family, part, address))
		return false;
	snprintf(whole, sizeof(whole), "%s%s", address, slash);
	struct nx_prefix guess;
	if (!services->address->prefix_parse(whole, &guess))
		return false;
	*out = services->address->prefix_mask(&guess);
	return ipam_prefix_judge(family, services, out, NULL) == NX_OK;
}

static enum nx_status unparsable(const struct ipam_family *family, const struct nx_services *services,
				 const char *text, struct nx_error *error)
{
	struct nx_prefix guess;
	struct nx_address address;
	char right[NX_ADDRESS_TEXT];

	if (prefix_guess(family, services, text, &guess))
		return services->fail(error, NX_INVALID, NULL, "%s is not an %s prefix: did you mean %s?",
				      text_quotable(text), family->label,
				      services->address->prefix_format(&guess, right));
	if (services->address->address_parse(text, &address))
		return services->fail(
			error, NX_INVALID, NULL, "%s has no prefix length: write it as %s/<%u to %u>",
			text_quotable(text), text_quotable(text), family->bits_minimum, family->bits_maximum);
	return services->fail(
		error, NX_INVALID, NULL,
		"%s is not an %s prefix: write an address and a prefix length, <address>/<%u to %u>",
		text_quotable(text), family->label, family->bits_minimum, family->bits_maximum);
}

enum nx_status ipam_prefix_read(const struct ipam_family *family, const struct nx_services *services,
				const char *text, struct nx_prefix *out, struct nx_error *error)
{
	struct nx_prefix prefix;
	char right[NX_ADDRESS_TEXT];

	if (!services->address->prefix_parse(text, &prefix))
		return unparsable(family, services, text, error);
	struct nx_prefix masked = services->address->prefix_mask(&prefix);
	enum nx_status status = ipam_prefix_judge(family, services, &masked, error);
	if (status != NX_OK)
		return status;
	if (services->address->address_compare(&prefix.address, &masked.address) != 0)
		return services->fail(error, NX_INVALID, NULL,
				      "%s has host bits set: the prefix it lies in is %s",
				      text_quotable(text), services->address->prefix_format(&masked, right));
	*out = masked;
	return NX_OK;
}
