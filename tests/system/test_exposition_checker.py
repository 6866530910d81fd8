# SPDX-License-Identifier: MIT
"""The checker that every exposition of every test goes through: what it must take and what it must refuse."""

import math

import pytest

import exposition

COUNTER = "# HELP a_total Things.\n# TYPE a_total counter\n"
GAUGE = "# HELP g A level.\n# TYPE g gauge\n"
SUMMARY = "# HELP s Times.\n# TYPE s summary\n"
HISTOGRAM = "# HELP h Times.\n# TYPE h histogram\n"
BUCKETS = 'h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\n'

VALID = {
    "counter": COUNTER + "a_total 3\n",
    "labels": COUNTER + 'a_total{env="prod",zone="x"} 3\na_total{env="prod",zone="y"} 4.5e-07\n',
    "time stamp": GAUGE + "g -1 1656581400000\n",
    "special values": GAUGE + 'g{x="1"} NaN\ng{x="2"} +Inf\ng{x="3"} -Inf\n',
    "escapes": GAUGE + 'g{x="a\\\\b\\"c\\nd,}= "} 1\n',
    "escaped backslash before n in help": "# HELP g a\\\\nb\\n.\n# TYPE g gauge\ng 1\n",
    "any UTF-8": GAUGE + 'g{x="größe ✓"} 1\n',
    "summary": SUMMARY + 's{quantile="0.5"} NaN\ns{quantile="0.99"} 2\ns_sum 3\ns_count 2\n',
    "summary without quantiles": SUMMARY + "s_sum 3\ns_count 2\n",
    "histogram": HISTOGRAM + BUCKETS + "h_sum 3\nh_count 2\n",
    "two families": COUNTER + "a_total 3\n" + GAUGE + "g 1\n",
    "colon in a name": "# HELP a:b x\n# TYPE a:b untyped\na:b 1\n",
}

INVALID = {
    "no line feed at the end": (GAUGE + "g 1", "line feed"),
    "nothing": ("", "line feed"),
    "carriage return": (GAUGE + "g 1\r\n", "carriage return"),
    "empty line": (GAUGE + "\ng 1\n", "empty line"),
    "no type": ("# HELP g x\ng 1\n", "without HELP and TYPE"),
    "no help": ("# TYPE g gauge\ng 1\n", "without its HELP"),
    "bare sample": ("g 1\n", "without HELP and TYPE"),
    "type before help": ("# TYPE g gauge\n# HELP g x\ng 1\n", "without its HELP"),
    "two types": (GAUGE + "# TYPE g gauge\ng 1\n", "second TYPE"),
    "two helps": (GAUGE + "g 1\n# HELP g x\n", "second HELP"),
    "type after samples": ("# HELP g x\n# TYPE g gauge\ng 1\n# TYPE g gauge\n", "second TYPE"),
    "unknown type": ("# HELP g x\n# TYPE g gauges\ng 1\n", "unknown type"),
    "other comment": (GAUGE + "# note\ng 1\n", "neither HELP nor TYPE"),
    "family without samples": (GAUGE, "no samples"),
    "family in two parts": (GAUGE + "g 1\n" + COUNTER + "a_total 1\n" + 'g{x="1"} 2\n', "not a sample"),
    "foreign sample": (GAUGE + "g 1\nother 2\n", "not a sample"),
    "illegal name": ("# HELP a.b x\n# TYPE a.b gauge\na.b 1\n", "illegal metric name"),
    "leading digit": (GAUGE + "4g 1\n", "illegal metric name"),
    "counter without _total": ("# HELP a x\n# TYPE a counter\na 1\n", "_total"),
    "negative counter": (COUNTER + "a_total -1\n", "negative"),
    "NaN counter": (COUNTER + "a_total NaN\n", "negative or NaN"),
    "same labels twice": (GAUGE + 'g{a="1",b="2"} 1\ng{b="2",a="1"} 1\n', "second time"),
    "no labels twice": (GAUGE + "g 1\ng 2\n", "second time"),
    "label twice": (GAUGE + 'g{a="1",a="2"} 1\n', "twice"),
    "reserved label": (GAUGE + 'g{__name__="x"} 1\n', "reserved"),
    "illegal label": (GAUGE + 'g{a-b="x"} 1\n', "illegal label"),
    "label without name": (GAUGE + 'g{="x"} 1\n', "illegal label"),
    "unquoted label": (GAUGE + "g{a=x} 1\n", "malformed labels"),
    "unclosed quote": (GAUGE + 'g{a="x} 1\n', "malformed labels"),
    "unclosed braces": (GAUGE + 'g{a="x" 1\n', "malformed labels"),
    "comma at the end": (GAUGE + 'g{a="x",} 1\n', "comma"),
    "empty braces": (GAUGE + "g{} 1\n", "empty braces"),
    "illegal escape": (GAUGE + 'g{a="\\t"} 1\n', "illegal escape"),
    "illegal escape in help": ("# HELP g a\\tb\n# TYPE g gauge\ng 1\n", "illegal escape"),
    "no value": (GAUGE + "g\n", "VALUE"),
    "two blanks": (GAUGE + "g  1\n", "VALUE|illegal"),
    "blank at the end": (GAUGE + "g 1 \n", "time stamp"),
    "hexadecimal": (GAUGE + "g 0x10\n", "illegal value"),
    "underscore": (GAUGE + "g 1_000\n", "illegal value"),
    "nan in lower case": (GAUGE + "g nan\n", "illegal value"),
    "decimal comma": (GAUGE + "g 1,5\n", "illegal value"),
    "quantile of a gauge": (GAUGE + 'g{quantile="0.5"} 1\n', "misplaced"),
    "le of a summary": (SUMMARY + 's{le="1",quantile="0.5"} 1\ns_sum 1\ns_count 1\n', "misplaced"),
    "summary value without quantile": (SUMMARY + "s 1\ns_sum 1\ns_count 1\n", "missing"),
    "quantile that is no number": (SUMMARY + 's{quantile="p50"} 1\ns_sum 1\ns_count 1\n', "illegal value"),
    "quantile above 1": (SUMMARY + 's{quantile="50"} 1\ns_sum 1\ns_count 1\n', "outside"),
    "same quantile twice": (SUMMARY + 's{quantile="0.5"} 1\ns{quantile="0.50"} 1\ns_sum 1\ns_count 1\n', "ascend"),
    "summary without sum": (SUMMARY + "s_count 1\n", "without _sum"),
    "summary without count": (SUMMARY + "s_sum 1\n", "without _count"),
    "histogram without +Inf": (HISTOGRAM + 'h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n', r"\+Inf"),
    "histogram that falls": (HISTOGRAM + 'h_bucket{le="1"} 3\nh_bucket{le="+Inf"} 2\nh_sum 1\nh_count 2\n', "cumul"),
    "histogram of another count": (HISTOGRAM + BUCKETS + "h_sum 1\nh_count 3\n", "not the count"),
    "buckets out of order": (HISTOGRAM + 'h_bucket{le="+Inf"} 2\nh_bucket{le="1"} 1\nh_sum 1\nh_count 2\n', "ascend"),
    "family named as a part": (
        SUMMARY + "s_sum 3\ns_count 2\n# HELP s_count x\n# TYPE s_count gauge\n" + 's_count{x="1"} 1\n',
        "part of s",
    ),
    "not UTF-8": (GAUGE.encode() + b'g{x="\xff"} 1\n', "UTF-8"),
}


@pytest.mark.parametrize("text", VALID.values(), ids=VALID.keys())
def test_takes_valid_text(text):
    assert exposition.parse(text).families


@pytest.mark.parametrize("text, reason", INVALID.values(), ids=INVALID.keys())
def test_refuses_invalid_text(text, reason):
    with pytest.raises(exposition.Invalid, match=reason):
        exposition.parse(text)


def test_gives_back_values_by_name_and_exact_labels():
    found = exposition.parse(COUNTER + 'a_total{x="1"} 3\na_total{x="2",y="q\\n"} 4\n' + GAUGE + "g NaN\n")
    assert found.value("a_total", x="2", y="q\n") == 4
    assert found.get("a_total") is None
    assert found.total("a_total") == 7
    assert found.total("a_total", x="1") == 3
    assert found.total("none") == 0
    assert math.isnan(found.value("g"))
    assert "g" in found and "a" not in found
    with pytest.raises(KeyError):
        found.value("a_total", x="3")
