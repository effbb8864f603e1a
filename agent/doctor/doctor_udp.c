/* SPDX-License-Identifier: Apache-2.0 */
/* Does a STUN request to each server get its answer? An ordinary socket will do: it is about the way, not the
 * port. */
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/doctor/doctor.h"
#include "base/memory.h"
#include "base/stun.h"

enum {
	TRIES = 3,
	TRY_MILLISECONDS = 700,
	SERVERS_ROOM = 256,
};

static void results_free(struct addrinfo **results)
{
	if (*results)
		freeaddrinfo(*results);
}

static bool answer_read(int descriptor, const struct nx_stun_transaction *transaction)
{
	uint8_t room[NX_STUN_MESSAGE_BYTES];
	struct nx_stun_message message;
	ssize_t got = recv(descriptor, room, sizeof(room), MSG_DONTWAIT);

	return got > 0 && nx_stun_read(room, (size_t)got, &message, NULL) == NX_OK &&
	       memcmp(&message.transaction, transaction, sizeof(*transaction)) == 0;
}

static bool address_ask(const struct addrinfo *address)
{
	NX_AUTO_CLOSE int descriptor = socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct nx_stun_transaction transaction;
	uint8_t request[NX_STUN_MESSAGE_BYTES];
	size_t length;

	if (descriptor < 0 || connect(descriptor, address->ai_addr, address->ai_addrlen) != 0)
		return false;
	randombytes_buf(&transaction, sizeof(transaction));
	length = nx_stun_write_request(&transaction, request);
	for (int i = 0; i < TRIES; i++) {
		struct pollfd waiting = {.fd = descriptor, .events = POLLIN};

		(void)!send(descriptor, request, length, 0);
		if (poll(&waiting, 1, TRY_MILLISECONDS) > 0 && answer_read(descriptor, &transaction))
			return true;
	}
	return false;
}

/* "host:port" or "[address]:port". */
static bool server_ask(const char *server)
{
	NX_CLEANUP(results_free) struct addrinfo *results = NULL;
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG};
	const char *colon = strrchr(server, ':');
	size_t length = colon ? (size_t)(colon - server) : 0;
	char host[SERVERS_ROOM];

	if (!length || length >= sizeof(host))
		return false;
	if (*server == '[' && server[length - 1] == ']') {
		server++;
		length -= 2;
	}
	memcpy(host, server, length);
	host[length] = '\0';
	if (getaddrinfo(host, colon + 1, &hints, &results) != 0)
		return false;
	for (const struct addrinfo *address = results; address; address = address->ai_next) {
		if (address_ask(address))
			return true;
	}
	return false;
}

/* The operator's servers, else those that the service named last, else none. */
static bool servers_known(const struct nx_options *options, struct nx_stun_servers *restored,
			  const struct nx_stun_servers **out)
{
	const struct nx_state state = {.directory = options->state_directory, .lock = -1};

	*out = options->stun_given ? &options->stun : restored;
	return options->stun_given || nx_stun_answer_restore(&state, options->service_url, restored);
}

static void outcome_tell(bool answered, bool known, bool service_answers,
			 const struct nx_diagnosis *diagnosis)
{
	if (answered)
		nx_doctor_say(diagnosis, "udp", NX_VERDICT_OK, "", "UDP gets out, and answers come back");
	else if (!service_answers)
		nx_doctor_say(diagnosis, "udp", NX_VERDICT_UNKNOWN, "",
			      "without a way to the service nothing can be said of UDP");
	else if (known)
		nx_doctor_say(diagnosis, "udp", NX_VERDICT_PROBLEM,
			      "Let UDP out through the firewall of this host and of its network.",
			      "UDP seems to be blocked: no STUN server answers, while the service does");
	else
		nx_doctor_say(diagnosis, "udp", NX_VERDICT_WARNING,
			      "Let UDP out through the firewall, unless the service runs without STUN.",
			      "UDP may be blocked: no STUN server answers where the service is");
}

void nx_doctor_udp(const struct nx_options *options, bool service_answers,
		   const struct nx_diagnosis *diagnosis)
{
	NX_AUTO_FREE char *host = nx_service_url_host(options->service_url);
	struct nx_stun_servers restored = {0};
	const struct nx_stun_servers *servers;
	bool known = servers_known(options, &restored, &servers), answered = false;
	char guess[SERVERS_ROOM + 8];

	snprintf(guess, sizeof(guess), "%.*s:%d", SERVERS_ROOM - 1, host, NX_STUN_PORT);
	if (known && !servers->count)
		nx_doctor_say(diagnosis, "udp", NX_VERDICT_UNKNOWN, "", "there is no STUN server to ask");
	for (size_t i = 0; known && i < servers->count && !answered; i++)
		answered = server_ask(servers->items[i]);
	if (!known)
		answered = server_ask(guess);
	if (!known || servers->count)
		outcome_tell(answered, known, service_answers, diagnosis);
	nx_stun_servers_release(&restored);
}
