/* SPDX-License-Identifier: Apache-2.0 */
#include "uapi_write.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

#include <sodium.h>

enum {
	/* "public_key=" + hex, "persistent_keepalive_interval=65535", "replace_allowed_ips=true",
	 * "endpoint=[…]:65535", newlines, and the empty line at the end. */
	PEER_TEXT = 256,
	ALLOWED_IP_TEXT = 64, /* "allowed_ip=" and the longest prefix */
};

/* A request that is being written; the checks of room come before, so that all fits. */
struct request {
	const struct wg_uapi_sink *sink;
	size_t length;
	char text[WG_UAPI_REQUEST];
};

__attribute__((format(printf, 2, 3))) static void request_put(struct request *request, const char *format,
							      ...)
{
	size_t room = sizeof(request->text) - request->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(request->text + request->length, room, format, arguments);
	va_end(arguments);
	if (length > 0 && (size_t)length < room)
		request->length += (size_t)length;
}

static void request_begin(struct request *request)
{
	request->length = 0;
	request_put(request, "set=1\n");
}

static enum nx_status request_send(struct request *request, struct nx_error *error)
{
	request_put(request, "\n");
	return request->sink->send(request->sink->context, request->text, request->length, error);
}

static bool request_fits(const struct request *request, size_t bytes)
{
	return request->length + bytes <= sizeof(request->text);
}

static void key_put(struct request *request, const char *name, const struct wg_key *key)
{
	char hex[WG_KEY_HEX];

	request_put(request, "%s=%s\n", name, wg_key_format_hex(key, hex));
	sodium_memzero(hex, sizeof(hex));
}

static void address_format(const struct nx_address *address, char text[static NX_ADDRESS_TEXT])
{
	inet_ntop(address->length == sizeof(struct in_addr) ? AF_INET : AF_INET6, address->bytes, text,
		  NX_ADDRESS_TEXT);
}

static void endpoint_put(struct request *request, const struct nx_endpoint *endpoint)
{
	const bool bare = endpoint->address.length == sizeof(struct in_addr);
	char text[NX_ADDRESS_TEXT];

	address_format(&endpoint->address, text);
	request_put(request, "endpoint=%s%s%s:%u\n", bare ? "" : "[", text, bare ? "" : "]", endpoint->port);
}

static enum nx_status allowed_ips_put(struct request *request, const struct nx_peer *peer,
				      const struct wg_key *key, struct nx_error *error)
{
	enum nx_status status;
	char text[NX_ADDRESS_TEXT];

	for (size_t i = 0; i < peer->prefix_count; i++) {
		if (!request_fits(request, ALLOWED_IP_TEXT)) {
			status = request_send(request, error);
			if (status)
				return status;
			request_begin(request);
			key_put(request, "public_key", key);
		}
		address_format(&peer->prefixes[i].address, text);
		request_put(request, "allowed_ip=%s/%u\n", text, peer->prefixes[i].bits);
	}
	return NX_OK;
}

static enum nx_status change_put(struct request *request, const struct nx_peer_change *change,
				 const struct wg_key *key, struct nx_error *error)
{
	key_put(request, "public_key", key);
	if (change->action == NX_PEER_REMOVE) {
		request_put(request, "remove=true\n");
		return NX_OK;
	}
	if (change->set_endpoint && change->peer.endpoint.port)
		endpoint_put(request, &change->peer.endpoint);
	request_put(request, "persistent_keepalive_interval=%u\n", change->peer.keepalive_seconds);
	if (change->action == NX_PEER_SET) /* the peer has none of them for a moment */
		request_put(request, "replace_allowed_ips=true\n");
	return allowed_ips_put(request, &change->peer, key, error);
}

enum nx_status wg_uapi_write_device(const struct wg_settings *settings, const struct wg_uapi_sink *sink,
				    struct nx_error *error)
{
	struct request request;
	enum nx_status status;

	request.sink = sink;
	request_begin(&request);
	if (settings->private_key)
		key_put(&request, "private_key", settings->private_key);
	if (settings->listen_port)
		request_put(&request, "listen_port=%u\n", settings->listen_port);
	status = request_send(&request, error);
	sodium_memzero(request.text, request.length);
	return status;
}

enum nx_status wg_uapi_write_peers(const struct nx_peer_change *changes, const struct wg_key *keys,
				   size_t count, const struct wg_uapi_sink *sink, struct nx_error *error)
{
	struct request request;
	enum nx_status status;

	if (!count)
		return NX_OK;
	request.sink = sink;
	request_begin(&request);
	for (size_t i = 0; i < count; i++) {
		if (!request_fits(&request, PEER_TEXT + ALLOWED_IP_TEXT)) {
			status = request_send(&request, error);
			if (status)
				return status;
			request_begin(&request);
		}
		status = change_put(&request, &changes[i], &keys[i], error);
		if (status)
			return status;
	}
	return request_send(&request, error);
}
