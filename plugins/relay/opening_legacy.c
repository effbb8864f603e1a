/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Openings in the legacy tables, by iptables-legacy(8) and ip6tables-legacy(8). They are run only where the
 * kernel has a table "filter" of that family already: merely listing it would make it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/relay/opening.h"

struct keeper {
	const char *family;
	const char *names;	 /* the tables there are, a line each */
	const char *programs[2]; /* as Debian calls it; as a system without nf_tables does */
	const char *restores[2];
};

static const struct keeper keepers[] = {
	{"ip",
	 "/proc/net/ip_tables_names",
	 {"iptables-legacy", "iptables"},
	 {"iptables-legacy-restore", "iptables-restore"}},
	{"ip6",
	 "/proc/net/ip6_tables_names",
	 {"ip6tables-legacy", "ip6tables"},
	 {"ip6tables-legacy-restore", "ip6tables-restore"}},
};

enum { KEEPERS = sizeof(keepers) / sizeof(keepers[0]) };

/* NX_NOT_FOUND: the kernel has no such table. */
static enum nx_status table_find(const struct opener *opener, const struct keeper *keeper,
				 struct nx_error *error)
{
	FILE *file = fopen(keeper->names, "re");
	char line[64];
	bool found = false;

	if (!file && errno == ENOENT)
		return NX_NOT_FOUND;
	if (!file)
		return opener->services->fail(error, NX_UNAVAILABLE, NULL,
					      "%s cannot be read (%s): it is not known whether legacy "
					      "iptables drops what the tunnel forwards",
					      keeper->names, strerror(errno));
	while (!found && fgets(line, sizeof(line), file))
		found = strcmp(line, "filter\n") == 0;
	fclose(file);
	return found ? NX_OK : NX_NOT_FOUND;
}

/* A plain "iptables" may work on nf_tables, which are not meant here. */
static bool program_is_legacy(const struct opener *opener, const char *program)
{
	const char *const arguments[] = {program, "-V", NULL};
	char *text = NULL;

	if (opening_output(opener, arguments, &text, NULL) != NX_OK)
		return false;
	bool legacy = !strstr(text, "nf_tables");
	free(text);
	return legacy;
}

/* The table's chains and rules as `iptables -S` prints them, for free(); `*which` of the two programs did. */
static enum nx_status table_list(const struct opener *opener, const struct keeper *keeper, char **out,
				 size_t *which, struct nx_error *error)
{
	enum nx_status status = table_find(opener, keeper, error);

	if (status != NX_OK)
		return status;
	for (*which = 0; *which < 2; ++*which) {
		const char *const arguments[] = {keeper->programs[*which], "-w", "5", "-S", NULL};
		if (*which && !program_is_legacy(opener, arguments[0]))
			break;
		status = opening_output(opener, arguments, out, error);
		if (status != NX_UNSUPPORTED)
			return status;
	}
	return opener->services->fail(error, NX_UNSUPPORTED, NULL,
				      "the kernel has a legacy table that may drop what the tunnel forwards, "
				      "and there is no %s to change it: install iptables",
				      keeper->programs[0]);
}

/* --- reading lines ------------------------------------------------------------------------------------- */

static bool begins(const char *line, const char *beginning)
{
	return strncmp(line, beginning, strlen(beginning)) == 0;
}

static bool ends(const char *line, const char *end)
{
	size_t length = strlen(line), tail = strlen(end);

	return length >= tail && strcmp(line + length - tail, end) == 0;
}

/* A quote within a comment is printed with a backslash before it: nobody else's rule can end so. */
static bool is_ours(const struct opener *opener, const char *line)
{
	char mark[OPENING_MARK_ROOM], end[OPENING_MARK_ROOM + 64];

	opening_mark(opener, mark);
	snprintf(end, sizeof(end), " -m comment --comment \"%s\" -j ACCEPT", mark);
	return ends(line, end);
}

static bool line_has_chain(const char *line, const char *chain)
{
	char name[PLACE_NAME_ROOM];

	return (sscanf(line, "-N %127s", name) == 1 || sscanf(line, "-P %127s", name) == 1) &&
	       strcmp(name, chain) == 0;
}

static bool table_has_chain(const char *table, const char *chain)
{
	for (const char *line = table; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (line_has_chain(line, chain))
			return true;
	}
	return false;
}

struct judgement {
	bool closed, docker;
};

static void line_judge(struct judgement *judgement, const char *line)
{
	static const char docker[] = "-A FORWARD -j DOCKER-USER";

	if (strcmp(line, "-P FORWARD DROP") == 0)
		judgement->closed = true;
	if (!begins(line, "-A FORWARD "))
		return;
	/* What is neither let through nor watched only may end at another target, or in another chain. */
	if (!strstr(line, " -j ACCEPT") && !strstr(line, " -j LOG") && !strstr(line, " -j NFLOG") &&
	    (strstr(line, " -j ") || strstr(line, " -g ")))
		judgement->closed = true;
	if (strcmp(line, docker) == 0)
		judgement->docker = true;
}

static struct judgement table_judge(const struct opener *opener, char *table)
{
	struct judgement judgement = {0};
	char *rest = NULL;

	for (char *line = strtok_r(table, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (!is_ours(opener, line))
			line_judge(&judgement, line);
	}
	return judgement;
}

/* --- looking ----------------------------------------------------------------------------------------------
 */

static void gone_find(const struct keeper *keeper, const char *table, const struct places *known,
		      struct openings_view *out)
{
	for (size_t i = 0; i < known->count; i++) {
		const struct place *place = &known->list[i];
		if (place->legacy && strcmp(place->family, keeper->family) == 0 &&
		    !table_has_chain(table, place->chain))
			places_add(&out->gone, place);
	}
}

static bool keeper_known(const struct keeper *keeper, const struct places *known)
{
	for (size_t i = 0; i < known->count; i++) {
		if (known->list[i].legacy && strcmp(known->list[i].family, keeper->family) == 0)
			return true;
	}
	return false;
}

static enum nx_status keeper_look(const struct opener *opener, const struct keeper *keeper,
				  const struct firewall_wish *wish, const struct places *known,
				  struct openings_view *out, struct nx_error *error)
{
	bool wanted = wish && opening_count(wish, keeper->family);
	char *table = NULL;
	struct place place;
	size_t which;

	if (!wanted && !keeper_known(keeper, known))
		return NX_OK;
	enum nx_status status = table_list(opener, keeper, &table, &which, error);
	if (status == NX_NOT_FOUND)
		gone_find(keeper, "", known, out);
	if (status != NX_OK)
		return status == NX_NOT_FOUND ? NX_OK : status;
	gone_find(keeper, table, known, out);
	struct judgement judgement = table_judge(opener, table);
	free(table);
	if (wanted && judgement.closed &&
	    place_make(&place, true, keeper->family, "filter", judgement.docker ? "DOCKER-USER" : "FORWARD"))
		places_add(&out->closed, &place);
	return NX_OK;
}

enum nx_status opening_legacy_look(const struct opener *opener, const struct firewall_wish *wish,
				   const struct places *known, struct openings_view *out,
				   struct nx_error *error)
{
	enum nx_status worst = NX_OK;

	for (size_t i = 0; i < KEEPERS; i++) {
		enum nx_status status =
			keeper_look(opener, &keepers[i], wish, known, out, worst == NX_OK ? error : NULL);
		if (worst == NX_OK)
			worst = status;
	}
	return worst;
}

/* --- changing
 * ------------------------------------------------------------------------------------------------ */

/* Write what deletes our rules; answers how many there are. Takes the table apart. */
static size_t removal_write(FILE *out, const struct opener *opener, const struct place *place, char *table)
{
	char beginning[PLACE_NAME_ROOM + 8];
	size_t count = 0;
	char *rest = NULL;

	snprintf(beginning, sizeof(beginning), "-A %s ", place->chain);
	for (char *line = strtok_r(table, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (!begins(line, beginning) || !is_ours(opener, line))
			continue;
		fprintf(out, "-D%s\n", line + strlen("-A"));
		count++;
	}
	return count;
}

static enum nx_status text_apply(const struct opener *opener, const char *program, const char *text,
				 struct nx_error *error)
{
	const char *const arguments[] = {program, "--noflush", "--wait", "5", NULL};

	return opener->services->agent->run(opener->host, arguments, text, NULL, 0, error);
}

static enum nx_status table_change(const struct opener *opener, const char *program,
				   const struct place *place, char *table, const struct firewall_wish *wish,
				   bool anew, bool *changed, struct nx_error *error)
{
	size_t wanted = wish ? opening_count(wish, place->family) : 0, length;
	enum nx_status status = NX_OK;
	char *text = NULL;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return opener->services->fail(error, NX_INTERNAL, NULL, "no memory for the firewall's rules");
	fprintf(out, "*%s\n", place->table);
	size_t found = removal_write(out, opener, place, table);
	if (wanted)
		opening_write(out, opener, place, wish);
	fprintf(out, "COMMIT\n");
	bool whole = !ferror(out);
	if (fclose(out) != 0 || !whole)
		status = opener->services->fail(error, NX_INTERNAL, NULL,
						"no memory for the firewall's rules");
	else if (found != wanted || (anew && wanted)) {
		status = text_apply(opener, program, text, error);
		*changed = status == NX_OK;
	}
	free(text);
	return status;
}

enum nx_status opening_legacy_set(const struct opener *opener, const struct place *place,
				  const struct firewall_wish *wish, bool anew, bool *changed,
				  struct nx_error *error)
{
	const struct keeper *keeper = &keepers[strcmp(place->family, "ip6") == 0];
	char *table = NULL;
	size_t which = 0;
	enum nx_status status = table_list(opener, keeper, &table, &which, error);

	*changed = false;
	if (status != NX_OK)
		return status;
	status = table_change(opener, keeper->restores[which], place, table, wish, anew, changed, error);
	free(table);
	return status;
}
