/* SPDX-License-Identifier: MIT */
#include "src/scenario/tree.h"

#include "tests/unit/unit.h"

#include <stdio.h>

static char memory[1 << 20];
static struct problems problems;

static struct tree *parse(const char *text, enum err wanted)
{
    struct arena arena = {.memory = memory, .size = sizeof memory};
    const struct complaints to = {&problems, "test.yaml"};
    struct tree *root = NULL;
    problems = (struct problems){.count = 0};
    ck_assert_int_eq(tree_parse(&root, slice_from(text), &to, &arena), wanted);
    return root;
}

static void refused(const char *text, const char *rule, int line, int column)
{
    (void)parse(text, ERR_BAD_INPUT);
    ck_assert_uint_eq(problems.count, 1);
    ck_assert_str_eq(problems.list[0].rule, rule);
    ck_assert_int_eq(problems.list[0].error.line, line);
    ck_assert_int_eq(problems.list[0].error.column, column);
}

START_TEST(every_value_knows_its_place)
{
    const struct tree *root = parse("a: 1\nb:\n  - x\n  - {c: \"y\", d: ŷŷ}\n", ERR_OK);
    const struct tree *list = tree_get(root, "b");
    ck_assert_int_eq(tree_get(root, "a")->at.line, 1);
    ck_assert_int_eq(tree_get(root, "a")->at.column, 4);
    ck_assert_uint_eq(list->count, 2);
    const struct tree *c = tree_get(list->first->next, "c"), *d = tree_get(list->first->next, "d");
    ck_assert(c->quoted && !d->quoted && slice_equal(d->text, SLICE("ŷŷ")));
    ck_assert_int_eq(d->at.line, 4);
    ck_assert_int_eq(d->at.column, 17);
    ck_assert_int_eq(d->at.end_column, 19); /* characters, not bytes */
    ck_assert_int_eq(d->key_at.column, 14);
}
END_TEST

START_TEST(a_text_is_never_taken_for_anything_else)
{
    const struct tree *root = parse("a: no\nb: 012\nc: 1e3\nd: 2010-03-01\ne: ~\nf: \"~\"\ng:\n", ERR_OK);
    ck_assert(slice_equal(tree_get(root, "a")->text, SLICE("no")) && slice_equal(tree_get(root, "b")->text, SLICE("012")));
    ck_assert(slice_equal(tree_get(root, "d")->text, SLICE("2010-03-01")));
    ck_assert(tree_is_empty(tree_get(root, "e")) && !tree_is_empty(tree_get(root, "f")) && tree_is_empty(tree_get(root, "g")));
}
END_TEST

START_TEST(an_alias_may_repeat_one_text)
{
    const struct tree *root = parse("a: &x hello\nb: *x\n", ERR_OK);
    ck_assert(slice_equal(tree_get(root, "b")->text, SLICE("hello")));
    refused("a: &x [1]\nb: *x\n", "P109", 2, 4);
    refused("a: *x\n", "P109", 1, 4);
}
END_TEST

START_TEST(what_a_scenario_must_not_use_is_refused_where_it_stands)
{
    refused("a: 1\na: 2\n", "P107", 2, 1);
    refused("a: !x 1\n", "P108", 1, 4);
    refused("<<: {a: 1}\n", "P108", 1, 1);
    refused("? [a]\n: 1\n", "P108", 1, 3);
    refused("a:\n\tb: 1\n", "P104", 2, 1);
    refused("a: 1\n---\nb: 2\n", "P106", 2, 1);
    refused("a: \x01\n", "P103", 1, 4);
    refused("a: \xE2\x82\n", "P103", 1, 4);
    refused("a: \"\\0\"\n", "P103", 1, 4);
    refused("", "P110", 1, 1);
    refused("- a\n", "P110", 1, 1);
}
END_TEST

START_TEST(all_duplicate_keys_are_found_in_one_pass)
{
    (void)parse("a: 1\nb: {x: 1, x: 2}\na: 2\na: 3\n", ERR_BAD_INPUT);
    ck_assert_uint_eq(problems.count, 3);
}
END_TEST

/* Every arena too small gives ERR_LIMIT, never a crash. */
START_TEST(a_tree_fails_cleanly_at_every_arena_size)
{
    enum err err = ERR_LIMIT;
    for (size_t size = 0; err == ERR_LIMIT; size += 16) {
        struct arena arena = {.memory = memory, .size = size};
        const struct complaints to = {&problems, "test.yaml"};
        struct tree *root = NULL;
        problems = (struct problems){.count = 0};
        ck_assert_uint_lt(size, sizeof memory);
        err = tree_parse(&root, SLICE("a: &x 1\nb: [*x, {c: d, e: f}]\n"), &to, &arena);
        ck_assert(err == ERR_OK ? problems.count == 0 && root != NULL : problems.count > 0 && root == NULL);
    }
    ck_assert_int_eq(err, ERR_OK);
}
END_TEST

START_TEST(a_misspelt_word_finds_its_neighbour)
{
    struct nearest nearest = nearest_begin(SLICE("adler"));
    nearest_try(&nearest, SLICE("birch"));
    nearest_try(&nearest, SLICE("alder"));
    ck_assert_str_eq(nearest_hint(&nearest).text, "; did you mean \"alder\"?");
    nearest = nearest_begin(SLICE("x"));
    nearest_try(&nearest, SLICE("modality"));
    ck_assert_str_eq(nearest_hint(&nearest).text, "");
    ck_assert_str_eq(quoted(SLICE("a\nb")).text, "\"a?b\"");
}
END_TEST

UNIT_MAIN(every_value_knows_its_place, a_text_is_never_taken_for_anything_else, an_alias_may_repeat_one_text,
          what_a_scenario_must_not_use_is_refused_where_it_stands, all_duplicate_keys_are_found_in_one_pass, a_tree_fails_cleanly_at_every_arena_size,
          a_misspelt_word_finds_its_neighbour)
