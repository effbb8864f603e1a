/* SPDX-License-Identifier: Apache-2.0 */
/* The server's own configuration: its keys, and what is made of their values. */
#ifndef NX_SERVER_OPTIONS_H
#define NX_SERVER_OPTIONS_H

#include "server/http/http.h"
#include "server/store/store.h"

#define NX_OPTIONS_SECTION "server"

extern const struct nx_table nx_option_keys;

/* All of these read the configuration as it is loaded; texts live as it says there. */
struct nx_http_options nx_options_http(const struct nx_config *config);
/* `database` is the caller's to free(); it is what the options point to. */
enum nx_status nx_options_store(const struct nx_config *config, struct nx_store_options *out, char **database,
				struct nx_error *error);
/* Take over log level and format. */
enum nx_status nx_options_log(const struct nx_config *config, struct nx_error *error);
/* Judge the values that are judged by nothing else at start, without effect. */
enum nx_status nx_options_check(const struct nx_config *config, struct nx_error *error);
/* Make the state directory (0700) when it is not there. */
enum nx_status nx_options_state_directory(const struct nx_config *config, struct nx_error *error);

#endif
