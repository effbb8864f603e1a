/* SPDX-License-Identifier: Apache-2.0 */
/* The agent on this host, asked through its control socket: one line of JSON each way. */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

#define DEFAULT_SOCKET "/run/nexd/nexd.sock"
#define ANSWER_LIMIT (256u << 20)

static const char *socket_path(const struct cli *cli)
{
	const char *path = cli_value(cli, "socket");

	if (!path)
		path = getenv("NEXD_CONTROL_SOCKET");
	return path && *path ? path : DEFAULT_SOCKET;
}

/* -1 with errno set. */
static int socket_open(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	const struct timeval limit = {.tv_sec = 30};
	int fd, number;

	if (strlen(path) >= sizeof(name.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	memcpy(name.sun_path, path, strlen(path));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (const struct sockaddr *)&name, sizeof(name)) == 0)
		return fd;
	number = errno;
	close(fd);
	errno = number;
	return -1;
}

static int agent_connect(const char *path)
{
	int fd = socket_open(path);

	if (fd >= 0)
		return fd;
	if (errno == ENAMETOOLONG)
		fprintf(stderr, "nexctl: '%s' is too long for a socket's path\n", path);
	else
		fprintf(stderr, "nexctl: cannot reach nexd at %s: %s.\n%s\n", path, strerror(errno),
			errno == EACCES ? "Ask as root or as a member of the socket's group."
					: "Is nexd running on this host? Another socket: --socket PATH.");
	return -1;
}

static bool answer_read(int fd, struct nx_buffer *answer)
{
	char chunk[16384];
	ssize_t got;

	while ((got = read(fd, chunk, sizeof(chunk))) > 0 && answer->length < ANSWER_LIMIT) {
		nx_buffer_append(answer, chunk, (size_t)got);
		if (chunk[got - 1] == '\n')
			return true;
	}
	return answer->length && got == 0;
}

static bool answer_judge(const struct nx_json *answer, enum nx_json_type type)
{
	const struct nx_json *problem = nx_json_member(answer, "error");

	if (nx_json_string(problem)) {
		cli_say_value("nexctl: nexd: ", problem);
		fputc('\n', stderr);
		return false;
	}
	if (answer && nx_json_type(answer) == type)
		return true;
	fputs("nexctl: nexd did not answer in a form this nexctl understands\n", stderr);
	return false;
}

/* NULL when there is no answer, or none that can be read. */
static struct nx_json *agent_exchange(int fd, const char *request)
{
	NX_AUTO_FREE char *line = nx_printf("%s\n", request);
	struct nx_buffer answer = {0};
	struct nx_json *said = NULL;

	if (send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line) && answer_read(fd, &answer))
		nx_json_parse(answer.data, answer.length, &said, NULL);
	nx_buffer_free(&answer);
	return said;
}

bool cli_agent_ask(const struct cli *cli, const char *request, enum nx_json_type type, struct nx_json **out)
{
	NX_AUTO_CLOSE int fd = agent_connect(socket_path(cli));

	if (fd < 0)
		return false;
	*out = agent_exchange(fd, request);
	return answer_judge(*out, type);
}

int cli_agent_status(const struct cli *cli, struct nx_json **out)
{
	NX_AUTO_CLOSE int fd = socket_open(socket_path(cli));

	*out = NULL;
	if (fd < 0)
		return errno;
	*out = agent_exchange(fd, "{\"command\":\"status\"}");
	if (nx_json_member(*out, "state"))
		return 0;
	nx_json_free(*out);
	*out = NULL;
	return EPROTO;
}

static bool agent_ask(const struct cli *cli, const char *command, enum nx_json_type type,
		      struct nx_json **out)
{
	NX_AUTO_FREE char *request = nx_printf("{\"command\":\"%s\"}", command);

	return cli_agent_ask(cli, request, type, out);
}

static void line_print(const char *label, const struct nx_buffer *text)
{
	struct nx_buffer harmless = {0};

	cli_render_text(label, &harmless);
	printf("%-18s %s\n", harmless.data ? harmless.data : "", text->data);
	nx_buffer_free(&harmless);
}

static void value_line(const struct nx_json *value)
{
	struct nx_buffer text = {0};

	if (nx_json_type(value) == NX_JSON_ARRAY || nx_json_type(value) == NX_JSON_OBJECT)
		return;
	cli_render_value(value, &text);
	if (text.length)
		line_print(nx_json_name(value), &text);
	nx_buffer_free(&text);
}

static void address_render(const char *address, const char *prefix, struct nx_buffer *into)
{
	cli_render_text(address, into);
	nx_buffer_text(into, " in ");
	cli_render_text(prefix, into);
}

static void family_line(const struct nx_json *family)
{
	const char *address = nx_json_member_string(family, "address", "");
	const char *second = nx_json_member_string(family, "second_address", "");
	const char *reason = nx_json_member_string(family, "reason", "");
	struct nx_buffer text = {0};

	if (*address) {
		address_render(address, nx_json_member_string(family, "prefix", "?"), &text);
		if (*second) {
			nx_buffer_text(&text, ", and ");
			address_render(second, nx_json_member_string(family, "second_prefix", "?"), &text);
		}
	} else {
		nx_buffer_text(&text, *reason ? "none: " : "none");
		cli_render_text(reason, &text);
	}
	line_print(nx_json_member_string(family, "label", "?"), &text);
	nx_buffer_free(&text);
}

static void status_print(const struct nx_json *status)
{
	const struct nx_json *peers = nx_json_member(status, "peers");
	const struct nx_json *families = nx_json_member(status, "families");

	for (const struct nx_json *value = nx_json_first(status); value; value = nx_json_next(value))
		value_line(value);
	for (size_t i = 0; i < nx_json_length(families); i++)
		family_line(nx_json_element(families, i));
	printf("%-18s %lld in all, %lld direct, %lld relayed\n", "peers",
	       (long long)nx_json_member_integer(peers, "total", 0),
	       (long long)nx_json_member_integer(peers, "direct", 0),
	       (long long)nx_json_member_integer(peers, "relayed", 0));
}

static int nexd_status(struct cli *cli)
{
	NX_AUTO_JSON struct nx_json *status = NULL;

	if (!agent_ask(cli, "status", NX_JSON_OBJECT, &status))
		return CLI_FAILED;
	if (cli->output == CLI_JSON || cli->output == CLI_JSON_RAW)
		cli_print(cli, status, NULL, 0);
	else
		status_print(status);
	return CLI_OK;
}

static void addresses_render(const struct nx_json *row, struct nx_buffer *into)
{
	cli_render_list(row, "addresses", into);
}

static void handshake_render(const struct nx_json *row, struct nx_buffer *into)
{
	int64_t when = nx_json_member_integer(row, "last_handshake", 0);
	int64_t ago = time(NULL) - when;

	if (when > 0 && ago >= 0)
		nx_buffer_printf(into, "%lld s ago", (long long)ago);
	else if (when > 0)
		nx_buffer_text(into, "in the future: the clock was set back");
}

/* "IPv4 0.41 ms, IPv6 0.44 ms" */
static void latency_render(const struct nx_json *row, struct nx_buffer *into)
{
	const struct nx_json *list = nx_json_member(row, "latency");
	const char *separator = "";

	for (const struct nx_json *item = nx_json_first(list); item; item = nx_json_next(item)) {
		if (!nx_json_member_integer(item, "received", 0))
			continue;
		nx_buffer_text(into, separator);
		cli_render_text(nx_json_member_string(item, "label", "?"), into);
		nx_buffer_printf(into, " %.2f ms",
				 (double)nx_json_member_integer(item, "microseconds", 0) / 1000);
		separator = ", ";
	}
}

/* "IPv4 0 %, IPv6 20 %" */
static void loss_render(const struct nx_json *row, struct nx_buffer *into)
{
	const struct nx_json *list = nx_json_member(row, "latency");
	const char *separator = "";

	for (const struct nx_json *item = nx_json_first(list); item; item = nx_json_next(item)) {
		int64_t sent = nx_json_member_integer(item, "sent", 0);
		int64_t lost = sent - nx_json_member_integer(item, "received", 0);

		nx_buffer_text(into, separator);
		cli_render_text(nx_json_member_string(item, "label", "?"), into);
		if (sent > 0)
			nx_buffer_printf(into, " %lld %%", (long long)(100 * lost / sent));
		else
			nx_buffer_text(into, " cannot be sent");
		separator = ", ";
	}
}

static const struct cli_column peer_columns[] = {
	{"HOSTNAME", "hostname", NULL},
	{"ADDRESSES", NULL, addresses_render},
	{"PATH", "path", NULL},
	{"VIA", "via", NULL},
	{"ENDPOINT", "endpoint", NULL},
	{"UNDERLAY", "underlay", NULL},
	{"LAST HANDSHAKE", NULL, handshake_render},
	{"LATENCY", NULL, latency_render},
	{"LOSS", NULL, loss_render},
	{"RECEIVED", "received_bytes", NULL},
	{"SENT", "sent_bytes", NULL},
	{"PUBLIC KEY", "public_key", NULL},
	{"WHY", "reason", NULL},
};

static int nexd_peers(struct cli *cli)
{
	NX_AUTO_JSON struct nx_json *peers = NULL;
	const char *request = cli_value(cli, "quick") ? "{\"command\":\"peers\"}"
						      : "{\"command\":\"peers\",\"measure\":true}";

	if (!cli_agent_ask(cli, request, NX_JSON_ARRAY, &peers))
		return CLI_FAILED;
	cli_print(cli, peers, peer_columns, NX_COUNT(peer_columns));
	return CLI_OK;
}

static const struct cli_column version_columns[] = {
	{"NEXD", "version", NULL},
};

static int nexd_version(struct cli *cli)
{
	NX_AUTO_JSON struct nx_json *version = NULL;

	if (!agent_ask(cli, "version", NX_JSON_OBJECT, &version))
		return CLI_FAILED;
	cli_print(cli, version, version_columns, NX_COUNT(version_columns));
	return CLI_OK;
}

#define SOCKET_OPTION                                                                                        \
	{                                                                                                    \
		"socket", "PATH", "nexd's control socket (NEXD_CONTROL_SOCKET; default " DEFAULT_SOCKET ")", \
			false                                                                                \
	}

static const struct cli_option socket_options[] = {SOCKET_OPTION};

static const struct cli_option peers_options[] = {
	{"quick", NULL, "do not measure latency and loss, which takes a second", false},
	SOCKET_OPTION,
};

static const struct cli_option drain_options[] = {
	{"undo", NULL, "let hosts choose this relay again", false},
	{"force", NULL, "drain even if there is no other relay", false},
	{"timeout", "SECONDS",
	 "how long to wait for spokes to leave (default 60; 0 only says how many are left)", false},
	SOCKET_OPTION,
};

static const struct cli_option doctor_options[] = {
	{"socket", "PATH", "nexd's control socket (NEXD_CONTROL_SOCKET; default " DEFAULT_SOCKET ")", false},
	{"nexd", "FILE", "the program nexd, which does the looking (default " NEXODUS_NEXD ")", false},
};

const struct cli_verb cli_nexd_verbs[] = {
	{"nexd",
	 "status",
	 {0},
	 "how the agent on this host stands",
	 CLI_OPTIONS(socket_options),
	 nexd_status},
	{"nexd", "peers", {0}, "whom it reaches, and how", CLI_OPTIONS(peers_options), nexd_peers},
	{"nexd",
	 "drain",
	 {0},
	 "have the spokes of this relay move to another one",
	 CLI_OPTIONS(drain_options),
	 cli_nexd_drain},
	{"nexd",
	 "doctor",
	 {0},
	 "what is wrong on this host, and what to do; exits with 0, 4 (warnings) or 5 (problems)",
	 CLI_OPTIONS(doctor_options),
	 cli_nexd_doctor},
	{"nexd", "version", {0}, "the agent's version", CLI_OPTIONS(socket_options), nexd_version},
	{0},
};
