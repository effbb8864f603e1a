/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/secret.h"
#include "server/auth/limiter.h"
#include "server/auth/principal_cache.h"
#include "tests/unit/unit.h"

/* --- limiter ------------------------------------------------------------------------- */

static void test_burst(void)
{
	struct nx_limiter *limiter = nx_limiter_new(3, 60000);
	unsigned wait = 0;

	for (int i = 0; i < 3; i++)
		CU_ASSERT_TRUE(nx_limiter_take(limiter, "a", &wait));
	CU_ASSERT_FALSE(nx_limiter_take(limiter, "a", &wait));
	CU_ASSERT_TRUE(wait > 50 && wait <= 60);
	CU_ASSERT_TRUE(nx_limiter_take(limiter, "b", &wait));
	nx_limiter_give(limiter, "a");
	CU_ASSERT_TRUE(nx_limiter_take(limiter, "a", &wait));
	CU_ASSERT_FALSE(nx_limiter_take(limiter, "a", &wait));
	nx_limiter_free(limiter);
}

static void test_refill(void)
{
	struct nx_limiter *limiter = nx_limiter_new(2, 20);
	unsigned wait = 0;

	CU_ASSERT_TRUE(nx_limiter_take(limiter, "a", &wait));
	CU_ASSERT_TRUE(nx_limiter_take(limiter, "a", &wait));
	nx_limiter_take(limiter, "a", &wait);
	usleep(60000);
	CU_ASSERT_TRUE(nx_limiter_take(limiter, "a", &wait));
	nx_limiter_free(limiter);
}

/* What is given back without having been taken is no credit. */
static void test_no_credit(void)
{
	struct nx_limiter *limiter = nx_limiter_new(2, 60000);
	unsigned wait = 0;
	int taken = 0;

	nx_limiter_take(limiter, "a", &wait);
	for (int i = 0; i < 10; i++)
		nx_limiter_give(limiter, "a");
	nx_limiter_give(limiter, "never seen");
	while (taken < 10 && nx_limiter_take(limiter, "a", &wait))
		taken++;
	CU_ASSERT_EQUAL(taken, 2);
	nx_limiter_free(limiter);
}

/* A flood of other names does not set a name free that is being guessed at. */
static void test_flood(void)
{
	struct nx_limiter *limiter = nx_limiter_new(10, 60000);
	unsigned wait = 0;
	char name[32];

	while (nx_limiter_take(limiter, "admin", &wait))
		;
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "user-%d", i);
		nx_limiter_take(limiter, name, &wait);
	}
	CU_ASSERT_FALSE(nx_limiter_take(limiter, "admin", &wait));
	nx_limiter_free(limiter);
}

/* --- principals ------------------------------------------------------------------------ */

static struct nx_principal principal_make(int number, const char *user, const char *organization)
{
	struct nx_principal principal = {.kind = NX_PRINCIPAL_DEVICE};
	char text[32];

	snprintf(text, sizeof(text), "token-%d", number);
	nx_token_hash(text, principal.token_hash);
	snprintf(principal.id, sizeof(principal.id), "device-%d", number);
	snprintf(principal.user_id, sizeof(principal.user_id), "%s", user);
	snprintf(principal.organization_id, sizeof(principal.organization_id), "%s", organization);
	return principal;
}

static void store(struct nx_principal_cache *cache, const struct nx_principal *principal, int64_t expires_at)
{
	nx_principal_cache_store(cache, principal, expires_at, nx_principal_cache_generation(cache));
}

static bool found(struct nx_principal_cache *cache, const struct nx_principal *principal)
{
	struct nx_principal out;

	return nx_principal_cache_find(cache, principal->token_hash, &out) &&
	       strcmp(out.id, principal->id) == 0;
}

static void test_cache(void)
{
	struct nx_principal_cache *cache = nx_principal_cache_new(60000);
	struct nx_principal one = principal_make(1, "alice", "office");
	struct nx_principal two = principal_make(2, "bob", "office");
	struct nx_principal three = principal_make(3, "bob", "home");

	CU_ASSERT_FALSE(found(cache, &one));
	store(cache, &one, 0);
	store(cache, &one, 0); /* twice is one */
	store(cache, &two, 0);
	store(cache, &three, 0);
	CU_ASSERT_TRUE(found(cache, &one) && found(cache, &two) && found(cache, &three));
	nx_principal_cache_forget(cache, one.token_hash);
	CU_ASSERT_FALSE(found(cache, &one));
	nx_principal_cache_forget_id(cache, "device-2");
	CU_ASSERT_FALSE(found(cache, &two));
	CU_ASSERT_TRUE(found(cache, &three));
	store(cache, &two, 0);
	nx_principal_cache_forget_id(cache, "office");
	CU_ASSERT_FALSE(found(cache, &two));
	nx_principal_cache_forget_id(cache, "bob");
	CU_ASSERT_FALSE(found(cache, &three));
	nx_principal_cache_free(cache);
}

/* Read from the store before, stored after somebody took its rights away. */
static void test_cache_race(void)
{
	struct nx_principal_cache *cache = nx_principal_cache_new(60000);
	struct nx_principal one = principal_make(1, "alice", "office");
	uint64_t generation = nx_principal_cache_generation(cache);

	nx_principal_cache_forget_id(cache, "alice");
	nx_principal_cache_store(cache, &one, 0, generation);
	CU_ASSERT_FALSE(found(cache, &one));
	nx_principal_cache_free(cache);
}

static void test_cache_ages(void)
{
	struct nx_principal_cache *cache = nx_principal_cache_new(30);
	struct nx_principal one = principal_make(1, "alice", "office");

	store(cache, &one, 0);
	usleep(60000);
	CU_ASSERT_FALSE(found(cache, &one));
	nx_principal_cache_free(cache);
	cache = nx_principal_cache_new(60000);
	store(cache, &one, time(NULL) - 1); /* the token itself has expired */
	CU_ASSERT_FALSE(found(cache, &one));
	store(cache, &one, time(NULL) + 100);
	CU_ASSERT_TRUE(found(cache, &one));
	nx_principal_cache_free(cache);
}

static void test_cache_is_bounded(void)
{
	struct nx_principal_cache *cache = nx_principal_cache_new(60000);
	struct nx_principal last = {0};

	for (int i = 0; i < 100000; i++) {
		last = principal_make(i, "alice", "office");
		store(cache, &last, 0);
	}
	CU_ASSERT_TRUE(found(cache, &last));
	nx_principal_cache_free(cache);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"so many tries at once, then one by one", test_burst},
		{"tries come back with time", test_refill},
		{"no credit", test_no_credit},
		{"a flood of names", test_flood},
		{"principals are forgotten by what they are and belong to", test_cache},
		{"what was read before a revocation does not get in after it", test_cache_race},
		{"principals age", test_cache_ages},
		{"the cache is bounded", test_cache_is_bounded},
		CU_TEST_INFO_NULL,
	};

	nx_secret_setup();
	return unit_run("server_auth", tests);
}
