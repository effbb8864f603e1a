/* SPDX-License-Identifier: Apache-2.0 */
/* Prefixes: which ones a plugin takes, and what it says of the others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/memory.h"
#include "check/ipam.h"

/* Where pools may be: private addresses first (RFC 1918, RFC 6598, RFC 4193), then where large prefixes fit.
 */
static const char *const places[] = {
	"10.0.0.0", "100.64.0.0", "172.16.0.0", "64.0.0.0", "128.0.0.0",
	"fd00::",   "fc00::",	  "200::",	"2000::",   "4000::",
};

static enum nx_status call_check(struct ipam *ipam, const char *text, struct nx_prefix *out,
				 struct nx_error *error)
{
	struct journal_call *call = journal_begin(ipam->check->journal, "prefix_check", NULL);
	struct nx_prefix shown;

	if (nx_prefix_parse(text, &shown))
		call->prefix = shown;
	call->status = ipam->ops->prefix_check(ipam->instance, text, out, error);
	call->done = true;
	return call->status;
}

/* Does the plugin take a prefix of that length somewhere? */
static bool size_find(struct ipam *ipam, uint8_t bits, struct nx_prefix *out)
{
	for (size_t i = 0; i < NX_COUNT(places); i++) {
		struct nx_prefix prefix = {.bits = bits};
		char text[NX_ADDRESS_TEXT];

		if (!nx_address_parse(places[i], &prefix.address) ||
		    prefix.address.length != ipam->ops->address_length)
			continue;
		prefix = nx_prefix_mask(&prefix);
		nx_prefix_format(&prefix, text);
		if (call_check(ipam, text, out, NULL) == NX_OK)
			return true;
	}
	return false;
}

static enum nx_status call_default(struct ipam *ipam, struct nx_prefix *out, struct nx_error *error)
{
	struct journal_call *call = journal_begin(ipam->check->journal, "prefix_default", NULL);

	call->status = ipam->ops->prefix_default(ipam->instance, out, error);
	call->done = true;
	return call->status;
}

bool ipam_begin(struct check *check, struct ipam *out)
{
	struct nx_error error = {0};

	*out = (struct ipam){
		.check = check,
		.ops = check->capability->ops,
		.instance = check->capability->provider->instance,
	};
	if (out->ops->address_length != 4 && out->ops->address_length != 16)
		return check_fail(check, "expected 4 or 16 as address_length, found %u",
				  out->ops->address_length);
	if (call_default(out, &out->fallback, &error))
		return check_fail(check, "expected a default prefix, found: %s", error.message);
	if (out->fallback.address.length != out->ops->address_length)
		return check_fail(check, "expected a default prefix of %u bytes, found one of %u",
				  out->ops->address_length, out->fallback.address.length);
	for (int bits = 8 * out->ops->address_length; bits >= 0; bits--) {
		if (size_find(out, (uint8_t)bits, &out->sizes[out->size_count]))
			out->size_count++;
	}
	if (!out->size_count)
		return check_fail(check,
				  "expected that prefix_check takes some private prefix, found none from "
				  "/0 to /%d",
				  8 * out->ops->address_length);
	return true;
}

const struct nx_prefix *ipam_size(const struct ipam *ipam, unsigned int bits)
{
	const struct nx_prefix *best = &ipam->sizes[0];

	for (size_t i = 0; i < ipam->size_count && host_bits(&ipam->sizes[i]) <= bits; i++)
		best = &ipam->sizes[i];
	return best;
}

void ipam_check_prefix_default(struct check *check)
{
	struct ipam ipam;
	struct nx_prefix checked;
	struct nx_error error = {0};
	char text[NX_ADDRESS_TEXT], found[NX_ADDRESS_TEXT];

	if (!ipam_begin(check, &ipam))
		return;
	nx_prefix_format(&ipam.fallback, text);
	if (call_check(&ipam, text, &checked, &error))
		check_fail(check, "expected that prefix_check takes the default prefix %s, found: %s", text,
			   error.message);
	else if (nx_prefix_compare(&checked, &ipam.fallback) != 0)
		check_fail(check, "expected that prefix_check answers %s for itself, found %s", text,
			   nx_prefix_format(&checked, found));
}

/* --- what people may write ---------------------------------------------------------------------- */

static const char *const wrong[] = {
	"",
	" ",
	"/",
	"/24",
	"none",
	"0.0.0.0/0",
	"::/0",
	"10.0.0.0",
	"10.0.0.0/",
	"10.0.0.0/33",
	"10.0.0.0/-1",
	"10.0.0.0/16x",
	"10.0.0.0/1e1",
	" 10.0.0.0/16",
	"10.0.0.0/16 ",
	"10.0.0.0/4294967312",
	"256.0.0.0/16",
	"10.0.0/16",
	"10.0.0.0.0/16",
	"0x0a.0.0.0/16",
	"fd00::",
	"fd00::/",
	"fd00::/129",
	"fd00::/-1",
	"fd00::/64x",
	"fd00:::/64",
	"fd00::1::/64",
	"fd00::%eth0/64",
	"[fd00::]/64",
	"fd00::/18446744073709551680",
	"g::/64",
	"10.0.0.0/16\n",
	"\033[31m10.0.0.0/16",
	"10.0.0.0/16,10.1.0.0/16",
	"\xff\xfe",
};

static bool refusal_judge(struct ipam *ipam, const char *text, const char *what)
{
	struct nx_prefix out, before;
	struct nx_error error = {0};
	enum nx_status status;

	memset(&before, 0xa5, sizeof(before));
	out = before;
	status = call_check(ipam, text, &out, &error);
	if (status != NX_INVALID)
		return check_fail(ipam->check, "expected that prefix_check refuses %s as invalid, found %s",
				  what, status ? nx_status_name(status) : "that it takes it");
	if (!check_bytes_same(&out, &before, sizeof(out)))
		return check_fail(ipam->check,
				  "expected that prefix_check leaves its output alone when it refuses "
				  "%s, found that it was written",
				  what);
	if (!ipam_text_fit(error.message))
		return check_fail(ipam->check,
				  "expected a message for a person when prefix_check refuses %s, found "
				  "none, or one with control characters",
				  what);
	return call_check(ipam, text, &out, NULL) == status ||
	       check_fail(ipam->check, "expected the same answer without an error to fill, found another");
}

/* A text for messages, with what could not be seen as "?". */
static void refusal_name(const char *text, char out[static 64])
{
	snprintf(out, 64, "\"%.50s\"", text);
	for (char *at = out; *at; at++) {
		if (*at < ' ' || *at > '~')
			*at = '?';
	}
}

static bool wrong_judge(struct ipam *ipam)
{
	char name[64];

	for (size_t i = 0; i < NX_COUNT(wrong); i++) {
		refusal_name(wrong[i], name);
		if (!refusal_judge(ipam, wrong[i], name))
			return false;
	}
	return true;
}

static bool overlong_judge(struct ipam *ipam)
{
	enum { LENGTH = 100000 };
	NX_AUTO_FREE char *text = nx_alloc(LENGTH + 1);

	memset(text, '1', LENGTH);
	if (!refusal_judge(ipam, text, "a text of 100000 digits"))
		return false;
	text[LENGTH / 2] = '/';
	text[LENGTH / 4] = ':';
	return refusal_judge(ipam, text, "a text of 100000 characters");
}

static bool right_judge(struct ipam *ipam, const struct nx_prefix *prefix)
{
	struct nx_prefix out = {0}, set = *prefix;
	struct nx_error error = {0};
	char text[NX_ADDRESS_TEXT], found[NX_ADDRESS_TEXT];

	nx_prefix_format(prefix, text);
	if (call_check(ipam, text, &out, &error) || nx_prefix_compare(&out, prefix) != 0)
		return check_fail(ipam->check, "expected that prefix_check answers %s for itself, found %s",
				  text, error.message[0] ? error.message : nx_prefix_format(&out, found));
	if (!host_bits(prefix))
		return true;
	set.address.bytes[set.address.length - 1] |= 1;
	nx_prefix_format(&set, text);
	return refusal_judge(ipam, text, text);
}

void ipam_check_prefix_check(struct check *check)
{
	struct ipam ipam;
	bool good = ipam_begin(check, &ipam) && wrong_judge(&ipam) && overlong_judge(&ipam);

	for (size_t i = 0; good && i < ipam.size_count; i++)
		good = right_judge(&ipam, &ipam.sizes[i]);
}

/* --- networks behind devices ---------------------------------------------------------------------- */

static bool network_judge(struct ipam *ipam, const struct nx_prefix *network)
{
	struct nx_prefix given = *network;
	struct nx_error error = {0};
	char text[NX_ADDRESS_TEXT];
	enum nx_status status = ipam->ops->network_check(ipam->instance, &given, &error);

	nx_prefix_format(network, text);
	if (status != NX_OK && status != NX_INVALID)
		return check_fail(ipam->check,
				  "expected success or `invalid` from network_check of %s, found %s", text,
				  nx_status_name(status));
	if (status && !ipam_text_fit(error.message))
		return check_fail(ipam->check,
				  "expected that network_check says why not %s, found no message", text);
	return ipam->ops->network_check(ipam->instance, &given, NULL) == status ||
	       check_fail(ipam->check, "expected the same answer for %s twice, found another", text);
}

void ipam_check_network_check(struct check *check)
{
	struct ipam ipam;
	bool good = ipam_begin(check, &ipam);

	for (unsigned int i = 0; good && i < 2000; i++) {
		struct nx_prefix network = {
			.address = number_address((check_number)random_next(&check->random) << 64 |
							  random_next(&check->random),
						  ipam.ops->address_length),
			.bits = (uint8_t)random_below(&check->random, 8u * ipam.ops->address_length + 1),
		};

		network = nx_prefix_mask(&network);
		good = network_judge(&ipam, &network);
	}
}
