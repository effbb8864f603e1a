/* SPDX-License-Identifier: Apache-2.0 */
/* The types of configuration values. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/config_internal.h"
#include "base/memory.h"

static enum nx_status check_bounds(const struct nx_config_key *key, const char *text, int64_t value,
				   const char *unit, struct nx_error *error)
{
	if (value >= key->minimum && value <= key->maximum)
		return NX_OK;
	return nx_fail(error, NX_INVALID, NULL,
		       "\"%.64s\" is out of bounds; expected %" PRId64 " to %" PRId64 "%s", text,
		       key->minimum, key->maximum, unit);
}

/* Digits with an optional minus; answers the first byte behind them, NULL when there are none. */
static const char *read_integer(const char *text, int64_t *out)
{
	char *end;

	if (text[text[0] == '-'] < '0' || text[text[0] == '-'] > '9')
		return NULL;
	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno ? NULL : end;
}

static enum nx_status parse_integer(const struct nx_config_key *key, const char *text, int64_t *number,
				    struct nx_error *error)
{
	const char *end = read_integer(text, number);

	if (!end || *end)
		return nx_fail(error, NX_INVALID, NULL,
			       "\"%.64s\" is no whole number; expected %" PRId64 " to %" PRId64, text,
			       key->minimum, key->maximum);
	return check_bounds(key, text, *number, "", error);
}

static int64_t unit_seconds(const char *unit)
{
	static const struct {
		const char *name;
		int64_t seconds;
	} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};

	for (size_t i = 0; i < NX_COUNT(units); i++) {
		if (strcmp(unit, units[i].name) == 0)
			return units[i].seconds;
	}
	return 0;
}

static enum nx_status parse_duration(const struct nx_config_key *key, const char *text, int64_t *number,
				     struct nx_error *error)
{
	const char *end = read_integer(text, number);
	int64_t unit = end ? unit_seconds(end) : 0;

	if (unit == 0 || __builtin_mul_overflow(*number, unit, number))
		return nx_fail(error, NX_INVALID, NULL,
			       "\"%.64s\" is no duration; expected seconds, or a number and s, m, h or d "
			       "(\"90\", \"5m\")",
			       text);
	return check_bounds(key, text, *number, " seconds", error);
}

static enum nx_status parse_boolean(const char *text, int64_t *number, struct nx_error *error)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};

	for (size_t i = 0; i < NX_COUNT(words); i++) {
		if (strcasecmp(text, words[i]) == 0) {
			*number = (int64_t)i % 2;
			return NX_OK;
		}
	}
	return nx_fail(error, NX_INVALID, NULL,
		       "\"%.64s\" is neither yes nor no; expected true, false, yes, no, on, off, 1 or 0",
		       text);
}

/* "200:/64" and its like: an address that ends in one colon where two were meant. */
static bool guess_prefix(const char *text, char guess[static NX_ADDRESS_TEXT])
{
	const char *slash = strchr(text, '/');
	struct nx_prefix prefix;

	if (!slash || slash == text || slash[-1] != ':')
		return false;
	snprintf(guess, NX_ADDRESS_TEXT, "%.*s:%s", (int)(slash - text), text, slash);
	return nx_prefix_parse(guess, &prefix);
}

/* No prefix at all is fine where that is the default. */
static enum nx_status parse_prefix(const struct nx_config_key *key, const char *text, struct nx_error *error)
{
	char guess[NX_ADDRESS_TEXT];
	struct nx_prefix prefix;

	if (nx_prefix_parse(text, &prefix) || (text[0] == '\0' && key->fallback[0] == '\0'))
		return NX_OK;
	if (guess_prefix(text, guess))
		return nx_fail(error, NX_INVALID, NULL, "\"%.64s\" is no address prefix; did you mean %s?",
			       text, guess);
	return nx_fail(error, NX_INVALID, NULL, "\"%.64s\" is no address prefix; expected address/length",
		       text);
}

enum nx_status config_value_parse(const struct nx_config_key *key, const char *text, int64_t *number,
				  struct nx_error *error)
{
	*number = 0;
	switch (key->type) {
	case NX_CONFIG_STRING:
		return NX_OK;
	case NX_CONFIG_INTEGER:
		return parse_integer(key, text, number, error);
	case NX_CONFIG_BOOLEAN:
		return parse_boolean(text, number, error);
	case NX_CONFIG_DURATION:
		return parse_duration(key, text, number, error);
	case NX_CONFIG_PREFIX:
		return parse_prefix(key, text, error);
	}
	return nx_fail(error, NX_INVALID, NULL, "type %d is not known here", (int)key->type);
}
