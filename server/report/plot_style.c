/* SPDX-License-Identifier: MIT
 *
 * The style of plots: every colour of a report is a variable of this sheet.
 */
#include "server/report/plot.h"

/* Okabe and Ito's blue, vermilion, green and purple, darker or lighter for contrast on either
 * ground. */
static const char style[] =
    ":root{--paper:#fff;--ink:#1c2430;--soft:#5b6673;--rule:#d9dee5;--c1:#0067a5;--c2:#c8500a;"
    "--c3:#00805f;--c4:#a8508a;--info:#5b6673;--warning:#a36200;--critical:#c02626;--good:#00805f}"
    "\n"
    "@media (prefers-color-scheme:dark){:root{--paper:#14181f;--ink:#e4e8ee;--soft:#9aa5b3;"
    "--rule:#2e3642;--c1:#5cb6ee;--c2:#f2894a;--c3:#3cc79f;--c4:#dd92c3;--info:#9aa5b3;"
    "--warning:#f0ad3d;--critical:#ff7b72;--good:#3cc79f}}\n"
    ".paper{fill:var(--paper)}\n"
    ".plot{display:block;width:100%;height:auto}\n"
    ".plot text{font:12.5px system-ui,sans-serif;fill:var(--ink)}\n"
    ".plot .tick,.plot .none{fill:var(--soft);font-variant-numeric:tabular-nums}\n"
    ".plot .none{text-anchor:middle}\n"
    ".grid{stroke:var(--rule);stroke-width:1;fill:none}\n"
    ".axis{stroke:var(--soft);stroke-width:1;fill:none}\n"
    ".line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}\n"
    ".c1{stroke:var(--c1)}.c2{stroke:var(--c2)}.c3{stroke:var(--c3)}.c4{stroke:var(--c4)}\n"
    ".band{fill:var(--c1);opacity:.16}.swatch{stroke:var(--c1);stroke-width:9;opacity:.25}\n"
    ".span{fill:var(--warning);opacity:.14}\n"
    ".limit{stroke:var(--critical);stroke-width:1.3;stroke-dasharray:5 4;fill:none}\n"
    ".mark{stroke:var(--paper);stroke-width:1.5}\n"
    ".mark.info{fill:var(--info)}.mark.warning{fill:var(--warning)}"
    ".mark.critical{fill:var(--critical)}\n"
    ".spark{width:120px;height:22px;vertical-align:middle}\n"
    /* The drawing is scaled down to a narrow screen: what is written in it is to stay legible. */
    "@media (max-width:520px){.plot{overflow:visible}.plot text{font-size:16px}}\n";

void plot_style(struct buffer *out)
{
    buffer_append_text(out, style);
}
