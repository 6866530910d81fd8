# SPDX-License-Identifier: MIT
"""BENCHMARKS.md and its plots, from the results of `tools/bench` and of `tools/bench --peers`.

Pure: text and plots follow from the two results, either of which may be missing.
"""

import inprocess
import plot

HEAD = """# Benchmarks

Written by `tools/bench` and `tools/bench --peers`; do not edit. Absolute figures move by a factor of two between
machines, and on one machine with its neighbours: believe the ratios, which are of one run. Figures are medians of
the rounds that a section names. [tests/bench/README.md](tests/bench/README.md) tells how each is measured and how to
repeat it.
"""


def table(header, rows, text_columns=1):
    """Markdown; all but the first `text_columns` columns to the right."""
    marks = ["---" if index < text_columns else "--:" for index in range(len(header))]
    lines = [header, marks, *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def count(value):
    return f"{value:,.0f}"


def rate(value):
    return f"{value / 1e6:.2f} M"


def number_of(value, word):
    return f"{value:,.0f} {word}" + ("" if round(value) == 1 else "s")


def times(value):
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def machine_lines(run):
    machine = run["machine"]
    cores = "one core for both" if machine["server_core"] == machine["sender_core"] else (
        f"server on core {machine['server_core']}, sender on core {machine['sender_core']}"
    )
    memory = f", memory at commit {run['memory_commit']}" if "memory_commit" in run else ""
    return (
        f"{run['date']}, commit {run['commit']}{memory}: {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_gib']:.0f} GiB, Linux {machine['kernel']}, {machine['compiler']}; {cores}; "
        f"load average {machine['load_average']:.1f} at the start; {number_of(run['rounds'], 'round')}.\n"
    )


# --- in process ---


def cell_of(matrix, types, tags, distribution, series):
    for cell in matrix:
        if (cell["types"], cell["tags"], cell["distribution"], cell["series"]) == (types, tags, distribution, series):
            return cell
    return None


def matrix_table(matrix, value):
    sizes = sorted({cell["series"] for cell in matrix})
    kinds = list(dict.fromkeys((cell["types"], cell["tags"], cell["distribution"]) for cell in matrix))
    rows = []
    for kind in kinds:
        found = [cell_of(matrix, *kind, size) for size in sizes]
        rows.append([kind[0], kind[1], kind[2], *(value(cell) if cell else "" for cell in found)])
    return table(["types", "tags", "series drawn", *(f"{size:,} series" for size in sizes)], rows, 3)


def series_plot(matrix):
    curves = {}
    for cell in matrix:
        if cell["types"] == "mixed" or (cell["tags"] == 0 and cell["distribution"] == "uniform"):
            tags = f", {cell['tags']} tags" if cell["tags"] else ""
            name = f"{cell['types']}{tags}, {cell['distribution']}"
            curves.setdefault(name, []).append((cell["series"], cell["ns_per_metric"]))
    return plot.lines("Pipeline in process, one thread", "ns a metric", curves, "series")


def target_rows(own):
    """(what, goal, measured) of the ratios that this run can tell."""
    programs, matrix = own["programs"], own["matrix"]
    found = []
    parse = inprocess.scan_and_parse_ns(programs)
    if parse:
        found.append(("P / S: parse, hash and number beside a newline scan", "≤ 10", times(parse[1] / parse[0])))
    small = cell_of(matrix, "mixed", 0, "uniform", 10_000)
    large = cell_of(matrix, "mixed", 0, "uniform", 1_000_000)
    line = inprocess.row_value(programs, "memory", "ns_per_line", name="R, small pages")
    if small and parse:
        found.append(("pipeline at 10,000 series / P", "≤ 1.7", times(small["ns_per_metric"] / parse[1])))
    if small:
        ratio = small["ns_per_metric"] / small["parse_ns_per_metric"]
        found.append(("pipeline at 10,000 series / parsing of the same datagrams", "", times(ratio)))
    if large and parse and line:
        found.append(("k of pipeline at 1,000,000 series = P + k·R", "≤ 2", times((large["ns_per_metric"] - parse[1]) / line)))
    for title, traffic, goal in (
        ("unpacked, 100,000 a second", "unpacked 100k/s", "≤ 0.5"),
        ("packed, 100,000 metrics a second", "packed 100k metrics/s", "≤ 1.0"),
        ("packed, 1,000,000 metrics a second", "packed 1M metrics/s", "≤ 1.0"),
    ):
        ratio = inprocess.row_value(programs, "receive", "ratio_to_d0", traffic=traffic, receiver="sigmad")
        if ratio is not None:
            found.append((f"CPU a datagram / D0, {title}", goal, times(ratio)))
    for cell in (small, large):
        if cell:
            title = f"two threads / one, in process, {cell['series']:,} series"
            found.append((title, "≥ 1.9", times(cell["threads_speedup"])))
    if "slowed_by" in own.get("slowed", {}):
        found.append(("worker slowed by ten flushes a second", "≤ 2 %", f"{own['slowed']['slowed_by'] * 100:.1f} %"))
    flushed = inprocess.row_value(programs, "flush", "per_f", name="counter, CSV line")
    if flushed is not None:
        found.append(("a flushed line / F", "≤ 4", times(flushed)))
    return found


def flat(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def program_section(name, program):
    rows = inprocess.rows(program)
    if rows:
        header = list(dict.fromkeys(key for row in rows for key in row))
        text_columns = sum(isinstance(rows[0].get(key), str) for key in header)
        body = table(header, [[flat(row.get(key, "")) for key in header] for row in rows], text_columns)
    elif "text" in program:
        body = f"```\n{program['text'].rstrip()}\n```\n"
    else:
        body = f"Not measured: {program.get('failed', 'it printed no figures')}.\n"
    return f"### bench_{name}\n\n{body}"


# --- through a socket ---


def socket_section(own):
    parts = [f"""## Through a socket

Loopback, 10,000 series of a mix (half counters, a third timers, the rest gauges), 1,432 bytes a datagram unless
unpacked, a window closed to CSV every ten seconds.
"""]
    idle = own["idle"]
    parts.append(
        f"Idle: {idle['rss'] / 2**20:.1f} MiB resident, {idle['private_dirty'] / 1024:.0f} KiB of it private and dirty.\n"
    )
    if isinstance(own.get("loss_free"), list):
        rows = [
            [entry["packing"], rate(entry["rate"]), "the sender" if entry["sender_bound"] else "the server"]
            for entry in own["loss_free"]
        ]
        parts.append(table(["highest loss-free rate", "metrics a second", "bounded by"], rows))
    if isinstance(own.get("cpu"), list):
        rows = [
            [
                f"{entry['rate']:,} metrics a second, {entry['packing']}",
                f"{entry['metrics_per_datagram']:.0f}",
                count(entry["ns_per_metric"]),
                count(entry["ns_per_datagram"]),
            ]
            for entry in own["cpu"]
        ]
        parts.append(table(["server CPU", "metrics a datagram", "ns a metric", "ns a datagram"], rows))
    if isinstance(own.get("memory"), list):
        rows = [
            [
                f"{entry['types']}, {number_of(entry['samples'], 'sample')}",
                entry["method"],
                count(entry["series"]),
                count(entry["bytes"]),
                count(entry["bytes_after_flush"]),
                f"{entry['flush_cpu_seconds']:.2f}",
            ]
            for entry in own["memory"]
        ]
        header = ["memory", "anomaly.method", "series", "bytes a series", "after a flush", "CPU s of the flush"]
        parts.append(table(header, rows, 2))
    for name in ("loss_free", "cpu", "memory", "slowed"):
        if isinstance(own.get(name), dict) and "failed" in own[name]:
            parts.append(f"Not measured, {name}: {own[name]['failed']}.\n")
    return "\n".join(parts)


def own_section(own, plots):
    parts = [machine_lines(own)]
    targets = target_rows(own)
    if targets:
        parts.append("## Ratios\n\n" + table(["ratio", "goal", "measured"], targets))
    parts.append("## In process\n\n`sigmactl bench`: ns a metric to parse, find and aggregate, one thread.\n")
    parts.append(matrix_table(own["matrix"], lambda cell: f"{cell['ns_per_metric']:.1f}"))
    parts.append(f"![ns a metric by number of series]({plots}series.svg)\n")
    parts.append("Two threads with a shard each, times the speed of one:\n")
    parts.append(matrix_table(own["matrix"], lambda cell: f"{cell['threads_speedup']:.2f}"))
    parts.append("Merging and closing a window in which every series had samples, ms:\n")
    parts.append(matrix_table(own["matrix"], lambda cell: f"{cell['flush_seconds'] * 1000:.1f}"))
    parts.append(socket_section(own))
    parts.append("## Floors and parts\n")
    parts += [program_section(name, program) for name, program in own["programs"].items()]
    return "\n".join(parts)


# --- side by side ---

# (title, value of a result, text of a value, whether more is better)
MEASURES = (
    ("loss-free metrics a second", lambda r: r.get("rate"), rate, True),
    ("ns of CPU a metric at 100,000 a second", lambda r: r.get("ns_per_metric"), count, False),
    ("bytes a counter", lambda r: r.get("counter", {}).get("bytes"), count, False),
    ("bytes a timer of 100 samples", lambda r: r.get("timer", {}).get("bytes"), count, False),
    ("bytes a counter after a flush", lambda r: r.get("counter", {}).get("bytes_after_flush"), count, False),
    ("bytes a timer after a flush", lambda r: r.get("timer", {}).get("bytes_after_flush"), count, False),
    ("CPU s of flushing these counters", lambda r: r.get("counter", {}).get("flush_cpu_seconds"), "{:.2f}".format, False),
)


def measured(results):
    return {name: result for name, result in results.items() if any(value(result) is not None for _, value, _, _ in MEASURES)}


def shown(result, title, value, text):
    figure = value(result)
    if figure is None:
        return "–"
    bound = title.startswith("loss-free") and result.get("sender_bound")
    return ("≥ " if bound else "") + text(figure)


def peers_rows(results, as_ratio):
    rows = []
    for title, value, text, more_is_better in MEASURES:
        row = [title]
        reference = value(results["sigmad"])
        for result in results.values():
            figure = value(result)
            if not as_ratio:
                row.append(shown(result, title, value, text))
            elif figure is None or not reference or not figure:
                row.append("–")
            else:
                row.append(times(reference / figure if more_is_better else figure / reference))
        rows.append(row)
    return rows


def peers_plot(results):
    panels = []
    for title, value, text, _ in MEASURES[:4]:
        entries = [(name, value(result), shown(result, title, value, text)) for name, result in results.items()]
        panels.append((title, [entry for entry in entries if entry[1] is not None]))
    return plot.bars([panel for panel in panels if panel[1]])


def accounting_rows(results):
    rows = []
    for name, result in results.items():
        settled = result.get("settled", {})
        counted = f"{settled['counted']:,.0f} of {settled['sent']:,.0f}" if settled else "–"
        buffer = f"{result['receive_buffer_bytes'] / 2**20:.0f} MiB" if "receive_buffer_bytes" in result else "–"
        rows.append([name, result.get("version", "–"), result["flushes_to"], buffer, result["counts_by"], counted])
    return rows


def peers_section(run, plots):
    results = run["results"]
    there = measured(results)
    counters = next((r["counter"]["series"] for r in there.values() if "counter" in r), 0)
    timers = next((r["timer"]["series"] for r in there.values() if "timer" in r), 0)
    parts = ["## Side by side\n", machine_lines(run)]
    parts.append(
        "One after the other in one run, by turns each round: 10,000 series, half counters, a third timers, the rest"
        " gauges, 1,432 bytes a datagram, a flush every ten seconds, the same receive buffer, every server on one core"
        f" and the sender on the other. Bytes a counter are of {counters:,} counters, bytes a timer of {timers:,}"
        " timers with 100 samples each, before the first flush and after it. sigmad runs with `anomaly.method = off`,"
        " since no other judges its series here.\n"
    )
    if "sigmad" in there:
        names = list(there)
        parts.append(table(["", *names], peers_rows(there, False)))
        parts.append("sigmad ahead by a factor of:\n")
        parts.append(table(["", *names], peers_rows(there, True)))
        parts.append(f"![side by side]({plots}peers.svg)\n")
    parts.append(
        "Lost is what the kernel dropped at the server's socket, the same for all. That no server loses behind its"
        " socket is checked against its own count after the run at 100,000 metrics a second:\n"
    )
    header = ["", "version", "flushes to", "receive buffer", "counts by", "counted"]
    parts.append(table(header, accounting_rows(results), 5))
    for name, result in results.items():
        for why in ("absent", "failed"):
            if why in result:
                parts.append(f"{name} {'is absent' if why == 'absent' else 'was not measured whole'}: {result[why]}.\n")
    return "\n".join(parts)


def render(own, peers, plots):
    """{file name: text}, BENCHMARKS.md and the plots, which it links to as `plots` + name."""
    parts, files = [HEAD], {}
    if own:
        parts.append(own_section(own, plots))
        files["series.svg"] = series_plot(own["matrix"])
    if peers:
        parts.append(peers_section(peers, plots))
        there = measured(peers["results"])
        if "sigmad" in there:
            files["peers.svg"] = peers_plot(there)
    files["BENCHMARKS.md"] = "\n".join(parts)
    return files
