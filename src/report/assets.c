/* SPDX-License-Identifier: MIT
 *
 * The style and the script of the page, taken into the program as they stand in reports/. */
#include "src/report/assets.h"

#define ASSET(name, path)                                                                                                  \
    __asm__(".pushsection .rodata\n.global " #name "_begin\n" #name "_begin:\n.incbin \"" path "\"\n.global " #name "_end\n" #name \
            "_end:\n.byte 0\n.popsection\n");                                                                              \
    extern const char name##_begin[], name##_end[];

ASSET(report_css, "reports/report.css")
ASSET(report_js, "reports/report.js")

slice asset_css(void)
{
    return (slice){report_css_begin, (size_t)(report_css_end - report_css_begin)};
}

slice asset_js(void)
{
    return (slice){report_js_begin, (size_t)(report_js_end - report_js_begin)};
}
