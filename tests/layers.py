# SPDX-License-Identifier: MIT
"""The include direction: which folder may know which, and which folder may know which outside library.

    proto <- config <- server/core <- server/metrics <- server/{flush,detect,alert,history,report} <- server/{net,sink,http,console} <- server
                                                                              server/{net,sink,http} <- server/notify <- server/modules

An include points down this line or stays in its own folder. Siblings do not know each other, but for the
contracts that they meet by. `python3 tests/layers.py` prints every fault of the tree as FILE:LINE: message.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

RANK = {
    "proto": 0,
    "config": 1,
    "server/core": 2,
    "server/metrics": 3,
    "server/resources": 3,
    "server/flush": 4,
    "server/detect": 4,
    "server/alert": 4,
    "server/history": 4,
    "server/report": 4,
    "server/net": 5,
    "server/sink": 5,
    "server/http": 5,
    "server/console": 5,
    "server/notify": 6,
    "server/modules": 7,
    "server": 7,
}

# sigmactl is a program of its own: it shares the parser and the pipeline's core, never the server's I/O, but for what
# the table below names: receiving, what is done with a datagram, and how a window is written.
SIGMACTL = "tools/sigmactl"
SIGMACTL_MAY_KNOW = {"proto", "config", "server/core", "server/metrics", "server/flush", "server/report", SIGMACTL}

# Headers by which siblings meet, includable from any layer that calls through them.
CONTRACTS = {
    "server/sink/sink.h": {"server/flush", "server/http", "server/console"},
    "server/alert/engine.h": {"server/flush"},
    "server/history/history.h": {"server/detect", "server/flush", "server/http"},
    "server/detect/classify.h": {"server/report", SIGMACTL},
    "server/detect/trend.h": {"server/report", SIGMACTL},
    "server/detect/statistics.h": {SIGMACTL},
    "server/detect/trend.h": {"server/http", "server/report", SIGMACTL},
    "server/detect/detector.h": {"server/flush", "server/http", SIGMACTL},
    "server/http/body.h": {SIGMACTL},
    "server/http/report_json.h": {SIGMACTL},
    "server/http/exposition.h": {SIGMACTL},
    "server/net/address.h": {"server/console", SIGMACTL},
    "server/net/tcp.h": {"server/console"},
    "server/net/intake.h": {SIGMACTL},
    "server/net/udp.h": {SIGMACTL},
    "server/sink/blocks.h": {SIGMACTL},
    "server/sink/csv_closed.h": {SIGMACTL},
    "server/sink/csv_rows.h": {SIGMACTL},
    "server/sink/graphite_lines.h": {SIGMACTL},
}

SERVER_IO = {"server/net", "server/sink", "server/http", "server/console", "server/notify", "server/modules", "server"}
THREADED = SERVER_IO | {"server/history", "server/core", "server/metrics", "server/flush", "server/report", SIGMACTL}

# Outside headers that only some folders may include: (pattern, folders, why).
OUTSIDE = [
    (r"event2?/.*|event\.h|evhttp\.h", SERVER_IO | {SIGMACTL}, "libevent is for the I/O part and the daemon"),
    (r"ini\.h", {"config"}, "inih is read in config"),
    (r"zlib\.h", {"server/sink", "server/http", SIGMACTL}, "compression is an output's"),
    (r"xxhash\.h", {"server/core"}, "hashing is wrapped by server/core/hash.h"),
    (r"jansson\.h", {SIGMACTL}, "the server writes its JSON itself"),
    (
        r"pcre2\.h|yaml\.h|curl/.*|snappy.*|protobuf-c/.*",
        {"server/modules"},
        "heavy libraries are for modules (server/core/module.h)",
    ),
    (r"dlfcn\.h", {"server/core"}, "modules are loaded by server/core/module.h"),
    (r"cmocka\.h", set(), "cmocka is for tests"),
    (r"pthread\.h|threads\.h|semaphore\.h", THREADED, "these folders are pure computation"),
    (
        r"sys/(socket|epoll|eventfd|un)\.h|netinet/.*|poll\.h",
        SERVER_IO | {"config", "server/core", "server/flush", "server/report", SIGMACTL},
        "sockets are for the I/O part",
    ),
    (
        r"unistd\.h|fcntl\.h|time\.h|signal\.h|sys/.*",
        set(RANK) - {"proto"} | {SIGMACTL},
        "proto has no I/O and no clock",
    ),
]

# proto works in its callers' buffers only. What else it might call needs a header that is refused above.
PROTO_CALLS = re.compile(r"\b(malloc|calloc|realloc|free|strdup|strndup|asprintf|fopen|printf)\s*\(")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def layer_of(path):
    """The folder of RANK, or tools/sigmactl, that a path relative to the root belongs to; None for others."""
    folder = Path(path).parent
    while folder != Path("."):
        if folder.as_posix() in RANK or folder.as_posix() == SIGMACTL:
            return folder.as_posix()
        folder = folder.parent
    return None


def fault_of_own(includer, included):
    """What is wrong with `includer` including this project's `included`, or None."""
    above, below = layer_of(includer), layer_of(included)
    if below is None:
        return f'"{included}" is of no layer'
    if above == below or above in CONTRACTS.get(included, ()):
        return None
    if above == SIGMACTL:
        return None if below in SIGMACTL_MAY_KNOW else f"{above} may not know {below}"
    if below == SIGMACTL:
        return f"{above} may not know {below}"
    if RANK[below] > RANK[above]:
        return f"{above} lies below {below}"
    if RANK[below] == RANK[above]:
        return f"{above} and {below} are siblings"
    return None


def fault_of_outside(includer, header):
    """What is wrong with `includer` including <header>, or None."""
    layer = layer_of(includer)
    for pattern, allowed, why in OUTSIDE:
        if re.fullmatch(pattern, header):
            return None if layer in allowed else f"<{header}> in {layer}: {why}"
    return None


def without_comments(text):
    """The text with comments and string literals blanked, lines kept."""

    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))

    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.DOTALL)


def faults_of_file(path, text, exists):
    """Yields (line, message) for a file at `path` relative to the root; exists(path) tells what there is."""
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match is None:
            continue
        own, name = match.group(1) == '"', match.group(2)
        if own and not exists(name):
            yield number, f'"{name}" is not a path from the repository root'
            continue
        fault = fault_of_own(path, name) if own else fault_of_outside(path, name)
        if fault is not None:
            yield number, fault
    if layer_of(path) == "proto":
        for number, line in enumerate(without_comments(text).splitlines(), 1):
            call = PROTO_CALLS.search(line)
            if call is not None:
                yield number, f"{call.group(1)}() in proto, which works in its callers' buffers only"


def faults_of_tree(root):
    """Every fault below `root`, as lines of text, and how many files were looked at."""
    faults, looked_at = [], 0
    for folder in sorted({layer.split("/")[0] for layer in RANK} | {SIGMACTL}):
        for file in sorted((root / folder).rglob("*.[ch]")):
            looked_at += 1
            path = file.relative_to(root).as_posix()
            text = file.read_text(encoding="utf-8")
            found = faults_of_file(path, text, lambda name: (root / name).is_file())
            faults += [f"{path}:{line}: {message}" for line, message in found]
    return faults, looked_at


def main():
    faults, looked_at = faults_of_tree(ROOT)
    for fault in faults:
        print(fault)
    print(f"{looked_at} files, {len(faults)} includes or calls that point the wrong way", file=sys.stderr)
    return 1 if faults or looked_at == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
