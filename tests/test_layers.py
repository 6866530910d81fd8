# SPDX-License-Identifier: MIT
"""The tree keeps the include direction, and the checker that says so sees what it should."""

import pytest

import layers

ALLOWED = [
    ("proto/statsd.c", '#include "proto/span.h"'),
    ("config/reader.c", '#include "proto/number.h"'),
    ("config/reader.c", "#include <ini.h>"),
    ("server/core/log.h", '#include "config/config.h"'),
    ("server/flush/flusher.c", '#include "server/metrics/snapshot.h"'),
    ("server/flush/flusher.c", '#include "server/sink/sink.h"'),
    ("server/flush/flusher.c", '#include "server/detect/detector.h"'),
    ("server/net/udp.c", '#include "server/flush/flusher.h"'),
    ("server/net/udp.c", "#include <event2/event.h>"),
    ("server/main.c", '#include "server/daemon.h"'),
    ("server/main.c", '#include "server/http/server.h"'),
    ("server/modules/mapping/rules.c", '#include "server/http/mapper.h"'),
    ("server/modules/mapping/regex.c", "#include <pcre2.h>"),
    ("server/http/web/page.c", '#include "server/http/server.h"'),
    ("tools/sigmactl/parse.c", '#include "proto/statsd.h"'),
    ("tools/sigmactl/parse.c", "#include <jansson.h>"),
    ("proto/number.c", "/* no malloc(), no clock */\nconst char *s = \"free(\";"),
]

REFUSED = [
    ("proto/statsd.c", '#include "config/config.h"', "proto lies below config"),
    ("config/config.h", '#include "server/core/log.h"', "config lies below server/core"),
    ("server/core/log.c", '#include "server/metrics/timer.h"', "lies below"),
    ("server/metrics/timer.c", '#include "server/flush/flusher.h"', "lies below"),
    ("server/flush/flusher.c", '#include "server/detect/sigma.h"', "are siblings"),
    ("server/flush/flusher.c", '#include "server/sink/csv.h"', "lies below"),
    ("server/http/metrics.c", '#include "server/net/worker.h"', "are siblings"),
    ("server/net/udp.c", '#include "server/daemon.h"', "lies below"),
    ("server/main.c", '#include "tools/sigmactl/send.h"', "may not know"),
    ("tools/sigmactl/send.c", '#include "server/net/worker.h"', "may not know"),
    ("server/daemon.c", '#include "server/modules/mapping/rules.h"', "are siblings"),
    ("server/http/catalogue.c", "#include <yaml.h>", "heavy libraries are for modules"),
    ("server/main.c", '#include "tests/unit/fake.h"', "of no layer"),
    ("server/net/udp.c", '#include "udp.h"', "not a path from the repository root"),
    ("server/flush/flusher.c", "#include <event2/event.h>", "libevent"),
    ("server/detect/sigma.c", "#include <pthread.h>", "pure computation"),
    ("proto/statsd.c", "#  include <time.h>", "no clock"),
    ("server/http/snapshot.c", "#include <jansson.h>", "writes its JSON itself"),
    ("proto/statsd.c", "x = malloc(3);", "malloc() in proto"),
    ("proto/statsd.c", "/* a\nb */ free (x);", "free() in proto"),
]


def faults(path, text):
    return list(layers.faults_of_file(path, text, lambda name: "/" in name))


@pytest.mark.parametrize("path, text", ALLOWED)
def test_lets_what_points_down_pass(path, text):
    assert faults(path, text) == []


@pytest.mark.parametrize("path, text, reason", REFUSED)
def test_refuses_what_points_up_or_sideways(path, text, reason):
    [(line, message)] = faults(path, text)
    assert line == text.count("\n") + 1
    assert reason in message


def test_every_include_of_the_tree_points_down():
    found, looked_at = layers.faults_of_tree(layers.ROOT)
    assert looked_at > 0
    assert found == []
