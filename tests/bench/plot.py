# SPDX-License-Identifier: MIT
"""Small SVG plots without a library: lines over a logarithmic axis, and panels of bars."""

import math
from xml.sax.saxutils import escape

COLOURS = ("#1f6feb", "#d1570a", "#2a8a3e", "#8250df", "#b3261e", "#6e7781", "#0a7ea4")
GREY, INK = "#d8dee4", "#24292f"
FONT = "font-family='system-ui,sans-serif' font-size='12'"


def _document(width, height, parts):
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}'"
        f" {FONT} fill='{INK}'>\n<rect width='100%' height='100%' fill='white'/>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _text(x, y, text, anchor="start", more=""):
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' {more}>{escape(text)}</text>"


def _line(x1, y1, x2, y2, colour):
    return f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{colour}'/>"


def _step(largest, steps):
    """A round distance of about `steps` ticks up to `largest`."""
    rough = largest / steps
    unit = 10 ** math.floor(math.log10(rough))
    return next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)


def lines(title, unit, curves, x_name):
    """`curves` maps a name to points (x, y); x is logarithmic, y begins at zero."""
    width, height, left, top, right, bottom = 760, 400, 60, 44, 190, 44
    xs = sorted({x for points in curves.values() for x, _ in points})
    largest = max(y for points in curves.values() for _, y in points)
    step = _step(largest, 6)
    ceiling = math.ceil(largest / step) * step
    low, high = math.log10(xs[0]), math.log10(xs[-1])

    def place(x, y):
        across = (math.log10(x) - low) / (high - low or 1)
        return left + across * (width - left - right), height - bottom - y / ceiling * (height - top - bottom)

    parts = [_text(left, 22, f"{title} ({unit})", more="font-size='15' font-weight='600'")]
    for index in range(round(ceiling / step) + 1):
        _, y = place(xs[0], index * step)
        parts += [_line(left, y, width - right, y, GREY), _text(left - 8, y + 4, f"{index * step:g}", "end")]
    for x in xs:
        parts.append(_text(place(x, 0)[0], height - bottom + 18, f"{x:,}", "middle"))
    parts.append(_text((left + width - right) / 2, height - 8, x_name, "middle"))
    for index, (name, points) in enumerate(curves.items()):
        colour = COLOURS[index % len(COLOURS)]
        dash = " stroke-dasharray='6 4'" if index >= len(COLOURS) else ""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
        parts.append(f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'{dash}/>")
        parts += [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3' fill='{colour}'/>" for x, y in map(lambda p: place(*p), points)]
        y = top + 18 * index
        parts.append(f"<rect x='{width - right + 16}' y='{y - 9}' width='12' height='12' fill='{colour}'/>")
        parts.append(_text(width - right + 34, y + 1, name))
    return _document(width, height, parts)


def _panel(x, y, width, title, bars):
    parts = [_text(x, y, title, more="font-size='14' font-weight='600'")]
    largest = max(value for _, value, _ in bars)
    label, figure = 90, 90
    for index, (name, value, shown) in enumerate(bars):
        at = y + 12 + index * 26
        length = max(1, value / largest * (width - label - figure))
        colour = COLOURS[0] if name == "sigmad" else "#8c959f"
        parts.append(_text(x + label - 8, at + 14, name, "end"))
        parts.append(f"<rect x='{x + label}' y='{at}' width='{length:.1f}' height='18' fill='{colour}'/>")
        parts.append(_text(x + label + length + 6, at + 14, shown))
    return parts


def bars(panels):
    """`panels` is a list of (title, [(name, value, text)]), two a row; sigmad's bars stand out."""
    width, column = 860, 420
    row = 50 + 26 * max(len(entries) for _, entries in panels)
    parts = []
    for index, (title, entries) in enumerate(panels):
        parts += _panel(16 + column * (index % 2), 28 + row * (index // 2), column - 16, title, entries)
    return _document(width, row * ((len(panels) + 1) // 2) + 10, parts)
