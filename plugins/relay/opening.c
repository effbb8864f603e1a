/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/relay/opening.h"

#include <stdlib.h>
#include <string.h>

enum { OUTPUT_ROOM = 4 << 20 };

void opening_mark(const struct opener *opener, char out[static OPENING_MARK_ROOM])
{
	snprintf(out, OPENING_MARK_ROOM, "nexodus %s", opener->interface);
}

/* Does a chain of that family see the network's packets? */
static bool network_seen(const struct nx_prefix *network, const char *family)
{
	return strcmp(family, "inet") == 0 ||
	       strcmp(family, network->address.length == 4 ? "ip" : "ip6") == 0;
}

size_t opening_count(const struct firewall_wish *wish, const char *family)
{
	size_t count = wish->relay ? 1 : 0;

	for (size_t i = 0; i < wish->network_count; i++)
		count += network_seen(&wish->networks[i], family) ? 2 : 0;
	return count;
}

/* What a rule is about: the tunnel on one side or on both, and a network on the other. */
struct rule {
	const char *in, *out;  /* interfaces; NULL: any */
	const char *from, *to; /* networks; NULL: any */
	const struct place *place;
	const char *protocol; /* nft's word for the networks' family */
	const char *mark;
};

static void rule_write_nft(FILE *out, const struct rule *rule)
{
	fprintf(out, "insert rule %s %s %s", rule->place->family, rule->place->table, rule->place->chain);
	if (rule->in)
		fprintf(out, " iifname \"%s\"", rule->in);
	if (rule->out)
		fprintf(out, " oifname \"%s\"", rule->out);
	if (rule->from)
		fprintf(out, " %s saddr %s", rule->protocol, rule->from);
	if (rule->to)
		fprintf(out, " %s daddr %s", rule->protocol, rule->to);
	/* iptables-nft shows rules that count, and trips over none. */
	fprintf(out, " counter accept comment \"%s\"\n", rule->mark);
}

static void rule_write_legacy(FILE *out, const struct rule *rule)
{
	fprintf(out, "-I %s", rule->place->chain);
	if (rule->from)
		fprintf(out, " -s %s", rule->from);
	if (rule->to)
		fprintf(out, " -d %s", rule->to);
	if (rule->in)
		fprintf(out, " -i %s", rule->in);
	if (rule->out)
		fprintf(out, " -o %s", rule->out);
	fprintf(out, " -m comment --comment \"%s\" -j ACCEPT\n", rule->mark);
}

static void rule_write(FILE *out, const struct rule *rule)
{
	(rule->place->legacy ? rule_write_legacy : rule_write_nft)(out, rule);
}

void opening_write(FILE *out, const struct opener *opener, const struct place *place,
		   const struct firewall_wish *wish)
{
	char mark[OPENING_MARK_ROOM], network[NX_ADDRESS_TEXT];
	const char *tunnel = opener->interface;
	struct rule rule = {.place = place, .mark = mark};

	opening_mark(opener, mark);
	for (size_t i = wish->network_count; i-- > 0;) {
		const struct nx_prefix *prefix = &wish->networks[i];
		if (!network_seen(prefix, place->family))
			continue;
		opener->services->address->prefix_format(prefix, network);
		rule.protocol = prefix->address.length == 4 ? "ip" : "ip6";
		rule.in = rule.to = NULL;
		rule.out = tunnel;
		rule.from = network;
		rule_write(out, &rule);
		rule.out = rule.from = NULL;
		rule.in = tunnel;
		rule.to = network;
		rule_write(out, &rule);
	}
	if (wish->relay)
		rule_write(out, &(struct rule){.in = tunnel, .out = tunnel, .place = place, .mark = mark});
}

enum nx_status opening_output(const struct opener *opener, const char *const *arguments, char **out,
			      struct nx_error *error)
{
	const struct nx_services *services = opener->services;
	char *text = malloc(OUTPUT_ROOM);

	if (!text)
		return services->fail(error, NX_INTERNAL, NULL, "no memory for what %s says", arguments[0]);
	text[0] = '\0';
	enum nx_status status = services->agent->run(opener->host, arguments, NULL, text, OUTPUT_ROOM, error);
	if (status == NX_OK && strlen(text) == OUTPUT_ROOM - 1)
		status =
			services->fail(error, NX_UNSUPPORTED, NULL,
				       "the host's firewall is too large to be read: %s says more than %d MB",
				       arguments[0], OUTPUT_ROOM >> 20);
	if (status == NX_OK)
		*out = text;
	else
		free(text);
	return status;
}

enum nx_status openings_look(const struct opener *opener, const struct firewall_wish *wish,
			     const struct places *known, struct openings_view *out, struct nx_error *error)
{
	struct nx_error second;
	enum nx_status status = opening_nft_look(opener, wish, known, out, error);
	/* One failing is no reason not to see to the other. */
	enum nx_status legacy =
		opening_legacy_look(opener, wish, known, out, status == NX_OK ? error : &second);

	return status == NX_OK ? legacy : status;
}

void openings_view_clear(struct openings_view *view)
{
	places_clear(&view->closed);
	places_clear(&view->gone);
}

enum nx_status opening_set(const struct opener *opener, const struct place *place,
			   const struct firewall_wish *wish, bool anew, bool *changed, struct nx_error *error)
{
	return (place->legacy ? opening_legacy_set : opening_nft_set)(opener, place, wish, anew, changed,
								      error);
}
