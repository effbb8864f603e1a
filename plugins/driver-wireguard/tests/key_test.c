/* SPDX-License-Identifier: Apache-2.0 */
#include <CUnit/Basic.h>

#include "../key.h"
#include "suites.h"

/* A table of texts and whether each is a public key that may register. */
static const struct {
	const char *text;
	bool fit;
} texts[] = {
	{"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", true}, /* 9, the base point */
	{"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=", true}, /* RFC 7748 §6.1, Alice */
	{"3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=", true}, /* and Bob */
	{"6////////////////////////////////////////38=", true}, /* p - 2: neither low nor unreduced */
	{"", false},
	{"=", false},
	{"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false},	 /* no padding */
	{"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=", false}, /* bits after the end */
	{"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", false},
	{" CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false},
	{"CQAAAAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAAAAAAAA=", false},
	{"CQAAAAAAAAAAAAAAAAAA\nAAAAAAAAAAAAAAAAAAAAAA=", false},
	{"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08=", false}, /* the URL alphabet */
	{"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", false}, /* 31 bytes */
	{"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false}, /* 33 bytes */
	{"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false},
	{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false}, /* nothing but zeros */
	{"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false}, /* the low-order points */
	{"4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA=", false},
	{"X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEVc=", false},
	{"7P///////////////////////////////////////38=", false},
	{"7f///////////////////////////////////////38=", false}, /* p and p + 1: 0 and 1 again */
	{"7v///////////////////////////////////////38=", false},
	{"9v///////////////////////////////////////38=", false}, /* p + 9: the base point again */
	{"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA=", false}, /* and with the ignored bit set */
	{"/////////////////////////////////////////38=", false},
	{"//////////////////////////////////////////8=", false},
};

static void test_public_keys(void)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct wg_key key = {{0x55}};
		char text[WG_KEY_TEXT];
		const char *reason = wg_public_key_parse(texts[i].text, &key);

		CU_ASSERT_EQUAL(reason == NULL, texts[i].fit);
		if (!texts[i].fit)
			CU_ASSERT_EQUAL(key.bytes[0], 0x55);
		if (!reason)
			CU_ASSERT_STRING_EQUAL(wg_key_format(&key, text), texts[i].text);
	}
}

static void test_hex(void)
{
	static const char text[] = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
	static const char *const wrong[] = {
		"",
		"8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6",
		"8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a0",
		"8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6g",
		"8520f0098930a754 48b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
	};
	struct wg_key key;
	char back[WG_KEY_HEX];

	CU_ASSERT_TRUE_FATAL(wg_key_parse_hex(text, &key));
	CU_ASSERT_STRING_EQUAL(wg_key_format_hex(&key, back), text);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CU_ASSERT_FALSE(wg_key_parse_hex(wrong[i], &key));
}

/* RFC 7748 §6.1, Bob. */
static void test_public_half(void)
{
	struct wg_key bob;
	struct wg_key public_key;
	char text[WG_KEY_HEX];

	CU_ASSERT_TRUE_FATAL(
		wg_key_parse_hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", &bob));
	wg_key_public(&bob, &public_key);
	CU_ASSERT_STRING_EQUAL(wg_key_format_hex(&public_key, text),
			       "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
	wg_key_wipe(&bob);
	CU_ASSERT_TRUE(wg_key_is_zero(&bob));
}

void key_suite(void)
{
	CU_pSuite suite = CU_add_suite("key", NULL, NULL);

	CU_add_test(suite, "public keys as text", test_public_keys);
	CU_add_test(suite, "hex", test_hex);
	CU_add_test(suite, "public half, RFC 7748", test_public_half);
}
