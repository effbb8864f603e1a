/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"

#define ANSWER_LIMIT (256u << 20)

static size_t answer_collect(char *data, size_t size, size_t count, void *context)
{
	struct nx_buffer *answer = context;

	if (answer->length + size * count > ANSWER_LIMIT)
		return 0;
	nx_buffer_append(answer, data, size * count);
	return size * count;
}

static void header_add(struct curl_slist **headers, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*headers, line);

	if (longer)
		*headers = longer;
}

struct exchange {
	const char *method, *url, *type, *body;
	const char *token;
	struct nx_buffer answer;
	long status;
	char problem[CURL_ERROR_SIZE];
};

static bool exchange_run(const struct cli *cli, struct exchange *exchange)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = NULL;
	NX_AUTO_FREE char *type = nx_printf("Content-Type: %s", exchange->type);
	CURLcode code;

	if (!curl)
		return false;
	curl_easy_setopt(curl, CURLOPT_URL, exchange->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, exchange->method);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 120L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "nexctl/" NEXODUS_VERSION);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, exchange->problem);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, answer_collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange->answer);
	if (cli->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, cli->ca_file);
	if (exchange->token) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, exchange->token);
	}
	if (exchange->body) {
		header_add(&headers, type);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, exchange->body);
	}
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &exchange->status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	if (code != CURLE_OK && !*exchange->problem)
		snprintf(exchange->problem, sizeof(exchange->problem), "%s", curl_easy_strerror(code));
	return code == CURLE_OK;
}

static char *service_url(const struct cli *cli, const char *path)
{
	size_t length = strlen(cli->service_url);

	while (length > strlen("https://") && cli->service_url[length - 1] == '/')
		length--;
	return nx_printf("%.*s%s", (int)length, cli->service_url, path);
}

static void refusal_say(const struct exchange *exchange)
{
	NX_AUTO_JSON struct nx_json *answer = NULL;

	fprintf(stderr, "nexctl: the server answered %ld", exchange->status);
	if (nx_json_parse(exchange->answer.data ? exchange->answer.data : "", exchange->answer.length,
			  &answer, NULL) == NX_OK) {
		cli_say_value(": ", nx_json_member(answer, "error"));
		cli_say_value(", ", nx_json_member(answer, "error_description"));
		cli_say_value(", ", nx_json_member(answer, "reason"));
		cli_say_value(", field ", nx_json_member(answer, "field"));
		cli_say_value(", existing id ", nx_json_member(answer, "id"));
	}
	fputc('\n', stderr);
	if (exchange->status == 401)
		fputs("Sign in with --username and --password-file, or give a valid token in NEXCTL_TOKEN.\n",
		      stderr);
}

static bool exchange_judge(struct exchange *exchange, struct nx_json **out)
{
	struct nx_error error;

	if (exchange->status < 200 || exchange->status > 299) {
		refusal_say(exchange);
		return false;
	}
	if (!out || exchange->status == 204)
		return true;
	if (nx_json_parse(exchange->answer.data ? exchange->answer.data : "", exchange->answer.length, out,
			  &error) == NX_OK)
		return true;
	fprintf(stderr, "nexctl: %s answered what is no JSON (%s): is it a Nexodus server?\n", exchange->url,
		error.message);
	return false;
}

static bool exchange_finish(const struct cli *cli, struct exchange *exchange, struct nx_json **out)
{
	bool done = exchange_run(cli, exchange);

	if (!done)
		fprintf(stderr, "nexctl: cannot ask %s: %s\n", exchange->url, exchange->problem);
	else
		done = exchange_judge(exchange, out);
	nx_buffer_free(&exchange->answer);
	return done;
}

/* --- signing in ------------------------------------------------------------- */

static char *login_form(const char *username, const char *password)
{
	char *user = curl_easy_escape(NULL, username, 0);
	char *secret = curl_easy_escape(NULL, password, 0);
	char *form = nx_printf("grant_type=password&username=%s&password=%s", user ? user : "",
			       secret ? secret : "");

	curl_free(user);
	if (secret)
		nx_wipe(secret, strlen(secret));
	curl_free(secret);
	return form;
}

/* From the file that was named, else from the environment, else asked for. */
static char *password_find(const struct cli *cli)
{
	const char *given = getenv("NEXCTL_PASSWORD");

	if (!cli->password_file && given && *given)
		return nx_strdup(given);
	return cli_password_read(cli->password_file, "Password");
}

static bool login(struct cli *cli)
{
	NX_AUTO_JSON struct nx_json *answer = NULL;
	NX_AUTO_FREE char *url = service_url(cli, "/oauth/token");
	char *password = password_find(cli);
	struct exchange exchange = {
		.method = "POST", .url = url, .type = "application/x-www-form-urlencoded"};
	char *form;
	bool done;

	if (!password)
		return false;
	form = login_form(cli->username, password);
	exchange.body = form;
	done = exchange_finish(cli, &exchange, &answer);
	cli_password_forget(password);
	nx_wipe(form, strlen(form));
	free(form);
	if (done)
		cli->access_token = nx_strdup(nx_json_member_string(answer, "access_token", NULL));
	if (done && !cli->access_token)
		fputs("nexctl: the server signed in without giving a token\n", stderr);
	return done && cli->access_token;
}

bool cli_call(struct cli *cli, const char *method, const char *path, const struct nx_json *body,
	      struct nx_json **out)
{
	NX_AUTO_FREE char *url = service_url(cli, path);
	struct nx_buffer text = {0};
	struct exchange exchange = {.method = method, .url = url, .type = "application/json"};
	bool done;

	if (!cli->token && !cli->access_token && cli->username && !login(cli))
		return false;
	exchange.token = cli->token ? cli->token : cli->access_token;
	if (body) {
		nx_json_print(body, &text);
		exchange.body = text.data;
	}
	done = exchange_finish(cli, &exchange, out);
	nx_buffer_free(&text);
	return done;
}

char *cli_path(const char *format, ...)
{
	struct nx_buffer path = {0};
	va_list arguments;

	va_start(arguments, format);
	for (; *format; format++) {
		if (format[0] == '%' && format[1] == 's') {
			char *part = curl_easy_escape(NULL, va_arg(arguments, const char *), 0);

			nx_buffer_text(&path, part ? part : "");
			curl_free(part);
			format++;
		} else {
			nx_buffer_append(&path, format, 1);
		}
	}
	va_end(arguments);
	return nx_buffer_take(&path);
}
