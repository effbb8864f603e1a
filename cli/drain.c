/* SPDX-License-Identifier: Apache-2.0 */
/* nexctl nexd drain: ask the relay on this host to drain, and wait until its spokes have left. */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	TIMEOUT_SECONDS = 60,
	TIMEOUT_LIMIT = 86400,
	LOOK_MILLISECONDS = 250,
	/* The others hear that a spoke has moved when this host does: none is to be cut off in the middle. */
	SETTLE_MILLISECONDS = 1000,
};

static const char request_drain[] = "{\"command\":\"drain\"}";
static const char request_force[] = "{\"command\":\"drain\",\"force\":true}";
static const char request_undo[] = "{\"command\":\"drain\",\"undo\":true}";
static const char request_status[] = "{\"command\":\"status\"}";

static int64_t milliseconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_for(int64_t milliseconds)
{
	const struct timespec pause = {.tv_sec = milliseconds / 1000,
				       .tv_nsec = milliseconds % 1000 * 1000000};

	nanosleep(&pause, NULL);
}

static int timeout_read(const struct cli *cli, int64_t *seconds)
{
	const char *text = cli_value(cli, "timeout");
	char *end;

	*seconds = TIMEOUT_SECONDS;
	if (!text)
		return CLI_OK;
	errno = 0;
	*seconds = strtoll(text, &end, 10);
	if (!*text || *end || errno || *seconds < 0 || *seconds > TIMEOUT_LIMIT)
		return cli_usage(cli, "--timeout takes seconds, 0 to %d, not '%s'", TIMEOUT_LIMIT, text);
	return CLI_OK;
}

/* How many spokes are still behind the relay; -1 after saying why that is not known. */
static int64_t spokes_ask(const struct cli *cli, const char *request)
{
	NX_AUTO_JSON struct nx_json *answer = NULL;

	if (!cli_agent_ask(cli, request, NX_JSON_OBJECT, &answer))
		return -1;
	return nx_json_member_integer(answer, "spokes_behind", 0);
}

static void spokes_say(int64_t spokes)
{
	fprintf(stderr,
		spokes == 1 ? "%lld spoke is behind this relay\n" : "%lld spokes are behind this relay\n",
		(long long)spokes);
}

/* Wait until none is left or the time is over; how many are left, -1 after a failure. */
static int64_t spokes_wait(const struct cli *cli, int64_t spokes, int64_t seconds)
{
	int64_t deadline = milliseconds_now() + seconds * 1000;
	bool any = spokes > 0;

	if (any && seconds)
		fputs("Waiting for them to move to another relay. An interrupt ends the waiting alone; "
		      "--undo ends the draining.\n",
		      stderr);
	while (spokes > 0 && milliseconds_now() < deadline) {
		int64_t before = spokes;

		pause_for(LOOK_MILLISECONDS);
		spokes = spokes_ask(cli, request_status);
		if (spokes > 0 && spokes != before)
			spokes_say(spokes);
	}
	if (any && spokes == 0)
		pause_for(SETTLE_MILLISECONDS);
	return spokes;
}

static int drain_judge(int64_t spokes)
{
	if (spokes < 0)
		return CLI_FAILED;
	if (spokes == 0) {
		puts("No spoke is behind this relay any more: it can be stopped.");
		return CLI_OK;
	}
	fprintf(stderr, "nexctl: %lld still %s behind this relay; it goes on draining\n", (long long)spokes,
		spokes == 1 ? "is" : "are");
	return CLI_UNFINISHED;
}

static int undo(const struct cli *cli)
{
	if (spokes_ask(cli, request_undo) < 0)
		return CLI_FAILED;
	puts("This relay no longer drains. Hosts that have left it stay where they are.");
	return CLI_OK;
}

int cli_nexd_drain(struct cli *cli)
{
	bool force = cli_value(cli, "force") != NULL;
	int64_t seconds, spokes;
	int status = timeout_read(cli, &seconds);

	if (status != CLI_OK)
		return status;
	if (cli_value(cli, "undo"))
		return force || cli_value(cli, "timeout")
			       ? cli_usage(cli, "--undo goes with neither --force nor --timeout")
			       : undo(cli);
	spokes = spokes_ask(cli, force ? request_force : request_drain);
	if (spokes > 0)
		spokes_say(spokes);
	return drain_judge(spokes_wait(cli, spokes, seconds));
}
