# SPDX-License-Identifier: MIT
"""Real StatsD clients send a known mix; CSV and /metrics give back exactly that.

Where a client draws lots for sample rates the draw is fixed to "send", so that the counts are known.
"""

import asyncio
import json
import random

import pytest

from partners import python_module, run_node, run_perl, run_ruby
from sigmad import eventually


def counts(server):
    return {(row["metric"], row["tags"]): float(row["count"]) for row in server.csv("counters")}


def gauges(server):
    return {(row["metric"], row["tags"]): float(row["value"]) for row in server.csv("gauges")}


def timers(server):
    """{(name, tags, type): (count, sum, min, max)}"""
    columns = ("count", "sum", "min", "max")
    return {
        (row["metric"], row["tags"], row["type"]): tuple(float(row[column]) for column in columns)
        for row in server.csv("timers")
    }


def sets(server):
    return {(row["metric"], row["tags"]): int(row["unique"]) for row in server.csv("sets")}


def assert_nothing_refused(server):
    metrics = server.metrics()
    assert metrics.total("sigmad_lines_rejected_total") == 0, server.log
    assert metrics.total("sigmad_samples_rejected_total") == 0, server.log


@pytest.fixture
def always_sampled(monkeypatch):
    monkeypatch.setattr(random, "random", lambda: 0.0)


def test_python_statsd(server, always_sampled):
    client = python_module("statsd").StatsClient(*server.udp, prefix="app")
    for _ in range(10):
        client.incr("hits")
    client.incr("hits", 5)
    client.decr("hits", 2)
    client.incr("sampled", 3, rate=0.25)
    client.gauge("level", 70)
    client.gauge("level", -20, delta=True)
    client.gauge("level", 0.5, delta=True)
    client.gauge("below", -7)
    client.timing("request", 320)
    client.timing("request", 80.5, rate=0.5)
    for user in ("ann", "bob", "ann"):
        client.set("users", user)
    with client.pipeline() as pipe:
        for value in range(1, 101):
            pipe.incr("piped")
            pipe.timing("piped.time", value)
    with client.timer("block"):
        pass
    client.close()
    server.flush()
    assert counts(server) == {("app.hits", ""): 13, ("app.sampled", ""): 12, ("app.piped", ""): 100}
    assert gauges(server) == {("app.level", ""): 50.5, ("app.below", ""): -7}
    found = timers(server)
    assert found.pop(("app.block", "", "ms"))[0] == 1
    assert found == {
        ("app.request", "", "ms"): (3, 481, 80.5, 320), ("app.piped.time", "", "ms"): (100, 5050, 1, 100),
    }
    assert sets(server) == {("app.users", ""): 2}
    metrics = server.metrics()
    assert metrics.value("app_hits_total") == 15  # the decrement is not in the total
    assert metrics.value("sigmad_counter_decrements_total") == 1
    assert metrics.value("app_level") == 50.5 and metrics.value("app_users") == 2
    assert metrics.value("app_piped_time_seconds_sum") == 5.05
    assert metrics.value("app_piped_time_seconds", quantile="0.9") == pytest.approx(0.09, rel=0.002)
    assert_nothing_refused(server)


def test_python_aiodogstatsd(server, always_sampled):
    aiodogstatsd = python_module("aiodogstatsd")
    host, port = server.udp

    async def send():
        client = aiodogstatsd.Client(host=host, port=port, namespace="app", constant_tags={"env": "prod"})
        await client.connect()
        for _ in range(50):
            client.increment("hits", tags={"path": "/a"})
        client.decrement("hits", value=4, tags={"path": "/a"})
        client.increment("sampled", value=2, sample_rate=0.5)
        client.gauge("level", value=12.25)
        client.timing("request", value=30, tags={"code": 200})
        client.timing("request", value=50, tags={"code": 200})
        client.histogram("size", value=512)
        client.distribution("size", value=1024, sample_rate=0.5)
        await client.close()

    asyncio.run(send())
    server.flush()
    assert counts(server) == {("app.hits", "env=prod;path=/a"): 46, ("app.sampled", "env=prod"): 4}
    assert gauges(server) == {("app.level", "env=prod"): 12.25}
    assert timers(server) == {
        ("app.request", "code=200;env=prod", "ms"): (2, 80, 30, 50),
        ("app.size", "env=prod", "h"): (1, 512, 512, 512),
        ("app.size", "env=prod", "d"): (2, 2048, 1024, 1024),
    }
    metrics = server.metrics()
    assert metrics.value("app_hits_total", env="prod", path="/a") == 50
    assert metrics.value("app_request_seconds_sum", env="prod", code="200") == 0.08
    assert metrics.value("app_size_count", env="prod") == 3 and metrics.value("app_size_sum", env="prod") == 2560
    assert_nothing_refused(server)


HOT_SHOTS = """
Math.random = () => 0;
const StatsD = require('hot-shots');
const client = new StatsD({
    host: '%s', port: %d, prefix: 'app.', globalTags: {env: 'prod'}, maxBufferSize: %d, bufferFlushInterval: 10,
    errorHandler: error => { console.error(error); process.exit(1); },
});
for (let i = 0; i < 200; i++) client.increment('hits', {path: '/a'});
client.increment('hits', 7, {path: '/a'});
client.decrement('hits', 3, {path: '/a'});
client.increment(['one', 'two']);
client.increment('sampled', 5, 0.5);
client.gauge('level', 3.5);
client.gaugeDelta('level', 4);
client.gaugeDelta('level', -1.25);
client.timing('request', 42, ['code:200', 'flag']);
client.histogram('size', 100);
client.distribution('spread', 0.001);
client.set('users', 'ann');
client.unique('users', 'bob');
client.set('users', 'ann');
client.event('deployed', 'version 2\\nby ann', {alert_type: 'info'});
client.check('database', client.CHECKS.WARNING, {message: 'slow'});
client.close(error => { if (error) { console.error(error); process.exit(1); } });
"""


@pytest.mark.parametrize("buffer_bytes", [0, 1000], ids=["unbuffered", "buffered"])
def test_node_hot_shots(server, buffer_bytes):
    host, port = server.udp
    run_node(HOT_SHOTS % (host, port, buffer_bytes))
    server.flush()
    assert counts(server) == {
        ("app.hits", "env=prod;path=/a"): 204, ("app.one", "env=prod"): 1, ("app.two", "env=prod"): 1,
        ("app.sampled", "env=prod"): 10,
    }
    assert gauges(server) == {("app.level", "env=prod"): 6.25}
    assert timers(server) == {
        ("app.request", "code=200;env=prod;flag", "ms"): (1, 42, 42, 42),
        ("app.size", "env=prod", "h"): (1, 100, 100, 100),
        ("app.spread", "env=prod", "d"): (1, 0.001, 0.001, 0.001),
    }
    assert sets(server) == {("app.users", "env=prod"): 2}
    metrics = server.metrics()
    assert metrics.value("app_hits_total", env="prod", path="/a") == 207
    assert metrics.value("app_request_seconds_count", env="prod", code="200", flag="true") == 1
    assert metrics.value("sigmad_events_total", kind="event") == 1
    assert metrics.value("sigmad_events_total", kind="service_check") == 1
    assert_nothing_refused(server)


NET_STATSD = """
BEGIN { *CORE::GLOBAL::rand = sub { 0 } }
use strict;
use warnings FATAL => 'all';
use Net::Statsd;
$Net::Statsd::HOST = '%s';
$Net::Statsd::PORT = %d;
Net::Statsd::increment('site.logins') for 1 .. 25;
Net::Statsd::decrement('site.logins');
Net::Statsd::increment(['first', 'second']);
Net::Statsd::update_stats('bulk', 40);
Net::Statsd::increment('sampled', 0.1);
Net::Statsd::timing('query', 250);
Net::Statsd::timing('query', 750, 0.5);
Net::Statsd::gauge('core.temperature' => 55, 'load' => 0.75);
Net::Statsd::gauge('freezer' => 0, 'freezer' => -18);
"""


def test_perl_net_statsd(server):
    run_perl(NET_STATSD % server.udp)
    server.flush()
    assert counts(server) == {
        ("site.logins", ""): 24, ("first", ""): 1, ("second", ""): 1, ("bulk", ""): 40, ("sampled", ""): 10,
    }
    assert timers(server) == {("query", "", "ms"): (3, 1750, 250, 750)}
    assert gauges(server) == {("core.temperature", ""): 55, ("load", ""): 0.75, ("freezer", ""): -18}
    metrics = server.metrics()
    assert metrics.value("site_logins_total") == 25 and metrics.value("sampled_total") == 10
    assert metrics.value("query_seconds_sum") == 1.75 and metrics.value("query_seconds_count") == 3
    assert metrics.value("freezer") == -18
    assert_nothing_refused(server)


RUBY_STATSD = """
require 'json'
require 'statsd'
def rand; 0.0; end
client = Statsd.new('%s', %d).tap { |made| made.namespace = 'shop' }
25.times { client.increment 'orders' }
client.decrement 'orders'
client.count 'bulk', 40
client.count 'sampled', 3, 0.1
client.timing 'query', 250
client.timing 'query', 750, 0.5
client.gauge 'level', -0.5
client.set 'users', 'alice'
client.set 'users', 'bob'
client.batch { |batch| 200.times { batch.increment 'batched' } }
"""

# The same library's client of the management console.
RUBY_ADMIN = """
require 'json'
require 'statsd'
admin = Statsd::Admin.new('%s', %d)
puts JSON.generate([admin.counters, admin.gauges, admin.delcounters('shop.bulk'), admin.delgauges('shop.none'),
                    admin.counters.keys, admin.stats.keys])
"""


def test_ruby_statsd_and_its_console(start_server):
    server = start_server({"console": {"listen": "127.0.0.1:0"}})
    run_ruby(RUBY_STATSD % server.udp)
    eventually(lambda: server.balance()["samples"]["received"]["c"] == 228)
    counters, levels, deleted, missed, left, stats = json.loads(
        run_ruby(RUBY_ADMIN % server.addresses["console"][0]))
    assert counters == {"shop.orders": 24, "shop.bulk": 40, "shop.sampled": 30, "shop.batched": 200}
    assert levels == {"shop.level": -0.5}
    assert deleted == ["shop.bulk"]
    assert missed == ["metric shop.none not found"]
    assert sorted(left) == ["shop.batched", "shop.orders", "shop.sampled"]
    assert "uptime" in stats and "messages.bad_lines_seen" in stats
    server.flush()
    assert counts(server) == {("shop.orders", ""): 24, ("shop.sampled", ""): 30, ("shop.batched", ""): 200}
    assert timers(server) == {("shop.query", "", "ms"): (3, 1750, 250, 750)}
    assert sets(server) == {("shop.users", ""): 2}
    assert_nothing_refused(server)
