/* SPDX-License-Identifier: MIT
 *
 * Trees written as YAML: read again they are the same, entries can be left out, and a person can read them. */
#include "tests/unit/unit.h"

#include "src/bench/yaml.h"

#include <stdio.h>

static struct arena arena;
static struct problems problems;

static struct tree *parse(slice text)
{
    struct complaints to = {.problems = &problems};
    struct tree *root = NULL;
    problems.count = problems.error_count = 0;
    ck_assert_int_eq(tree_parse(&root, text, &to, &arena), ERR_OK);
    return root;
}

static slice put(const struct tree *root, const struct yaml_edit *edits, size_t count)
{
    struct buffer buffer = buffer_make(&arena, 1 << 20);
    yaml_put(root, edits, count, &buffer);
    ck_assert(!buffer.full);
    return buffer_slice(&buffer);
}

static bool same(const struct tree *a, const struct tree *b)
{
    if (a->kind != b->kind || !slice_equal(a->key, b->key) || (a->kind == TREE_TEXT && (!slice_equal(a->text, b->text) || a->count != b->count))) {
        return false;
    }
    const struct tree *x = a->first, *y = b->first;
    while (x != NULL && y != NULL && same(x, y)) {
        x = x->next;
        y = y->next;
    }
    return x == NULL && y == NULL;
}

static void begin(void)
{
    ck_assert_int_eq(arena_make(&arena, 256u << 20), ERR_OK);
}

static slice file(const char *path)
{
    char *bytes = arena_alloc(&arena, 1 << 20);
    FILE *in = fopen(path, "re");
    ck_assert_ptr_nonnull(in);
    size_t size = fread(bytes, 1, (1 << 20) - 1, in);
    fclose(in);
    return (slice){bytes, size};
}

START_TEST(scenarios_written_and_read_again_are_the_same)
{
    begin();
    static const char *const paths[] = {"scenarios/quickstart.yaml", "scenarios/broken/mutants.yaml", "scenarios/big-study.yaml", "sim/vendors/agfa.yaml"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct tree *root = parse(file(paths[i]));
        slice written = put(root, NULL, 0);
        struct tree *again = parse(written);
        ck_assert_msg(same(root, again), "%s changed: %.*s", paths[i], SLICE_ARGS(written));
        ck_assert(slice_equal(written, put(again, NULL, 0)));
    }
}
END_TEST

START_TEST(texts_keep_what_they_are)
{
    begin();
    static const char texts[] = "a: \"it's \\\"so\\\"\"\nb: \"x: y\"\nc: \"# no\"\nd: ~\ne: \"\"\nf: \"tab\\there\\nline\"\ng: -5\nh: 'back\\slash'\ni: [\"a, b\", \"[c]\", \"- d\", yes, 012]\nj: Siân\nk: \" pad \"\n";
    slice text = slice_from(texts);
    struct tree *root = parse(text), *again = parse(put(root, NULL, 0));
    ck_assert(same(root, again));
    ck_assert(tree_is_empty(tree_get(again, "d")));
    ck_assert(!tree_is_empty(tree_get(again, "e")));
}
END_TEST

START_TEST(entries_are_left_out_and_changed)
{
    begin();
    struct tree *root = parse(SLICE("people:\n  ann: {name: Ann, images: 24}\n  bob: {name: Bob}\nstory:\n  - {id: a}\n  - {id: b}\nfaults: {one: {at: 1}}\n"));
    const struct tree *people = tree_get(root, "people"), *story = tree_get(root, "story");
    const struct yaml_edit edits[] = {{.node = tree_get(people, "bob")}, {.node = story->first}, {.node = tree_get(tree_get(root, "faults"), "one")},
                                      {tree_get(tree_get(people, "ann"), "images"), SLICE("1")}};
    slice written = put(root, edits, 4);
    ck_assert_msg(slice_equal(written, SLICE("people:\n  ann: {name: Ann, images: 1}\n\nstory:\n  - {id: b}\n\n")), "%.*s", SLICE_ARGS(written));
}
END_TEST

START_TEST(long_maps_take_many_lines)
{
    begin();
    char text[2000];
    struct buffer buffer = buffer_over(text, sizeof text);
    buffer_put_text(&buffer, "a: {b: {");
    for (int i = 0; i < 30; i++) {
        buffer_put_text(&buffer, i == 0 ? "key_" : ", key_");
        buffer_put_int(&buffer, i);
        buffer_put_text(&buffer, ": value");
    }
    buffer_put_text(&buffer, "}}\n");
    struct tree *root = parse(buffer_slice(&buffer));
    slice written = put(root, NULL, 0);
    ck_assert_ptr_nonnull(strstr(written.data, "\n    key_7: value\n"));
    ck_assert(same(root, parse(written)));
}
END_TEST

UNIT_MAIN(scenarios_written_and_read_again_are_the_same, texts_keep_what_they_are, entries_are_left_out_and_changed, long_maps_take_many_lines)
