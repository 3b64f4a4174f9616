/* sealed:    format u8 = 1 | nonce 24 bytes | cipher text, as long as the plain one | tag 16 bytes
 * cipher:    XChaCha20-Poly1305 (IETF), the format byte and what is bound as additional data
 * key:       crypto_kdf of libsodium (BLAKE2b): subkey 2 * purpose, context "patron.s"
 * nonce:     BLAKE2b-192, keyed with subkey 2 * purpose + 1, of le64 length of what is bound, what is bound, the plain
 *            bytes. So a nonce comes twice only with the same plain bytes: what is told then is that they are the same
 *            (a synthetic initialisation vector: P. Rogaway and T. Shrimpton, 2006). */
#include "store/base/seal.h"

#include <sodium.h>

enum {
    SEAL_FORMAT = 1,
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
};
_Static_assert(SEAL_BYTES == 1 + NONCE_BYTES + TAG_BYTES, "the header says how much is added");
_Static_assert(SEAL_KEY_BYTES == crypto_kdf_KEYBYTES, "a store's key is one to derive from");
_Static_assert(SEAL_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "and a derived one one to seal with");

static void derive(const uint8_t *key, uint64_t subkey, uint8_t derived[SEAL_KEY_BYTES])
{
    CHECK(crypto_kdf_derive_from_key(derived, SEAL_KEY_BYTES, subkey, "patron.s", key) == 0);
}

void seal_secret(const uint8_t *key, enum seal_secret secret, uint8_t derived[SEAL_KEY_BYTES])
{
    derive(key, (uint64_t)secret * 2, derived);
}

static void nonce_make(const uint8_t *key, enum seal_purpose purpose, struct bytes bound, struct bytes plain,
    uint8_t nonce[NONCE_BYTES])
{
    uint8_t nonce_key[SEAL_KEY_BYTES];
    derive(key, (uint64_t)purpose * 2 + 1, nonce_key);
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)bound.length >> (8 * i));
    crypto_generichash_state state;
    crypto_generichash_init(&state, nonce_key, sizeof nonce_key, NONCE_BYTES);
    crypto_generichash_update(&state, length, sizeof length);
    crypto_generichash_update(&state, bound.data, bound.length);
    crypto_generichash_update(&state, plain.data, plain.length);
    crypto_generichash_final(&state, nonce, NONCE_BYTES);
    sodium_memzero(nonce_key, sizeof nonce_key);
}

static struct bytes additional(struct bytes bound, struct encoder *to)
{
    encode_u8(to, SEAL_FORMAT);
    encode_raw(to, bound.data, bound.length);
    return encoder_borrow(to);
}

void seal_close(
    const uint8_t *key, enum seal_purpose purpose, struct bytes bound, struct bytes plain, struct encoder *to)
{
    uint8_t nonce[NONCE_BYTES], sealing_key[SEAL_KEY_BYTES];
    nonce_make(key, purpose, bound, plain, nonce);
    derive(key, (uint64_t)purpose * 2, sealing_key);
    uint8_t *text = memory_alloc(plain.length + TAG_BYTES);
    struct encoder with = {0};
    struct bytes data = additional(bound, &with);
    unsigned long long length;
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        text, &length, plain.data, plain.length, data.data, data.length, NULL, nonce, sealing_key);
    CHECK(length == plain.length + TAG_BYTES);
    encode_u8(to, SEAL_FORMAT);
    encode_raw(to, nonce, sizeof nonce);
    encode_raw(to, text, (size_t)length);
    encoder_clear(&with);
    memory_free(text);
    sodium_memzero(sealing_key, sizeof sealing_key);
}

enum patron_code seal_open(const uint8_t *key, enum seal_purpose purpose, struct bytes bound, struct bytes sealed,
    struct arena *arena, struct bytes *plain, struct error *error)
{
    if (sealed.length < SEAL_BYTES || sealed.data[0] != SEAL_FORMAT)
        return error_set(error, PATRON_CORRUPT, "what is sealed is damaged");
    uint8_t sealing_key[SEAL_KEY_BYTES];
    derive(key, (uint64_t)purpose * 2, sealing_key);
    const uint8_t *nonce = sealed.data + 1, *text = nonce + NONCE_BYTES;
    uint8_t *opened = arena_alloc(arena, sealed.length - SEAL_BYTES + 1); /* never of no length */
    struct encoder with = {0};
    struct bytes data = additional(bound, &with);
    unsigned long long length = 0;
    int wrong = crypto_aead_xchacha20poly1305_ietf_decrypt(opened, &length, NULL, text,
        sealed.length - 1 - NONCE_BYTES, data.data, data.length, nonce, sealing_key);
    encoder_clear(&with);
    sodium_memzero(sealing_key, sizeof sealing_key);
    if (wrong)
        return error_set(error, PATRON_CORRUPT, "what is sealed does not open: it is damaged, or of another key");
    *plain = bytes_of(opened, (size_t)length);
    return PATRON_OK;
}
