/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/tls.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/memory.h"
#include "base/secret.h"

#define FILE_LIMIT ((size_t)1024 * 1024)
#define CHAIN_LIMIT 16
/* A handshake may still look at a certificate that was replaced. It ends with the
 * deadline of its connection, which is well below this. */
#define RETIRED_SECONDS 3600

struct identity {
	gnutls_pcert_st chain[CHAIN_LIMIT];
	unsigned length;
	gnutls_privkey_t key;
	time_t retired;
	struct identity *older;
};

struct nx_tls {
	pthread_mutex_t lock;
	struct identity *current;
};

/* libmicrohttpd offers its callback no context. */
static struct nx_tls *active;

static void identity_free(struct identity *identity)
{
	if (!identity)
		return;
	for (unsigned i = 0; i < identity->length; i++)
		gnutls_pcert_deinit(&identity->chain[i]);
	if (identity->key)
		gnutls_privkey_deinit(identity->key);
	free(identity);
}

static void identity_cleanup(struct identity **identity)
{
	identity_free(*identity);
}

static enum nx_status pem_read(const char *path, const char *option, gnutls_datum_t *out,
			       struct nx_error *error)
{
	char *text = NULL;
	size_t length = 0;
	struct nx_error why = {0};

	enum nx_status status = nx_file_read(path, FILE_LIMIT, &text, &length, &why);
	if (status != NX_OK)
		return nx_fail(error, NX_INVALID, option, "%s: cannot read %s: %s", option, path,
			       why.message[0] ? why.message : "no such file");
	out->data = (unsigned char *)text;
	out->size = (unsigned)length;
	return NX_OK;
}

static void pem_cleanup(gnutls_datum_t *pem)
{
	if (!pem->data)
		return;
	nx_wipe(pem->data, pem->size);
	free(pem->data);
}

static enum nx_status key_mode_check(const char *path, struct nx_error *error)
{
	struct stat info;

	if (stat(path, &info) < 0)
		return nx_fail(error, NX_INVALID, "tls-key", "tls-key: cannot read %s: %s", path,
			       strerror(errno));
	if (info.st_mode & (S_IRWXO | S_IWGRP))
		return nx_fail(error, NX_INVALID, "tls-key",
			       "tls-key: %s has mode %04o, so that others can get at the private key: "
			       "chmod 0600 it (0640 with a group of its own is fine)",
			       path, (unsigned)info.st_mode & 07777u);
	return NX_OK;
}

static enum nx_status expiry_check(const char *path, const gnutls_datum_t *pem, struct nx_error *error)
{
	gnutls_x509_crt_t certificate;
	enum nx_status status = NX_OK;

	if (gnutls_x509_crt_init(&certificate) < 0)
		return nx_fail(error, NX_INTERNAL, NULL, "out of memory");
	if (gnutls_x509_crt_import(certificate, pem, GNUTLS_X509_FMT_PEM) >= 0 &&
	    gnutls_x509_crt_get_expiration_time(certificate) < time(NULL))
		status = nx_fail(error, NX_INVALID, "tls-certificate",
				 "tls-certificate: the certificate in %s has expired: renew it", path);
	gnutls_x509_crt_deinit(certificate);
	return status;
}

/* Let GnuTLS judge whether certificate and key are a pair. */
static enum nx_status pair_check(const char *certificate, const char *key, const gnutls_datum_t *chain,
				 const gnutls_datum_t *secret, struct nx_error *error)
{
	gnutls_certificate_credentials_t credentials;

	if (gnutls_certificate_allocate_credentials(&credentials) < 0)
		return nx_fail(error, NX_INTERNAL, NULL, "out of memory");
	int result = gnutls_certificate_set_x509_key_mem(credentials, chain, secret, GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(credentials);
	if (result == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return nx_fail(error, NX_INVALID, "tls-key",
			       "tls-key: the key in %s is not that of the certificate in %s", key,
			       certificate);
	if (result < 0)
		return nx_fail(
			error, NX_INVALID, "tls-certificate",
			"tls-certificate, tls-key: %s and %s are no PEM certificate and unencrypted key: %s",
			certificate, key, gnutls_strerror(result));
	return NX_OK;
}

static enum nx_status identity_import(const gnutls_datum_t *chain, const gnutls_datum_t *secret,
				      struct identity **out, struct nx_error *error)
{
	struct identity *identity NX_CLEANUP(identity_cleanup) = nx_alloc(sizeof(*identity));
	unsigned length = CHAIN_LIMIT;

	int result = gnutls_pcert_list_import_x509_raw(identity->chain, &length, chain, GNUTLS_X509_FMT_PEM,
						       GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
	if (result >= 0) {
		identity->length = length;
		result = gnutls_privkey_init(&identity->key);
	}
	if (result >= 0)
		result = gnutls_privkey_import_x509_raw(identity->key, secret, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (result < 0)
		return nx_fail(error, NX_INVALID, "tls-certificate",
			       "tls-certificate: the chain cannot be used (the server's own certificate "
			       "first, then each issuer): %s",
			       gnutls_strerror(result));
	*out = NX_TAKE(identity);
	return NX_OK;
}

static enum nx_status identity_load(const char *certificate, const char *key, struct identity **out,
				    struct nx_error *error)
{
	gnutls_datum_t chain NX_CLEANUP(pem_cleanup) = {0};
	gnutls_datum_t secret NX_CLEANUP(pem_cleanup) = {0};
	enum nx_status status = pem_read(certificate, "tls-certificate", &chain, error);

	if (status == NX_OK)
		status = key_mode_check(key, error);
	if (status == NX_OK)
		status = pem_read(key, "tls-key", &secret, error);
	if (status == NX_OK)
		status = pair_check(certificate, key, &chain, &secret, error);
	if (status == NX_OK)
		status = expiry_check(certificate, &chain, error);
	if (status == NX_OK)
		status = identity_import(&chain, &secret, out, error);
	return status;
}

static bool is_given(const char *path)
{
	return path && *path;
}

enum nx_status nx_tls_new(const char *certificate, const char *key, struct nx_tls **out,
			  struct nx_error *error)
{
	struct identity *identity = NULL;

	*out = NULL;
	if (!is_given(certificate) && !is_given(key))
		return NX_OK;
	if (!is_given(certificate) || !is_given(key))
		return nx_fail(error, NX_INVALID, is_given(key) ? "tls-certificate" : "tls-key",
			       "tls-certificate and tls-key go together: give both, or none");
	enum nx_status status = identity_load(certificate, key, &identity, error);
	if (!identity)
		return status;
	*out = nx_alloc(sizeof(**out));
	pthread_mutex_init(&(*out)->lock, NULL);
	(*out)->current = identity;
	return NX_OK;
}

static void retired_free(struct identity **older, time_t now)
{
	while (*older) {
		struct identity *identity = *older;
		if (now - identity->retired < RETIRED_SECONDS) {
			older = &identity->older;
			continue;
		}
		*older = identity->older;
		identity_free(identity);
	}
}

enum nx_status nx_tls_reload(struct nx_tls *tls, const char *certificate, const char *key,
			     struct nx_error *error)
{
	struct identity *identity = NULL;

	if (!is_given(certificate) || !is_given(key))
		return nx_fail(error, NX_INVALID, "tls-certificate",
			       "TLS cannot be switched off while the server runs: restart it");
	enum nx_status status = identity_load(certificate, key, &identity, error);
	if (!identity)
		return status;
	pthread_mutex_lock(&tls->lock);
	tls->current->retired = time(NULL);
	identity->older = tls->current;
	tls->current = identity;
	retired_free(&identity->older, time(NULL));
	pthread_mutex_unlock(&tls->lock);
	return NX_OK;
}

void nx_tls_free(struct nx_tls *tls)
{
	if (!tls)
		return;
	if (active == tls)
		active = NULL;
	while (tls->current) {
		struct identity *identity = tls->current;
		tls->current = identity->older;
		identity_free(identity);
	}
	pthread_mutex_destroy(&tls->lock);
	free(tls);
}

static int identity_retrieve(gnutls_session_t session, const gnutls_datum_t *issuers, int issuer_count,
			     const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
			     gnutls_pcert_st **chain, unsigned *length, gnutls_privkey_t *key)
{
	(void)session;
	(void)issuers;
	(void)issuer_count;
	(void)algorithms;
	(void)algorithm_count;
	pthread_mutex_lock(&active->lock);
	*chain = active->current->chain;
	*length = active->current->length;
	*key = active->current->key;
	pthread_mutex_unlock(&active->lock);
	return 0;
}

void *nx_tls_callback(struct nx_tls *tls)
{
	active = tls;
	return (void *)identity_retrieve;
}
