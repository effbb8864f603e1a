/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Openings in chains of nf_tables, iptables-nft's among them: what nft(8) says as JSON is read
 * (libnftables-json(5)), what it is told is text. Names go into text only after place_make() has judged them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/relay/opening.h"

/* What nft said, and how to read it. */
struct listing {
	const struct nx_json_services *json;
	struct nx_json *document;
};

static void listing_clear(struct listing *listing)
{
	if (listing->document)
		listing->json->document_free(listing->document);
}

#define AUTO_LISTING __attribute__((cleanup(listing_clear)))

/* Its objects, each with one member that says what it is. */
static const struct nx_json *listing_first(const struct listing *listing)
{
	return listing->json->first(listing->json->member(listing->document, "nftables"));
}

static const char *member_text(const struct nx_json_services *json, const struct nx_json *object,
			       const char *name)
{
	const char *text = json->string(json->member(object, name));

	return text ? text : "";
}

static bool member_is(const struct nx_json_services *json, const struct nx_json *object, const char *name,
		      const char *text)
{
	return strcmp(member_text(json, object, name), text) == 0;
}

static int64_t member_integer(const struct nx_json_services *json, const struct nx_json *object,
			      const char *name)
{
	int64_t value;

	return json->integer(json->member(object, name), &value) ? value : 0;
}

static enum nx_status nft_list(const struct opener *opener, const char *const *arguments, struct listing *out,
			       struct nx_error *error)
{
	char *text = NULL;
	enum nx_status status = opening_output(opener, arguments, &text, error);

	if (status != NX_OK)
		return status;
	out->json = opener->services->json;
	out->document = out->json->parse(text, strlen(text));
	free(text);
	if (out->json->member(out->document, "nftables"))
		return NX_OK;
	return opener->services->fail(error, NX_UNSUPPORTED, NULL,
				      "nft -j does not list the host's firewall as JSON: its rules cannot be "
				      "examined");
}

/* The chain with its rules. */
static enum nx_status chain_list(const struct opener *opener, const struct place *place, struct listing *out,
				 struct nx_error *error)
{
	const char *const arguments[] = {"nft",		"-j",	      "list",	    "chain",
					 place->family, place->table, place->chain, NULL};

	return nft_list(opener, arguments, out, error);
}

/* --- judging chains ------------------------------------------------------------------------------- */

/* How an expression of a rule may end a packet. */
enum verdict { VERDICT_NONE, VERDICT_ELSEWHERE, VERDICT_DROP };

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

#define IS_ONE_OF(name, names) is_one_of(name, names, sizeof(names) / sizeof((names)[0]))

static enum verdict expression_verdict(const struct nx_json_services *json, const struct nx_json *expression)
{
	static const char *const drops[] = {"drop", "reject"};
	static const char *const elsewhere[] = {"jump", "goto", "vmap", "queue"};
	const struct nx_json *content = json->first(expression);
	const char *name = content ? json->name(content) : NULL;

	if (!name)
		return VERDICT_NONE;
	if (IS_ONE_OF(name, drops))
		return VERDICT_DROP;
	if (IS_ONE_OF(name, elsewhere))
		return VERDICT_ELSEWHERE;
	if (strcmp(name, "xt") != 0)
		return VERDICT_NONE;
	/* Something of iptables-nft's that nft has no word of its own for; old ones do not say what. */
	if (!*member_text(json, content, "name"))
		return VERDICT_ELSEWHERE;
	return member_is(json, content, "name", "REJECT") ? VERDICT_DROP : VERDICT_NONE;
}

static enum verdict rule_verdict(const struct nx_json_services *json, const struct nx_json *rule)
{
	enum verdict worst = VERDICT_NONE;

	for (const struct nx_json *expression = json->first(json->member(rule, "expr")); expression;
	     expression = json->next(expression)) {
		enum verdict verdict = expression_verdict(json, expression);
		if (verdict > worst)
			worst = verdict;
	}
	return worst;
}

/* Does the rule send every packet to the chain? */
static bool rule_jumps(const struct nx_json_services *json, const struct nx_json *rule, const char *chain)
{
	bool jumps = false;

	for (const struct nx_json *expression = json->first(json->member(rule, "expr")); expression;
	     expression = json->next(expression)) {
		const struct nx_json *jump = json->member(expression, "jump");
		if (jump && member_is(json, jump, "target", chain))
			jumps = true;
		else if (!json->member(expression, "counter"))
			return false;
	}
	return jumps;
}

/* What the rules of a chain, ours left out, may do to a packet. */
static enum verdict rules_verdict(const struct listing *listing, const char *mark, bool *docker)
{
	const struct nx_json_services *json = listing->json;
	enum verdict worst = VERDICT_NONE;

	for (const struct nx_json *item = listing_first(listing); item; item = json->next(item)) {
		const struct nx_json *rule = json->member(item, "rule");
		if (!rule || member_is(json, rule, "comment", mark))
			continue;
		enum verdict verdict = rule_verdict(json, rule);
		if (verdict > worst)
			worst = verdict;
		*docker |= rule_jumps(json, rule, "DOCKER-USER");
	}
	return worst;
}

/*
 * May the base chain drop? Its policy says so, or a rule. What it sends elsewhere counts from the priority of
 * filters on: before, it is to be marked or measured, and an accept of ours would spare it that.
 */
static bool chain_closed(const struct nx_json_services *json, const struct nx_json *chain,
			 enum verdict verdict)
{
	return member_is(json, chain, "policy", "drop") || verdict == VERDICT_DROP ||
	       (verdict == VERDICT_ELSEWHERE && member_integer(json, chain, "prio") >= 0);
}

/* --- looking ----------------------------------------------------------------------------------------- */

static bool is_own_table(const struct opener *opener, const struct nx_json *chain)
{
	const struct nx_json_services *json = opener->services->json;
	char name[OPENING_MARK_ROOM];

	snprintf(name, sizeof(name), "nexodus_%s", opener->interface);
	return member_is(json, chain, "family", "inet") && member_is(json, chain, "table", name);
}

static bool is_forward(const struct nx_json_services *json, const struct nx_json *chain)
{
	const char *family = member_text(json, chain, "family");

	return member_is(json, chain, "hook", "forward") &&
	       (strcmp(family, "ip") == 0 || strcmp(family, "ip6") == 0 || strcmp(family, "inet") == 0);
}

static enum nx_status closed_add(const struct opener *opener, struct openings_view *out,
				 const struct place *place, struct nx_error *error)
{
	if (places_add(&out->closed, place))
		return NX_OK;
	return opener->services->fail(error, NX_UNSUPPORTED, NULL,
				      "more chains of the host's firewall drop what is forwarded than can be "
				      "seen to");
}

/* Add the chain, or that of Docker's before it, if it may drop. */
static enum nx_status chain_judge(const struct opener *opener, const struct nx_json *chain,
				  struct openings_view *out, struct nx_error *error)
{
	const struct nx_json_services *json = opener->services->json;
	AUTO_LISTING struct listing list = {0};
	char mark[OPENING_MARK_ROOM];
	struct place place;
	bool docker = false;

	if (!place_make(&place, false, member_text(json, chain, "family"), member_text(json, chain, "table"),
			member_text(json, chain, "name")))
		return opener->services->fail(
			error, NX_UNSUPPORTED, NULL,
			"a chain of the host's firewall has a name that nft cannot "
			"read: if it drops what the tunnel forwards, accept that there");
	enum nx_status status = chain_list(opener, &place, &list, error);
	if (status != NX_OK)
		return status;
	opening_mark(opener, mark);
	if (!chain_closed(json, chain, rules_verdict(&list, mark, &docker)))
		return NX_OK;
	if (docker)
		snprintf(place.chain, sizeof(place.chain), "DOCKER-USER");
	return closed_add(opener, out, &place, error);
}

static bool chains_have(const struct listing *chains, const struct place *place)
{
	const struct nx_json_services *json = chains->json;

	for (const struct nx_json *item = listing_first(chains); item; item = json->next(item)) {
		const struct nx_json *chain = json->member(item, "chain");
		if (chain && member_is(json, chain, "family", place->family) &&
		    member_is(json, chain, "table", place->table) &&
		    member_is(json, chain, "name", place->chain))
			return true;
	}
	return false;
}

static void gone_find(const struct listing *chains, const struct places *known, struct openings_view *out)
{
	for (size_t i = 0; i < known->count; i++) {
		/* No more than are known: they have room. */
		if (!known->list[i].legacy && !chains_have(chains, &known->list[i]))
			places_add(&out->gone, &known->list[i]);
	}
}

/* The first failure is told, and the other chains are judged all the same. */
static enum nx_status chains_judge(const struct opener *opener, const struct firewall_wish *wish,
				   const struct listing *chains, struct openings_view *out,
				   struct nx_error *error)
{
	const struct nx_json_services *json = chains->json;
	enum nx_status worst = NX_OK;

	for (const struct nx_json *item = listing_first(chains); item; item = json->next(item)) {
		const struct nx_json *chain = json->member(item, "chain");
		if (!chain)
			continue;
		if (is_own_table(opener, chain)) {
			out->table = true;
			continue;
		}
		if (!wish || !is_forward(json, chain) ||
		    !opening_count(wish, member_text(json, chain, "family")))
			continue;
		enum nx_status status = chain_judge(opener, chain, out, worst == NX_OK ? error : NULL);
		if (worst == NX_OK)
			worst = status;
	}
	return worst;
}

enum nx_status opening_nft_look(const struct opener *opener, const struct firewall_wish *wish,
				const struct places *known, struct openings_view *out, struct nx_error *error)
{
	static const char *const arguments[] = {"nft", "-j", "list", "chains", NULL};
	AUTO_LISTING struct listing chains = {0};
	enum nx_status status = nft_list(opener, arguments, &chains, error);

	if (status != NX_OK)
		return status;
	gone_find(&chains, known, out);
	return chains_judge(opener, wish, &chains, out, error);
}

/* --- changing ------------------------------------------------------------------------------------------ */

/* Write what deletes our rules; answers how many there are. */
static size_t removal_write(FILE *out, const struct place *place, const char *mark,
			    const struct listing *listing)
{
	const struct nx_json_services *json = listing->json;
	size_t count = 0;

	for (const struct nx_json *item = listing_first(listing); item; item = json->next(item)) {
		const struct nx_json *rule = json->member(item, "rule");
		int64_t handle = member_integer(json, rule, "handle");
		if (!rule || !member_is(json, rule, "comment", mark) ||
		    !member_is(json, rule, "chain", place->chain) || handle < 1)
			continue;
		fprintf(out, "delete rule %s %s %s handle %" PRId64 "\n", place->family, place->table,
			place->chain, handle);
		count++;
	}
	return count;
}

static enum nx_status text_apply(const struct opener *opener, const char *text, struct nx_error *error)
{
	static const char *const arguments[] = {"nft", "-f", "-", NULL};

	return opener->services->agent->run(opener->host, arguments, text, NULL, 0, error);
}

enum nx_status opening_nft_set(const struct opener *opener, const struct place *place,
			       const struct firewall_wish *wish, bool anew, bool *changed,
			       struct nx_error *error)
{
	size_t wanted = wish ? opening_count(wish, place->family) : 0, length;
	char mark[OPENING_MARK_ROOM], *text = NULL;
	AUTO_LISTING struct listing list = {0};
	enum nx_status status = chain_list(opener, place, &list, error);

	*changed = false;
	if (status != NX_OK)
		return status;
	FILE *out = open_memstream(&text, &length);
	if (!out)
		return opener->services->fail(error, NX_INTERNAL, NULL, "no memory for the firewall's rules");
	opening_mark(opener, mark);
	size_t found = removal_write(out, place, mark, &list);
	if (wanted)
		opening_write(out, opener, place, wish);
	bool whole = !ferror(out);
	if (fclose(out) != 0 || !whole)
		status = opener->services->fail(error, NX_INTERNAL, NULL,
						"no memory for the firewall's rules");
	else if (found != wanted || (anew && wanted)) {
		status = text_apply(opener, text, error);
		*changed = status == NX_OK;
	}
	free(text);
	return status;
}
