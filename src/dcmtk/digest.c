/* SPDX-License-Identifier: MIT */
#include "src/dcmtk/dcmtk.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct digest {
    EVP_MD_CTX *context;
};

struct digest *digest_open(void)
{
    struct digest *digest = malloc(sizeof *digest);
    if (digest == NULL) {
        return NULL;
    }
    digest->context = EVP_MD_CTX_new();
    if (digest->context == NULL || EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(digest->context);
        free(digest);
        return NULL;
    }
    return digest;
}

void digest_put(struct digest *digest, slice bytes)
{
    if (bytes.size > 0) {
        int done = EVP_DigestUpdate(digest->context, bytes.data, bytes.size);
        assert(done == 1);
        (void)done;
    }
}

void digest_end(struct digest *digest, char text[65])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    int done = EVP_DigestFinal_ex(digest->context, sum, &size);
    assert(done == 1 && size == 32);
    (void)done;
    for (unsigned i = 0; i < size; i++) {
        text[2 * i] = digits[sum[i] >> 4];
        text[2 * i + 1] = digits[sum[i] & 15];
    }
    text[64] = '\0';
    EVP_MD_CTX_free(digest->context);
    free(digest);
}
