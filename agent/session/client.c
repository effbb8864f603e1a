/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/session/client.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/loop.h"
#include "agent/session/client_failure.h"
#include "base/address.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/secret.h"

enum {
	CONNECT_SECONDS = 10,
	ANSWER_SECONDS = 30, /* a whole answer; for a stream its first line */
	/* A connection on which nothing comes is probed after this long and then this often; it is dead when
	 * it has been silent for as long as the last says, and a probe has not been answered either. */
	KEEPALIVE_SECONDS = 20,
	KEEPALIVE_PROBE_SECONDS = 5,
	SILENCE_MILLISECONDS = 20000,
	HEADER_BYTES = 65536, /* all that an answer says before its body */
};

struct nx_client {
	uv_loop_t *loop;
	CURLM *multi;
	struct nx_timer *timer; /* libcurl's */
	struct nx_timer *begin; /* calls may be made while libcurl calls us, but not begun */
	struct nx_call *calls;	/* all under way */
	char *base;		/* the service's URL without a slash at its end */
	char *ca_file;		/* NULL: the system's */
	struct nx_address address, local;
};

struct nx_call {
	struct nx_client *client;
	struct nx_call *previous, *next;
	CURL *easy;
	struct curl_slist *headers;
	char *bearer_line;	   /* a secret: wiped before it is freed */
	struct nx_timer *deadline; /* streams: until the answer begins */
	bool (*data)(void *context, const char *data, size_t length);
	void (*done)(void *context, const struct nx_answer *answer);
	void *context;
	struct nx_buffer body;
	size_t header_bytes; /* so far */
	const char *refusal; /* why we ended it */
	bool begun;	     /* libcurl has it */
	bool inside;	     /* libcurl is calling us for this call */
	bool cancelled;	     /* from inside: it ends as soon as libcurl is done with it */
	char failure[CURL_ERROR_SIZE];
};

/* A connection that libcurl wants watched. */
struct watched {
	uv_poll_t poll;
	struct nx_client *client;
	curl_socket_t socket;
};

/* --- calls ----------------------------------------------------------------------------- */

static void call_free(struct nx_call *call)
{
	if (call->previous)
		call->previous->next = call->next;
	else
		call->client->calls = call->next;
	if (call->next)
		call->next->previous = call->previous;
	if (call->begun)
		curl_multi_remove_handle(call->client->multi, call->easy);
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	if (call->bearer_line)
		nx_wipe(call->bearer_line, strlen(call->bearer_line));
	free(call->bearer_line);
	nx_timer_free(call->deadline);
	nx_buffer_free(&call->body);
	free(call);
}

void nx_call_cancel(struct nx_call *call)
{
	if (!call)
		return;
	call->cancelled = true;
	if (!call->inside)
		call_free(call);
}

/* Only the stream's own end is of interest: it is the connection that lasts. */
static void address_learn(struct nx_client *client, const struct nx_call *call)
{
	CURL *easy = call->easy;
	const char *text = NULL;

	if (curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &text) == CURLE_OK && text && *text)
		(void)nx_address_parse(text, &client->address);
	if (call->data && curl_easy_getinfo(easy, CURLINFO_LOCAL_IP, &text) == CURLE_OK && text && *text)
		(void)nx_address_parse(text, &client->local);
}

static void call_finish(struct nx_call *call, CURLcode result)
{
	struct nx_answer answer = {.body = call->body.data ? call->body.data : "",
				   .length = call->body.length};
	curl_off_t retry_after = 0;
	char failure[CURL_ERROR_SIZE + 64];

	if (call->cancelled) {
		call_free(call);
		return;
	}
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &answer.status);
	curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after);
	answer.retry_after = retry_after;
	address_learn(call->client, call);
	if (call->refusal) {
		answer.failure = call->refusal;
	} else if (result != CURLE_OK) {
		nx_client_failure_write(call->easy, result, call->failure, failure, sizeof(failure));
		answer.failure = failure;
	}
	/* An ordinary answer that was cut is none. */
	if (answer.failure && !call->data)
		answer.status = 0;
	call->inside = true;
	call->done(call->context, &answer);
	call_free(call);
}

/* --- what libcurl delivers ---------------------------------------------------------------- */

static size_t call_refuse(struct nx_call *call, const char *why)
{
	call->refusal = why;
	return 0; /* fewer bytes than offered: libcurl ends the transfer */
}

static long call_status(const struct nx_call *call)
{
	long status = 0;

	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static bool call_streams(const struct nx_call *call)
{
	return call->data && call_status(call) == 200;
}

static size_t body_received(char *data, size_t size, size_t count, void *context)
{
	struct nx_call *call = context;
	size_t length = size * count;
	bool more;

	if (call->deadline)
		nx_timer_disarm(call->deadline);
	if (!call_streams(call)) {
		if (call->body.length + length > NX_ANSWER_LIMIT)
			return call_refuse(call, "the service's answer is too long");
		nx_buffer_append(&call->body, data, length);
		return length;
	}
	address_learn(call->client, call);
	call->inside = true;
	more = call->data(call->context, data, length);
	call->inside = false;
	if (call->cancelled)
		return 0;
	return more ? length : call_refuse(call, "the stream was ended here");
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is libcurl's */
static size_t header_received(char *data, size_t size, size_t count, void *context)
{
	struct nx_call *call = context;

	call->header_bytes += size * count;
	if (call->header_bytes > HEADER_BYTES)
		return call_refuse(call, "the service's answer has too many headers");
	/* The empty line behind them: an answer that trickles does not begin. */
	if (call->deadline && count && (*data == '\r' || *data == '\n') && call_status(call) >= 200)
		nx_timer_disarm(call->deadline);
	return size * count;
}

static void deadline_passed(void *context)
{
	struct nx_call *call = context;

	call->refusal = "the service did not answer in time";
	call_finish(call, CURLE_OPERATION_TIMEDOUT);
}

/* --- the loop --------------------------------------------------------------------------------- */

static void finished_collect(struct nx_client *client)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(client->multi, &left))) {
		struct nx_call *call = NULL;
		CURLcode result = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
		call_finish(call, result);
	}
}

static void socket_ready(uv_poll_t *poll, int status, int events)
{
	struct watched *watched = poll->data;
	struct nx_client *client = watched->client;
	int flags = 0, running;

	if (status < 0)
		flags = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(client->multi, watched->socket, flags, &running);
	finished_collect(client);
}

static void timer_due(void *context)
{
	struct nx_client *client = context;
	int running;

	curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	finished_collect(client);
}

static int timer_wanted(CURLM *multi, long milliseconds, void *context)
{
	struct nx_client *client = context;

	(void)multi;
	if (milliseconds < 0)
		nx_timer_disarm(client->timer);
	else
		nx_timer_arm(client->timer, (uint64_t)milliseconds);
	return 0;
}

static void watched_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static struct watched *watched_new(struct nx_client *client, curl_socket_t socket)
{
	struct watched *watched = nx_alloc(sizeof(*watched));

	watched->client = client;
	watched->socket = socket;
	if (uv_poll_init(client->loop, &watched->poll, socket) != 0) {
		free(watched);
		return NULL;
	}
	watched->poll.data = watched;
	curl_multi_assign(client->multi, socket, watched);
	return watched;
}

static int socket_wanted(CURL *easy, curl_socket_t socket, int what, void *context, void *assigned)
{
	struct nx_client *client = context;
	struct watched *watched = assigned;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (watched) {
			curl_multi_assign(client->multi, socket, NULL);
			uv_close((uv_handle_t *)&watched->poll, watched_closed);
		}
		return 0;
	}
	if (!watched)
		watched = watched_new(client, socket);
	if (!watched)
		return -1;
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	uv_poll_start(&watched->poll, events, socket_ready);
	return 0;
}

/* --- requests ----------------------------------------------------------------------------------- */

static void header_add(struct nx_call *call, const char *line)
{
	struct curl_slist *longer = curl_slist_append(call->headers, line);

	if (longer)
		call->headers = longer;
}

static void headers_set(struct nx_call *call, const struct nx_call_request *request)
{
	header_add(call, "Accept: application/json");
	header_add(call, "Expect:"); /* bodies are short: no round trip to ask */
	if (request->body) {
		NX_AUTO_FREE char *type = nx_printf("Content-Type: %s", request->content_type);

		header_add(call, type);
	}
	if (request->bearer)
		call->bearer_line = nx_strdup(request->bearer);
	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
}

static void credentials_set(const struct nx_call *call)
{
	if (!call->bearer_line)
		return;
	curl_easy_setopt(call->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
	curl_easy_setopt(call->easy, CURLOPT_XOAUTH2_BEARER, call->bearer_line);
}

static void body_set(const struct nx_call *call, const struct nx_call_request *request)
{
	if (request->body) {
		curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(request->body));
		curl_easy_setopt(call->easy, CURLOPT_COPYPOSTFIELDS, request->body);
	}
	curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static int socket_made(void *context, curl_socket_t descriptor, curlsocktype purpose)
{
	const unsigned patience = SILENCE_MILLISECONDS;

	(void)context;
	(void)purpose;
	(void)setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof(patience));
	return CURL_SOCKOPT_OK;
}

/* A connection for each call: calls are rare, and one that was left standing may have died meanwhile. */
static void connection_set(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	/* A service that has moved is found at the next attempt. */
	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_SECONDS);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_PROBE_SECONDS);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, socket_made);
}

static void transport_set(const struct nx_call *call)
{
	CURL *easy = call->easy;

	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	connection_set(easy);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "nexd/" NEXODUS_VERSION);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (call->client->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, call->client->ca_file);
	if (!call->data)
		curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)ANSWER_SECONDS);
}

static void callbacks_set(struct nx_call *call)
{
	CURL *easy = call->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->failure);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_received);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header_received);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
}

static struct nx_call *call_new(struct nx_client *client, const struct nx_call_request *request)
{
	struct nx_call *call = nx_alloc(sizeof(*call));

	call->client = client;
	call->data = request->data;
	call->done = request->done;
	call->context = request->context;
	call->easy = curl_easy_init();
	if (!call->easy)
		abort(); /* as any other lack of memory */
	call->next = client->calls;
	if (call->next)
		call->next->previous = call;
	client->calls = call;
	return call;
}

static void begin_due(void *context)
{
	const struct nx_client *client = context;

	for (struct nx_call *call = client->calls; call; call = call->next) {
		if (!call->begun)
			curl_multi_add_handle(client->multi, call->easy);
		call->begun = true;
	}
}

struct nx_call *nx_client_call(struct nx_client *client, const struct nx_call_request *request)
{
	struct nx_call *call = call_new(client, request);
	NX_AUTO_FREE char *url = nx_printf("%s%s", client->base, request->path);

	curl_easy_setopt(call->easy, CURLOPT_URL, url);
	headers_set(call, request);
	credentials_set(call);
	body_set(call, request);
	transport_set(call);
	callbacks_set(call);
	if (call->data) {
		call->deadline = nx_timer_new(client->loop, deadline_passed, call);
		nx_timer_arm(call->deadline, (uint64_t)ANSWER_SECONDS * 1000);
	}
	nx_timer_arm(client->begin, 0);
	return call;
}

/* --- the client ----------------------------------------------------------------------------------- */

static char *base_make(const char *url)
{
	char *base = nx_strdup(url);
	size_t length = strlen(base);

	while (length && base[length - 1] == '/')
		base[--length] = '\0';
	return base;
}

enum nx_status nx_client_new(uv_loop_t *loop, const struct nx_client_options *options, struct nx_client **out,
			     struct nx_error *error)
{
	enum nx_status status = nx_service_url_check(options->service_url, error);
	struct nx_client *client;

	if (status != NX_OK)
		return status;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return nx_fail(error, NX_INTERNAL, NULL, "libcurl cannot be initialized");
	client = nx_alloc(sizeof(*client));
	client->loop = loop;
	client->base = base_make(options->service_url);
	client->ca_file = *options->ca_file ? nx_strdup(options->ca_file) : NULL;
	client->timer = nx_timer_new(loop, timer_due, client);
	client->begin = nx_timer_new(loop, begin_due, client);
	client->multi = curl_multi_init();
	if (!client->multi) {
		nx_client_free(client);
		return nx_fail(error, NX_INTERNAL, NULL, "libcurl cannot be initialized");
	}
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	*out = client;
	return NX_OK;
}

void nx_client_free(struct nx_client *client)
{
	if (!client)
		return;
	while (client->calls)
		call_free(client->calls);
	curl_multi_cleanup(client->multi);
	nx_timer_free(client->timer);
	nx_timer_free(client->begin);
	free(client->base);
	free(client->ca_file);
	free(client);
	curl_global_cleanup();
}

struct nx_address nx_client_local_address(const struct nx_client *client)
{
	return client->local;
}

struct nx_address nx_client_address(const struct nx_client *client)
{
	return client->address;
}
