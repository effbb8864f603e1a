/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/relay/diagnose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/relay/setting.h"

enum {
	TEXT_ROOM = 320,
	RULESET_ROOM = 1 << 20,
};

static void say(const struct nx_diagnosis *diagnosis, const char *check, enum nx_verdict verdict,
		const char *what, const char *remedy)
{
	const struct nx_finding finding = {
		.size = sizeof(finding), .check = check, .verdict = verdict, .what = what, .remedy = remedy};

	diagnosis->report(diagnosis->context, &finding);
}

/* --- the switches ----------------------------------------------------------------------- */

static void switches_tell(const struct nx_diagnosis *diagnosis)
{
	static const struct {
		const char *setting, *name;
	} switches[] = {
		{"net/ipv4/ip_forward", "net.ipv4.ip_forward"},
		{"net/ipv6/conf/all/forwarding", "net.ipv6.conf.all.forwarding"},
	};
	char what[TEXT_ROOM];
	bool all = true;

	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		int value;

		if (!setting_read(switches[i].setting, &value) || value != 0)
			continue;
		all = false;
		snprintf(what, sizeof(what), "this host is to forward, and %s is 0", switches[i].name);
		say(diagnosis, "forwarding", NX_VERDICT_PROBLEM, what,
		    "Start nexd, which turns it on; if it runs, find what turns it off (sysctl.d, another "
		    "program).");
	}
	if (all)
		say(diagnosis, "forwarding", NX_VERDICT_OK, "this host forwards", "");
}

/* --- the firewall ------------------------------------------------------------------------- */

static bool within(const char *begin, const char *end, const char *text)
{
	const char *found = memmem(begin, (size_t)(end - begin), text, strlen(text));

	return found != NULL;
}

static bool table_drops(const char *begin, const char *end, const char *mark)
{
	const char *hook = begin;

	if (within(begin, end, mark))
		return false;
	while ((hook = memmem(hook, (size_t)(end - hook), "hook forward", 12))) {
		const char *line = memchr(hook, '\n', (size_t)(end - hook));

		line = line ? line : end;
		if (within(hook, line, "policy drop"))
			return true;
		hook = line;
	}
	return false;
}

bool relay_ruleset_drops(const char *ruleset, const char *interface, char *table, size_t room)
{
	char mark[64];

	snprintf(mark, sizeof(mark), "comment \"nexodus %s\"", interface);
	while (*ruleset) {
		const char *next = strstr(ruleset, "\ntable ");
		const char *end = next ? next + 1 : ruleset + strlen(ruleset);

		if (strncmp(ruleset, "table ", 6) == 0 && table_drops(ruleset, end, mark)) {
			snprintf(table, room, "%.*s", (int)strcspn(ruleset + 6, "{\n"), ruleset + 6);
			table[strcspn(table, " ") + 1 + strcspn(table + strcspn(table, " ") + 1, " ")] = '\0';
			return true;
		}
		ruleset = end;
	}
	return false;
}

static void dropped_tell(const struct nx_diagnosis *diagnosis, const char *where)
{
	char what[TEXT_ROOM];

	snprintf(what, sizeof(what), "this host is to forward, and %s drops what is forwarded", where);
	say(diagnosis, "firewall", NX_VERDICT_PROBLEM, what,
	    "Start nexd, which puts rules of its own there; if it runs, its log says why it could not. Or "
	    "let "
	    "through there what comes in and goes out by the tunnel's interface.");
}

/* Does iptables-legacy drop, of which nft shows nothing? */
static bool legacy_drops(const struct nx_services *services, struct nx_host *host, const char *program,
			 const char *interface, char *rules)
{
	const char *const arguments[] = {program, "-S", NULL};
	char mark[64];

	snprintf(mark, sizeof(mark), "--comment \"nexodus %s\"", interface);
	return services->agent->run(host, arguments, NULL, rules, RULESET_ROOM, NULL) == NX_OK &&
	       strstr(rules, "-P FORWARD DROP") && !strstr(rules, mark);
}

static void firewall_tell(const struct nx_services *services, struct nx_host *host,
			  const struct nx_diagnosis *diagnosis, char *rules)
{
	static const char *const legacy[] = {"iptables-legacy", "ip6tables-legacy"};
	const char *const nft[] = {"nft", "list", "ruleset", NULL};
	struct nx_error error = {0};
	enum nx_status status = services->agent->run(host, nft, NULL, rules, RULESET_ROOM, &error);
	char table[64], where[96], what[TEXT_ROOM];
	bool drops = false;

	if (status != NX_OK) {
		snprintf(what, sizeof(what), "the firewall cannot be looked at: %.200s", error.message);
		say(diagnosis, "firewall", NX_VERDICT_UNKNOWN, what, "Ask as root, with nft installed.");
		return;
	}
	if (relay_ruleset_drops(rules, diagnosis->interface, table, sizeof(table))) {
		snprintf(where, sizeof(where), "the firewall's table %s", table);
		dropped_tell(diagnosis, where);
		drops = true;
	}
	for (size_t i = 0; i < sizeof(legacy) / sizeof(legacy[0]); i++) {
		if (!legacy_drops(services, host, legacy[i], diagnosis->interface, rules))
			continue;
		snprintf(where, sizeof(where), "the chain FORWARD of %s", legacy[i]);
		dropped_tell(diagnosis, where);
		drops = true;
	}
	if (!drops)
		say(diagnosis, "firewall", NX_VERDICT_OK, "no firewall drops what this host forwards", "");
}

void relay_diagnose(const struct nx_services *services, struct nx_host *host, bool forwards,
		    const struct nx_diagnosis *diagnosis)
{
	if (!forwards && !diagnosis->child_prefix_count) {
		say(diagnosis, "forwarding", NX_VERDICT_OK, "this host is not to forward for others", "");
		return;
	}
	switches_tell(diagnosis);
	char *rules = calloc(1, RULESET_ROOM);
	if (!rules)
		return;
	firewall_tell(services, host, diagnosis, rules);
	free(rules);
}
