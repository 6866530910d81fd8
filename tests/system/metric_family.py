# SPDX-License-Identifier: MIT
"""A reader of the protobuf exposition: messages io.prometheus.client.MetricFamily, each behind its length.

Fields by number as in https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto;
a field that is not known is an error, because sigmad would have written it by mistake.
"""

import struct

COUNTER, GAUGE, SUMMARY, HISTOGRAM = 0, 1, 2, 4


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def zigzag(value):
    return (value >> 1) ^ -(value & 1)


def fields(data):
    """[(number, value)]: integers, floats, and bytes."""
    found, at = [], 0
    while at < len(data):
        tag, at = varint(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 1:
            (value,) = struct.unpack_from("<d", data, at)
            at += 8
        else:
            assert wire == 2, f"wire type {wire}"
            length, at = varint(data, at)
            value = data[at:at + length]
            assert len(value) == length
            at += length
        found.append((tag >> 3, value))
    return found


def message(data, names, repeated=()):
    result = {name: [] for name in repeated}
    for number, value in fields(data):
        name = names[number]
        if name in repeated:
            result[name].append(value)
        else:
            assert name not in result, f"{name} twice"
            result[name] = value
    return result


def packed(parts):
    values = []
    for part in parts:
        at = 0
        while at < len(part):
            value, at = varint(part, at)
            values.append(zigzag(value))
    return values


def read_label(data):
    pair = message(data, {1: "name", 2: "value"})
    return pair["name"].decode(), pair["value"].decode()


def read_side(spans, deltas):
    """{index: count} of the buckets of one sign."""
    buckets, index, count, deltas = {}, 0, 0, iter(packed(deltas))
    for data in spans:
        span = message(data, {1: "offset", 2: "length"})
        index += zigzag(span["offset"])
        for _ in range(span["length"]):
            count += next(deltas)
            buckets[index] = count
            index += 1
    assert next(deltas, None) is None
    return buckets


def read_histogram(data):
    names = {1: "count", 2: "sum", 3: "buckets", 5: "schema", 6: "zero_threshold", 7: "zero_count",
             9: "negative_span", 10: "negative_delta", 12: "positive_span", 13: "positive_delta", 15: "created"}
    lists = ("buckets", "negative_span", "negative_delta", "positive_span", "positive_delta")
    found = message(data, names, lists)
    found["buckets"] = [message(bucket, {1: "count", 2: "bound"}) for bucket in found["buckets"]]
    found["negative"] = read_side(found.pop("negative_span"), found.pop("negative_delta"))
    found["positive"] = read_side(found.pop("positive_span"), found.pop("positive_delta"))
    if "schema" in found:
        found["schema"] = zigzag(found["schema"])
    return found


def read_summary(data):
    found = message(data, {1: "count", 2: "sum", 3: "quantiles", 4: "created"}, ("quantiles",))
    quantiles = [message(quantile, {1: "quantile", 2: "value"}) for quantile in found["quantiles"]]
    found["quantiles"] = {q["quantile"]: q["value"] for q in quantiles}
    return found


def read_scalar(data):
    return message(data, {1: "value", 3: "created"})


READERS = {COUNTER: (3, read_scalar), GAUGE: (2, read_scalar), SUMMARY: (4, read_summary), HISTOGRAM: (7, read_histogram)}


def created(found):
    """Unix seconds of the created timestamp."""
    return message(found["created"], {1: "seconds"})["seconds"]


def read_metric(data, kind):
    number, reader = READERS[kind]
    found = message(data, {1: "labels", number: "value"}, ("labels",))
    return tuple(sorted(read_label(label) for label in found["labels"])), reader(found["value"])


def parse(data):
    """{family: (type, help, {labels: what the series shows})}."""
    families, at = {}, 0
    while at < len(data):
        length, at = varint(data, at)
        assert at + length <= len(data)
        family = message(data[at:at + length], {1: "name", 2: "help", 3: "type", 4: "metrics"}, ("metrics",))
        at += length
        metrics = [read_metric(metric, family["type"]) for metric in family["metrics"]]
        assert len(dict(metrics)) == len(metrics) > 0
        name = family["name"].decode()
        assert name not in families
        families[name] = (family["type"], family["help"].decode(), dict(metrics))
    return families
