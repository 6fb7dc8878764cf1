/* SPDX-License-Identifier: MIT
 *
 * Unit: the main of a unit test. Each test file is a program that prints TAP: one line a test, its name a sentence. */
#ifndef PONT_TESTS_UNIT_H
#define PONT_TESTS_UNIT_H

#include <check.h>
#include <stdlib.h>

#define UNIT_MAIN(...)                                                         \
    int main(void)                                                             \
    {                                                                          \
        const TTest *const tests[] = {__VA_ARGS__};                            \
        Suite *suite = suite_create("unit");                                   \
        TCase *cases = tcase_create("cases");                                  \
        for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {          \
            tcase_add_test(cases, tests[i]);                                   \
        }                                                                      \
        tcase_set_timeout(cases, 240);                                         \
        suite_add_tcase(suite, cases);                                         \
        SRunner *runner = srunner_create(suite);                               \
        srunner_set_tap(runner, "-");                                          \
        srunner_run_all(runner, CK_SILENT);                                    \
        int failed = srunner_ntests_failed(runner);                            \
        srunner_free(runner);                                                  \
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;                      \
    }

#endif
