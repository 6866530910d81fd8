/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/template.h"

/* The parts of a text: T for text, P for a place, F for a fault. */
static void expect_steps(const char *text, const char *steps)
{
    struct template_scan scan = template_begin(text, strlen(text));
    struct template_part part;
    enum template_step step;
    size_t covered = 0, count = 0;
    while ((step = template_next(&scan, &part)) != TEMPLATE_END) {
        assert_true(part.length > 0);
        assert_ptr_equal(part.text, text + covered);
        covered += part.length;
        assert_int_equal(steps[count++], "TPF"[step]);
    }
    assert_int_equal(steps[count], '\0');
    assert_int_equal(covered, strlen(text));
}

static void finds_places_amid_text(void **state)
{
    (void)state;
    expect_steps("", "");
    expect_steps("plain", "T");
    expect_steps("{{alert}}", "P");
    expect_steps("{{ alert\t}}", "P");
    expect_steps("a {{alert}}{{metric}} b", "TPPT");
    expect_steps("{\"a\":{\"b\":{}}}", "T");
    expect_steps("}} { }", "T");
}

static void every_place_has_a_name_that_is_found(void **state)
{
    (void)state;
    for (int i = 0; i < TEMPLATE_PLACES; i++) {
        char text[64];
        struct template_part part;
        snprintf(text, sizeof(text), "{{%s}}", template_place_name((enum template_place)i));
        struct template_scan scan = template_begin(text, strlen(text));
        assert_int_equal(template_next(&scan, &part), TEMPLATE_PLACE);
        assert_int_equal(part.place, i);
    }
}

static void refuses_what_is_no_place(void **state)
{
    (void)state;
    expect_steps("{{}}", "F");
    expect_steps("{{alerts}}", "F");
    expect_steps("{{Alert}}", "F");
    expect_steps("{{alert", "FT");
    expect_steps("{{alert\n}}", "FT");
    expect_steps("{{", "F");
    expect_steps("{{{alert}}", "F");
}

static void tells_the_line_and_goes_on_behind_a_fault(void **state)
{
    static const char text[] = "a\n{{x}}\n\n{{y}} {{alert}}";
    struct template_scan scan = template_begin(text, strlen(text));
    struct template_part part;
    unsigned lines[2] = {0};
    size_t faults = 0, places = 0;
    enum template_step step;
    (void)state;
    while ((step = template_next(&scan, &part)) != TEMPLATE_END) {
        places += step == TEMPLATE_PLACE;
        if (step == TEMPLATE_FAULT) {
            assert_non_null(strstr(part.why, faults == 0 ? "{{x}} is none of" : "{{y}}"));
            lines[faults++] = part.line;
        }
    }
    assert_int_equal(faults, 2);
    assert_int_equal(places, 1);
    assert_int_equal(lines[0], 2);
    assert_int_equal(lines[1], 4);
}

static void all_places_are_listed_in_a_fault(void **state)
{
    char text[128];
    struct template_part part;
    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(text, "{{", 2);
    memcpy(text + sizeof(text) - 2, "}}", 2);
    struct template_scan scan = template_begin(text, sizeof(text));
    assert_int_equal(template_next(&scan, &part), TEMPLATE_FAULT);
    for (int i = 0; i < TEMPLATE_PLACES; i++) {
        assert_non_null(strstr(part.why, template_place_name((enum template_place)i)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_places_amid_text),
        cmocka_unit_test(every_place_has_a_name_that_is_found),
        cmocka_unit_test(refuses_what_is_no_place),
        cmocka_unit_test(tells_the_line_and_goes_on_behind_a_fault),
        cmocka_unit_test(all_places_are_listed_in_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
