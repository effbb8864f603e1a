/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords: the first line of a file or of standard input; on a terminal asked for, unseen. */
#include "cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/secret.h"

#define PASSWORD_LIMIT 1024

static volatile sig_atomic_t caught_signal;

static void signal_catch(int number)
{
	caught_signal = number;
}

/*
 * A terminal that does not show what is typed, and the signals that may end that early. They are let in only
 * while input is waited for: one that came just before would be forgotten otherwise, and the wait go on.
 */
struct quiet {
	bool terminal;
	struct termios old;
	sigset_t mask; /* as it was */
	struct sigaction actions[4];
};

static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

static void quiet_begin(struct quiet *quiet, const char *prompt)
{
	const struct sigaction action = {.sa_handler = signal_catch};
	struct termios terminal;
	sigset_t held;

	quiet->terminal = tcgetattr(STDIN_FILENO, &quiet->old) == 0;
	if (!quiet->terminal)
		return;
	sigemptyset(&held);
	for (size_t i = 0; i < NX_COUNT(ending_signals); i++)
		sigaddset(&held, ending_signals[i]);
	sigprocmask(SIG_BLOCK, &held, &quiet->mask);
	for (size_t i = 0; i < NX_COUNT(ending_signals); i++)
		sigaction(ending_signals[i], &action, &quiet->actions[i]);
	terminal = quiet->old;
	terminal.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal);
	fprintf(stderr, "%s: ", prompt);
}

/* Also after a signal, which then has the effect that it would have had. */
static void quiet_end(const struct quiet *quiet)
{
	if (!quiet->terminal)
		return;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet->old);
	fputc('\n', stderr);
	for (size_t i = 0; i < NX_COUNT(ending_signals); i++)
		sigaction(ending_signals[i], &quiet->actions[i], NULL);
	sigprocmask(SIG_SETMASK, &quiet->mask, NULL);
	if (caught_signal)
		raise(caught_signal);
}

/* False: a signal came first. */
static bool input_wait(const struct quiet *quiet)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	while (quiet->terminal && ppoll(&input, 1, NULL, &quiet->mask) < 0) {
		if (caught_signal || errno != EINTR)
			return false;
	}
	return true;
}

/*
 * Into line[PASSWORD_LIMIT], byte by byte: nothing is left in a buffer of stdio's, and what follows
 * the line is left for the next question. False at the end of input and when the line is too long.
 */
static bool line_read(const struct quiet *quiet, char *line)
{
	for (size_t length = 0; length < PASSWORD_LIMIT; length++) {
		ssize_t got = input_wait(quiet) ? read(STDIN_FILENO, line + length, 1) : -1;

		if (got < 0 || (got == 0 && length == 0))
			return false;
		if (got == 0 || line[length] == '\n') {
			line[length] = '\0';
			return true;
		}
	}
	return false;
}

static char *password_ask(const char *prompt)
{
	char line[PASSWORD_LIMIT];
	char *password = NULL;
	struct quiet quiet;

	quiet_begin(&quiet, prompt);
	if (line_read(&quiet, line))
		password = nx_strdup(line);
	else if (!caught_signal)
		fputs("nexctl: no password was given, or one that is too long", stderr);
	nx_wipe(line, sizeof(line));
	if (!password && !quiet.terminal)
		fputc('\n', stderr);
	quiet_end(&quiet);
	return password;
}

char *cli_password_read(const char *file, const char *prompt)
{
	struct nx_error error;
	char *password = NULL;

	if (!file || strcmp(file, "-") == 0)
		password = password_ask(prompt);
	else if (nx_file_read(file, PASSWORD_LIMIT, &password, NULL, &error) != NX_OK)
		fprintf(stderr, "nexctl: %s\n", error.message);
	if (password)
		password[strcspn(password, "\r\n")] = '\0';
	return password;
}

char *cli_password_choose(const char *file)
{
	char *password = cli_password_read(file, "New password");
	char *again;
	bool same;

	if (!password || strcmp(file, "-") != 0 || !isatty(STDIN_FILENO))
		return password;
	again = cli_password_read(file, "Once more");
	same = again && strcmp(password, again) == 0;
	if (again && !same)
		fputs("nexctl: these were two different passwords\n", stderr);
	cli_password_forget(again);
	if (same)
		return password;
	cli_password_forget(password);
	return NULL;
}

void cli_password_forget(char *password)
{
	if (password)
		nx_wipe(password, strlen(password));
	free(password);
}
