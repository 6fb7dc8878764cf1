/* SPDX-License-Identifier: MIT */
#include "src/engine/pool.h"

#include "tests/unit/unit.h"

static char memory[5 * POOL_BLOCK_SIZE];

START_TEST(pool_gives_back_what_a_chain_took)
{
    struct arena arena = {.memory = memory, .size = sizeof memory};
    struct pool pool;
    ck_assert_int_eq(pool_init(&pool, &arena, 4 * POOL_BLOCK_SIZE), ERR_OK);
    for (int round = 0; round < 10; round++) {
        struct chain chain = chain_make(&pool);
        size_t count = 0;
        for (char *part; (part = chain_alloc(&chain, 1000)) != NULL; count++) {
            ck_assert_int_eq(part[999], 0);
            memset(part, 'x', 1000);
        }
        ck_assert_uint_eq(count, 4 * 32);
        ck_assert_uint_eq(pool.in_use, 4);
        chain_free(&chain);
        ck_assert_uint_eq(pool.in_use, 0);
    }
    ck_assert_uint_eq(pool.high_water, 4);
}
END_TEST

START_TEST(pool_refuses_more_than_a_block_at_once)
{
    struct arena arena = {.memory = memory, .size = sizeof memory};
    struct pool pool;
    ck_assert_int_eq(pool_init(&pool, &arena, 2 * POOL_BLOCK_SIZE), ERR_OK);
    struct chain chain = chain_make(&pool);
    ck_assert_ptr_null(chain_alloc(&chain, POOL_BLOCK_SIZE));
    ck_assert_ptr_nonnull(chain_alloc(&chain, POOL_BLOCK_SIZE - 32));
    ck_assert_ptr_nonnull(chain_copy(&chain, SLICE("text")).data);
    chain_free(&chain);
}
END_TEST

UNIT_MAIN(pool_gives_back_what_a_chain_took, pool_refuses_more_than_a_block_at_once)
