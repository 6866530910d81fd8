# SPDX-License-Identifier: MIT
"""A strict reader of the Prometheus text format 0.0.4: what it returns was valid, all else raises Invalid.

It asks for more than Prometheus does: HELP and TYPE for every family, HELP first, families in one piece,
counters that end in `_total` (unless told otherwise: statsd_exporter's names do not), complete summaries and histograms, nothing that a second parser could read
differently. The format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import math
import re
from dataclasses import dataclass, field

METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
TIMESTAMP = re.compile(r"-?\d+")
TYPES = ("counter", "gauge", "summary", "histogram", "untyped")
# What a family's samples are called, after the family's own name.
SUFFIXES = {"summary": ("", "_sum", "_count"), "histogram": ("_bucket", "_sum", "_count")}
SPECIAL_VALUES = {"NaN": math.nan, "+Inf": math.inf, "-Inf": -math.inf}


class Invalid(AssertionError):
    """The exposition breaks a rule; the text says which and where."""


@dataclass(frozen=True)
class Sample:
    name: str
    labels: dict
    value: float
    line: int

    @property
    def key(self):
        return self.name, tuple(sorted(self.labels.items()))


@dataclass
class Family:
    name: str
    help: str
    type: str = ""
    samples: list = field(default_factory=list)


class Exposition:
    """Families by name. Values are looked up by sample name and the exact set of labels."""

    def __init__(self, families):
        self.families = families
        self._values = {s.key: s.value for f in families.values() for s in f.samples}

    def __contains__(self, name):
        return any(sample_name == name for sample_name, _ in self._values)

    def get(self, name, default=None, **labels):
        return self._values.get((name, tuple(sorted(labels.items()))), default)

    def value(self, name, **labels):
        """The value of one sample; a KeyError that names its nearest relatives if there is none."""
        found = self.get(name, **labels)
        if found is None:
            raise KeyError(f"no {name}{labels}; there is {self.series(name)}")
        return found

    def series(self, name):
        """[(labels, value)] of every sample of this name, in the order of the text."""
        return [(dict(labels), value) for (n, labels), value in self._values.items() if n == name]

    def total(self, name, **labels):
        """The sum over every sample of this name whose labels include these; 0 without any."""
        return sum(v for found, v in self.series(name) if labels.items() <= found.items())


def parse(text, totals=True):
    """The Exposition of a text, or of its UTF-8 bytes; without `totals` counters may have any name."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Invalid(f"not UTF-8: {error}") from None
    return _Reader(text, totals).read()


class _Reader:
    def __init__(self, text, totals):
        self.text = text
        self.totals = totals
        self.families = {}
        self.current = None
        self.keys = set()
        self.line = 0

    def require(self, condition, message):
        if not condition:
            raise Invalid(f"line {self.line}: {message}")

    def read(self):
        self.require(self.text.endswith("\n"), "the last line has no line feed")
        self.require("\r" not in self.text, "a carriage return")
        for self.line, line in enumerate(self.text[:-1].split("\n"), 1):
            self.require(line != "", "an empty line")
            if line.startswith("#"):
                self.read_comment(line)
            else:
                self.read_sample(line)
        self.finish_family()
        self.check_derived_names()
        return Exposition(self.families)

    def read_comment(self, line):
        match = re.fullmatch(r"# (HELP|TYPE) ([^ ]+) (.+)", line)
        self.require(match, f"a comment that is neither HELP nor TYPE with a text: {line!r}")
        keyword, name, rest = match.groups()
        self.require(METRIC_NAME.fullmatch(name), f"illegal metric name {name!r}")
        if keyword == "HELP":
            self.begin_family(name, rest)
        else:
            self.set_type(name, rest)

    def begin_family(self, name, text):
        self.finish_family()
        self.require(name not in self.families, f"a second HELP or a second part of the family {name}")
        self.require(not re.search(r"\\(?![\\n])", text.replace(r"\\", "")), "an illegal escape in HELP")
        self.current = self.families[name] = Family(name, text)

    def set_type(self, name, kind):
        self.require(self.current and self.current.name == name, f"TYPE of {name} without its HELP before it")
        self.require(not self.current.type, f"a second TYPE of {name}")
        self.require(not self.current.samples, f"TYPE of {name} after its samples")
        self.require(kind in TYPES, f"unknown type {kind!r}")
        self.require(not self.totals or kind != "counter" or name.endswith("_total"), f"counter {name} does not end in _total")
        self.current.type = kind

    def read_sample(self, line):
        match = re.match(r"[^{ ]+", line)
        self.require(match, f"no metric name: {line!r}")
        name = match.group(0)
        self.require(METRIC_NAME.fullmatch(name), f"illegal metric name {name!r}")
        labels, rest = self.read_labels(line[match.end():])
        fields = rest.split(" ")
        self.require(len(fields) in (2, 3) and fields[0] == "", f"not ` VALUE` after the labels: {rest!r}")
        self.require(len(fields) == 2 or TIMESTAMP.fullmatch(fields[2]), f"illegal time stamp: {rest!r}")
        sample = Sample(name, labels, self.read_value(fields[1]), self.line)
        self.require(self.current and self.current.type, f"{name} without HELP and TYPE before it")
        self.check_belongs(sample)
        self.require(sample.key not in self.keys, f"{name}{labels} a second time")
        self.keys.add(sample.key)
        self.current.samples.append(sample)

    def read_value(self, text):
        if text in SPECIAL_VALUES:
            return SPECIAL_VALUES[text]
        self.require(NUMBER.fullmatch(text), f"illegal value {text!r}")
        return float(text)

    def read_labels(self, rest):
        """({name: value}, what follows); `rest` begins behind the metric name."""
        if not rest.startswith("{"):
            return {}, rest
        labels, at = {}, 1
        while not rest.startswith("}", at):
            match = re.compile(r'([^="{},]*)="((?:[^"\\]|\\.)*)"').match(rest, at)
            self.require(match, f"malformed labels: {rest!r}")
            name, value = match.groups()
            self.require(LABEL_NAME.fullmatch(name), f"illegal label name {name!r}")
            self.require(not name.startswith("__"), f"reserved label name {name!r}")
            self.require(name not in labels, f"label {name!r} twice")
            labels[name] = self.unescape(value)
            at = match.end()
            if rest.startswith(",", at):
                at += 1
                self.require(not rest.startswith("}", at), "a comma after the last label")
            else:
                self.require(rest.startswith("}", at), f"malformed labels: {rest!r}")
        self.require(labels, "empty braces")
        return labels, rest[at + 1:]

    def unescape(self, text):
        def plain(match):
            self.require(match.group(1) in '\\"n', f"illegal escape \\{match.group(1)} in a label value")
            return "\n" if match.group(1) == "n" else match.group(1)

        return re.sub(r"\\(.)", plain, text)

    def check_belongs(self, sample):
        family = self.current
        names = [family.name + suffix for suffix in SUFFIXES.get(family.type, ("",))]
        self.require(sample.name in names, f"{sample.name} is not a sample of the {family.type} {family.name}")
        for label, kind, suffix in (("quantile", "summary", ""), ("le", "histogram", "_bucket")):
            wanted = family.type == kind and sample.name == family.name + suffix
            self.require(wanted == (label in sample.labels), f"label {label} missing or misplaced")
            if wanted:
                self.read_value(sample.labels[label])
        if "quantile" in sample.labels:
            quantile = float(sample.labels["quantile"])
            self.require(0 <= quantile <= 1, f"quantile {quantile} outside 0 to 1")
        grows = family.type == "counter" or sample.name.endswith(("_bucket", "_count")) and family.type in SUFFIXES
        self.require(not grows or sample.value >= 0, f"{sample.name} is negative or NaN: {sample.value}")

    def finish_family(self):
        """What can only be said of a whole family: it has samples, its summaries and histograms are complete."""
        family = self.current
        if family is None:
            return
        self.require(family.type, f"{family.name} has no TYPE")
        self.require(family.samples, f"{family.name} has no samples")
        if family.type in SUFFIXES:
            for parts in self.grouped(family).values():
                self.check_group(family, parts)

    @staticmethod
    def grouped(family):
        """The samples of a summary or histogram by their labels without quantile and le: {suffix: [sample]}."""
        groups = {}
        for sample in family.samples:
            own = {k: v for k, v in sample.labels.items() if k not in ("quantile", "le")}
            parts = groups.setdefault(tuple(sorted(own.items())), {})
            parts.setdefault(sample.name[len(family.name):], []).append(sample)
        return groups

    def check_group(self, family, parts):
        for suffix in ("_sum", "_count"):
            self.require(suffix in parts, f"{family.name} without {suffix}")
        if family.type == "summary":
            self.check_ascending(family, [float(s.labels["quantile"]) for s in parts.get("", [])])
            return
        buckets = parts.get("_bucket", [])
        bounds = [self.read_value(s.labels["le"]) for s in buckets]
        self.check_ascending(family, bounds)
        self.require(bounds and bounds[-1] == math.inf, f"{family.name} without the bucket +Inf")
        counts = [s.value for s in buckets]
        self.require(counts == sorted(counts), f"buckets of {family.name} are not cumulative")
        self.require(counts[-1] == parts["_count"][0].value, f"{family.name}: bucket +Inf is not the count")

    def check_ascending(self, family, values):
        self.require(all(a < b for a, b in zip(values, values[1:])), f"{family.name}: {values} do not ascend")

    def check_derived_names(self):
        """No family is called as the `_sum`, `_count` or `_bucket` of another: parsers would put it there."""
        for family in self.families.values():
            for suffix in SUFFIXES.get(family.type, ()):
                clash = suffix and family.name + suffix in self.families
                self.require(not clash, f"{family.name}{suffix} is a family and part of {family.name}")
