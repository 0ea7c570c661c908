#include "webhook/signature.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <string.h>

#define DIGEST_BYTES 32u

// In two parts, so that a body is not copied for it.
static bool digest(EVP_MAC_CTX *context, struct slice secret, const char *time, struct slice body,
                   uint8_t room[static DIGEST_BYTES]) {
    char       name[] = "SHA256";
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", name, 0),
                               OSSL_PARAM_construct_end()};
    size_t     bytes = 0;
    return EVP_MAC_init(context, secret.data, secret.bytes, parameters) == 1 &&
           EVP_MAC_update(context, (const uint8_t *)time, strlen(time)) == 1 &&
           EVP_MAC_update(context, body.data, body.bytes) == 1 &&
           EVP_MAC_final(context, room, &bytes, DIGEST_BYTES) == 1 && bytes == DIGEST_BYTES;
}

enum status signature_make(struct slice secret, uint64_t unix_s, struct slice body,
                           char room[static SIGNATURE_BYTES]) {
    char         time[24];
    uint8_t      made[DIGEST_BYTES];
    EVP_MAC     *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    snprintf(time, sizeof time, "%" PRIu64 ".", unix_s);
    bool done = context != NULL && digest(context, secret, time, body, made);
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
    if (!done) return STATUS_INTERNAL;
    int bytes = snprintf(room, SIGNATURE_BYTES, "t=%" PRIu64 ",v1=", unix_s);
    for (size_t i = 0; i < DIGEST_BYTES; i++)
        bytes += snprintf(room + bytes, SIGNATURE_BYTES - (size_t)bytes, "%02x", made[i]);
    return STATUS_OK;
}
