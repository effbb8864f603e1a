/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificate that connections are served with. It can be replaced while
 * connections are open: those that stand keep theirs, new ones get the new one.
 */
#ifndef NX_SERVER_HTTP_TLS_H
#define NX_SERVER_HTTP_TLS_H

#include "base/error.h"

struct nx_tls;

/*
 * Load a PEM certificate chain and its private key. Refused with what to do about
 * it: a file that is not there, a key that others can read, a certificate that is
 * expired or not the key's. Both NULL or "": NX_OK and *out NULL, no TLS.
 */
enum nx_status nx_tls_new(const char *certificate, const char *key, struct nx_tls **out,
			  struct nx_error *error);
/* The same files again, or others; on failure the old ones stay. Control thread. */
enum nx_status nx_tls_reload(struct nx_tls *tls, const char *certificate, const char *key,
			     struct nx_error *error);
void nx_tls_free(struct nx_tls *tls); /* after the daemon; NULL is fine */

/* The callback that hands the certificate to libmicrohttpd's sessions, for
 * MHD_OPTION_HTTPS_CERT_CALLBACK. There is one server, and so one certificate, in a process. */
void *nx_tls_callback(struct nx_tls *tls);

#endif
