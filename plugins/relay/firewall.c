/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/relay/firewall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The families, as nft names them. */
static const struct {
	uint8_t length;
	const char *set;
	const char *type;
	const char *protocol;
} families[] = {
	{4, "networks_v4", "ipv4_addr", "ip"},
	{16, "networks_v6", "ipv6_addr", "ip6"},
};

enum { FAMILY_COUNT = sizeof(families) / sizeof(families[0]) };

bool firewall_name_fit(const char *interface)
{
	size_t length = strlen(interface);

	return length >= 1 && length <= 15 &&
	       strspn(interface, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
		       length;
}

static bool family_used(const struct firewall_wish *wish, size_t family)
{
	for (size_t i = 0; i < wish->network_count; i++) {
		if (wish->networks[i].address.length == families[family].length)
			return true;
	}
	return false;
}

static void set_write(FILE *out, const struct nx_services *services, const struct firewall_wish *wish,
		      size_t family)
{
	const char *comma = "";
	char text[NX_ADDRESS_TEXT];

	fprintf(out, "\tset %s {\n\t\ttype %s\n\t\tflags interval\n\t\tauto-merge\n\t\telements = {",
		families[family].set, families[family].type);
	for (size_t i = 0; i < wish->network_count; i++) {
		if (wish->networks[i].address.length != families[family].length)
			continue;
		fprintf(out, "%s %s", comma, services->address->prefix_format(&wish->networks[i], text));
		comma = ",";
	}
	fprintf(out, " }\n\t}\n");
}

static void chain_write(FILE *out, const struct firewall_wish *wish)
{
	fprintf(out, "\tchain forward {\n"
		     "\t\ttype filter hook forward priority filter; policy accept;\n");
	if (wish->relay)
		fprintf(out, "\t\tiifname \"%s\" oifname \"%s\" accept\n", wish->interface, wish->interface);
	for (size_t i = 0; i < FAMILY_COUNT; i++) {
		if (family_used(wish, i))
			fprintf(out, "\t\tiifname \"%s\" %s daddr @%s accept\n", wish->interface,
				families[i].protocol, families[i].set);
	}
	fprintf(out,
		"\t\tiifname \"%s\" ct state established,related accept\n"
		"\t\tiifname \"%s\" ct status dnat accept\n"
		"\t\tiifname \"%s\" drop\n"
		"\t}\n",
		wish->interface, wish->interface, wish->interface);
}

static void translation_write(FILE *out, const struct firewall_wish *wish)
{
	fprintf(out, "\tchain postrouting {\n"
		     "\t\ttype nat hook postrouting priority srcnat; policy accept;\n");
	for (size_t i = 0; i < FAMILY_COUNT; i++) {
		if (family_used(wish, i))
			fprintf(out, "\t\tiifname \"%s\" oifname != \"%s\" %s daddr @%s masquerade\n",
				wish->interface, wish->interface, families[i].protocol, families[i].set);
	}
	fprintf(out, "\t}\n");
}

/* Deleting is an error where there is no table, so one is added first: then the pair always works. */
#define REMOVAL "add table inet nexodus_%s\ndelete table inet nexodus_%s\n"

static void ruleset_write(FILE *out, const struct nx_services *services, const struct firewall_wish *wish)
{
	fprintf(out, REMOVAL, wish->interface, wish->interface);
	fprintf(out, "table inet nexodus_%s {\n", wish->interface);
	for (size_t i = 0; i < FAMILY_COUNT; i++) {
		if (family_used(wish, i))
			set_write(out, services, wish, i);
	}
	chain_write(out, wish);
	if (wish->translate && wish->network_count)
		translation_write(out, wish);
	fprintf(out, "}\n");
}

char *firewall_text(const struct nx_services *services, const struct firewall_wish *wish)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	ruleset_write(out, services, wish);
	bool whole = !ferror(out);
	if (fclose(out) == 0 && whole)
		return text;
	free(text);
	return NULL;
}

static enum nx_status nft_run(const struct nx_services *services, struct nx_host *host, const char *input,
			      struct nx_error *error)
{
	const char *const arguments[] = {"nft", "-f", "-", NULL};

	return services->agent->run(host, arguments, input, NULL, 0, error);
}

enum nx_status firewall_set(const struct nx_services *services, struct nx_host *host,
			    const struct firewall_wish *wish, struct nx_error *error)
{
	char *text = firewall_text(services, wish);

	if (!text)
		return services->fail(error, NX_INTERNAL, NULL, "no memory for the firewall's rules");
	enum nx_status status = nft_run(services, host, text, error);
	free(text);
	return status;
}

enum nx_status firewall_remove(const struct nx_services *services, struct nx_host *host,
			       const char *interface, struct nx_error *error)
{
	char text[128];

	snprintf(text, sizeof(text), REMOVAL, interface, interface);
	return nft_run(services, host, text, error);
}
