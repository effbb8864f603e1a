/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <stdio.h>

struct request {
	const struct wg_listener *listener;
	struct wg_verdict *verdict;
};

static void request_answer(void *context, const struct nlmsghdr *message)
{
	const struct request *request = context;

	if (request->listener && request->listener->answer)
		request->listener->answer(request->listener->context, message);
}

static void request_restart(void *context)
{
	const struct request *request = context;

	if (request->listener && request->listener->restart)
		request->listener->restart(request->listener->context);
}

static void request_acknowledge(void *context, size_t position, int code, const char *text)
{
	const struct request *request = context;

	(void)position; /* there is one */
	request->verdict->code = code;
	snprintf(request->verdict->text, sizeof(request->verdict->text), "%s", text);
}

enum nx_status wg_request(const struct wg_driver *driver, int protocol, struct nlmsghdr *message,
			  const struct wg_listener *listener, struct wg_verdict *out, struct nx_error *error)
{
	struct request request = {.listener = listener, .verdict = out};
	const struct nx_netlink_handler handler = {
		.answer = request_answer,
		.acknowledge = request_acknowledge,
		.restart = request_restart,
		.context = &request,
	};

	*out = (struct wg_verdict){0};
	return driver->services->agent->netlink(driver->host, protocol, message, message->nlmsg_len, &handler,
						error);
}

enum nx_status wg_request_strict(const struct wg_driver *driver, int protocol, struct nlmsghdr *message,
				 const struct wg_listener *listener, const char *what, struct nx_error *error)
{
	struct wg_verdict verdict;
	enum nx_status status = wg_request(driver, protocol, message, listener, &verdict, error);

	if (status)
		return status;
	if (verdict.code)
		return wg_refuse(driver, verdict.code, verdict.text, error, "%s", what);
	return NX_OK;
}
