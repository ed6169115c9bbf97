#!/usr/bin/env python3
"""Headrace's Kafka port beside Apache Kafka: both servers on this machine in one run, in turns, medians.

    bench/kafka/run.py [--runs 5] [--seconds 3] [--only produce,latency,tail,tools,partitions] [--rate R] [--raw FILE]

Servers share one core, the one that the disk interrupts, and the clients have the other, so that no server is faster
for what its client left it, and no client slower for what its server writes. Headrace acknowledges after fsync; Kafka is measured as it comes, which acknowledges from the page cache, and with
flush.messages=1, which fsyncs as Headrace does. Kafka never pays for its disk in these figures: what it left dirty is
written between the measurements. Memory is full of page cache before each of them. "The kernel alone" is a program that
receives, writes and syncs, or sends from files, and looks at nothing (bare.cc). A line is: name, value, unit, peer's
value, ratio, goal. Run it through `./run bench-kafka`, which fetches Kafka and builds the load program.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import tempfile
import time

from measure import Bare, Client, PageCache, cores_for, settings, settle
from servers import ROOT, Headrace, Kafka, resident_bytes
from wire import wait_until_serving

SECONDS_MAX = 3000  # for everything
READY_SECONDS_MAX = 120
READ_SECONDS_MAX = 20
TOOL_SECONDS_MAX = 200
TOOL_RECORDS, TOOL_ROUND_TRIPS = 400_000, 1_000  # or the start of the tool's JVM is most of what is measured
PARTITIONS_MANY = 1000
RECORD_BYTES = 1024
LIMITS = pathlib.Path(os.environ.get("LIMITS", ROOT / "build/release/limits"))

HEADRACE, KAFKA, FLUSHED, BARE = "Headrace", "Kafka", "Kafka, flush.messages=1", "the kernel alone"
# Of the topic that is produced to with retention: about 400 MB are kept, and deleted in pieces of 1 MiB.
RETENTION = {"retention.bytes": 4 << 20, "segment.bytes": 1 << 20}

# `written` and `read` are the bytes of a partition that go at once when the kernel is alone, about as with the servers.
Case = collections.namedtuple("Case", "name partitions producers keys config written read")
CASES = [
    Case("1 partition, 1 producer", 1, 1, 0, {}, 1_000_000, 1 << 20),
    Case("100 partitions, 16 producers, keys, retention", 100, 16, 1, RETENTION, 16 << 10, 256 << 10),
]


def report(name, value, unit, peer=None, goal=""):
    ratio = f"{value / peer:>8.3f} x" if peer else " " * 10
    beside = f"{peer:>14,.2f}" if peer is not None else " " * 14
    print(f"{name:<66} {value:>14,.2f} {unit:<10} {beside} {ratio} {goal}", flush=True)


def median(results, key):
    return statistics.median(result[key] for result in results)


class Bench:
    def __init__(self, arguments, folder):
        self.runs = arguments.runs
        self.seconds = arguments.seconds
        self.rate = arguments.rate
        self.jars = arguments.jars
        self.folder = folder
        server_core, client_core, limits = cores_for(
            lambda: subprocess.run([LIMITS, folder], capture_output=True, check=True).stdout)
        self.limits = json.loads(limits)
        self.client = Client(client_core)
        self.bare = Bare(folder, server_core, client_core)
        self.page_cache = PageCache(folder)
        self.others = []
        self.topics = 0
        self.raw = open(arguments.raw, "a") if arguments.raw else None
        self.kafka_rate = None
        self.servers = [Headrace(self.folder, server_core), Kafka(self.folder, server_core, self.jars)]
        headrace, kafka = self.servers
        self.contestants = {HEADRACE: (headrace, {}), KAFKA: (kafka, {}), FLUSHED: (kafka, {"flush.messages": 1})}

    def close(self):
        for server in self.servers:
            server.stop()

    def start(self):
        for server in self.servers:
            if not server.running():
                server.start()

    # A new topic's name; nothing is measured twice on the same one, unless its retention is.
    def topic(self, server, partitions, config):
        self.topics += 1
        name = f"bench-{self.topics}"
        self.client.run(server, "create", name, "--partitions", partitions, *settings(config))
        return name

    def measure(self, server, command, topic, *options):
        settle()
        if command != "consume":  # which reads what is there
            self.page_cache.fill()
        result = self.client.measure(server, command, topic, *options)
        self.others.append(result["others"])
        self.keep({"server": server.name, "command": command, "options": options, "topic": topic}, result)
        return result

    def keep(self, asked, result):
        if self.raw:
            print(json.dumps(asked | result), file=self.raw, flush=True)

    def measure_bare(self, command, *options):
        settle()
        self.page_cache.fill()
        result = self.bare.measure(command, "--seconds", self.seconds, *options)
        self.keep({"server": BARE, "command": command, "options": options}, result)
        return result

    def produce(self, server, topic, case):
        return self.measure(server, "produce", topic, "--seconds", self.seconds, "--producers", case.producers,
                            "--keys", case.keys, "--size", RECORD_BYTES)

    def run_produce(self):
        for case in CASES:
            print(f"\n# Produce, acks=all, records of {RECORD_BYTES} B; then read it all: {case.name}")
            produced, consumed = collections.defaultdict(list), collections.defaultdict(list)
            kept = {}  # the topics under retention live through all runs, so that there is something to delete
            for run in range(-1, self.runs):  # the first warms the servers up and does not count
                for name, (server, flush) in self.contestants.items():
                    topic = kept.get(name) or self.topic(server, case.partitions, {**case.config, **flush})
                    produced[name].append(self.produce(server, topic, case))
                    if name != FLUSHED:
                        consumed[name].append(self.measure(server, "consume", topic, "--partitions", case.partitions,
                                                           "--seconds", READ_SECONDS_MAX))
                    if case.config:
                        kept[name] = topic
                    else:
                        self.client.run(server, "delete", topic)
                    if run < 0:
                        produced.pop(name), consumed.pop(name, None)
                if run >= 0:
                    consumed[BARE].append(self.measure_bare("out", "--files", case.partitions, "--frame", case.written,
                                                            "--range", case.read))
                    if case.partitions == 1:
                        produced[BARE].append(self.measure_bare("in", "--frame", case.written))
            for name, topic in kept.items():
                self.client.run(self.contestants[name][0], "delete", topic)
            self.report_produced(case.name, produced)
            self.report_consumed(case.name, consumed)
            if self.kafka_rate is None:
                self.kafka_rate = median(produced[KAFKA], "records_per_s")

    def report_produced(self, name, results):
        ours = median(results[HEADRACE], "records_per_s")
        report(f"{name}: produced, beside {KAFKA}", ours, "records/s", median(results[KAFKA], "records_per_s"),
               "goal >= 1.5")
        report(f"{name}: produced, beside {FLUSHED}", ours, "records/s", median(results[FLUSHED], "records_per_s"),
               "goal >= 5")
        self.report_cpu(f"{name}: server CPU per GB in", results)
        self.report_bare(f"{name}: in, beside {BARE}", ours, results)
        bytes_per_second = ours * RECORD_BYTES
        report(f"{name}: of loopback TCP", bytes_per_second / 1e6, "MB/s", self.limits["loopback_bytes_per_s"] / 1e6)
        report(f"{name}: of fdatasync of 64 KB", bytes_per_second / 1e6, "MB/s",
               self.limits["fdatasync_64k_bytes_per_s"] / 1e6)
        busy = statistics.median(one["client_cpu_seconds"] / one["seconds"] for one in results[HEADRACE])
        report(f"{name}: the client's core was busy", busy * 100, "%",
               statistics.median(one["client_cpu_seconds"] / one["seconds"] for one in results[KAFKA]) * 100)

    def report_consumed(self, name, results):
        ours = median(results[HEADRACE], "records_per_s")
        report(f"{name}: consumed from the start", ours, "records/s", median(results[KAFKA], "records_per_s"),
               "goal >= 1")
        self.report_cpu(f"{name}: server CPU per GB out", results)
        self.report_bare(f"{name}: out, beside {BARE}", ours, results)
        report(f"{name}: out, of loopback TCP", ours * RECORD_BYTES / 1e6, "MB/s",
               self.limits["loopback_bytes_per_s"] / 1e6)
        for contestant, runs in results.items():
            unread = sum(one.get("unread_partitions", 0) for one in runs)
            if unread:
                print(f"{contestant}: {unread} partitions were not read to their end in {READ_SECONDS_MAX} s")

    def report_cpu(self, name, results):
        report(name, median(results[HEADRACE], "server_cpu_s_per_gb"), "s/GB",
               median(results[KAFKA], "server_cpu_s_per_gb"), "goal <= 0.333")

    def report_bare(self, name, ours, results):
        if BARE not in results:
            return
        report(name, ours * RECORD_BYTES / 1e6, "MB/s", median(results[BARE], "bytes_per_s") / 1e6)
        report(f"{name}: server CPU", median(results[HEADRACE], "server_cpu_s_per_gb"), "s/GB",
               median(results[BARE], "server_cpu_s_per_gb"))

    # One producer and one consumer that waits at the end, in one process.
    def latencies(self, rate):
        results = collections.defaultdict(list)
        for run in range(-1, self.runs):
            for server in self.servers:
                topic = self.topic(server, 1, {})
                result = self.measure(server, "latency", topic, "--rate", rate, "--seconds", self.seconds)
                self.client.run(server, "delete", topic)
                if run >= 0:
                    results[server.name].append(result)
                if result["lost"]:
                    print(f"{server.name}: {result['lost']:,} acknowledged records did not arrive")
            if rate and run >= 0:
                results[BARE].append(self.measure_bare("sync", "--frame", rate * RECORD_BYTES // 1000))
        return results

    def run_latency(self):
        if self.kafka_rate is None and not self.rate:
            server = self.servers[1]
            self.kafka_rate = self.produce(server, self.topic(server, 1, {}), CASES[0])["records_per_s"]
        rate = self.rate or int(self.kafka_rate / 2)
        what = "as was asked for" if self.rate else "half of what Kafka took from one producer"
        print(f"\n# End to end at {rate:,} records/s, {what}: from when a record is due to its arrival")
        results = self.latencies(rate)
        for key, name, goal in (("p50_ms", "p50", ""), ("p99_ms", "p99", ""), ("p999_ms", "p99.9", "goal <= 0.2")):
            report(f"end to end, {name}", median(results[HEADRACE], key), "ms", median(results[KAFKA], key), goal)
        report("end to end, p99.9, beside writing and syncing as much each ms", median(results[HEADRACE], "p999_ms"), "ms",
               median(results[BARE], "p999_ms"))
        report("end to end, arrived", median(results[HEADRACE], "records_per_s"), "records/s",
               median(results[KAFKA], "records_per_s"))
        self.report_cpu("end to end: server CPU per GB through", results)

    def run_tail(self):
        print("\n# At the tail: a consumer that reads what a producer writes as fast as it can")
        results = self.latencies(0)
        report("tail: consumed", median(results[HEADRACE], "records_per_s"), "records/s",
               median(results[KAFKA], "records_per_s"), "goal >= 1")
        self.report_cpu("tail: server CPU per GB through", results)

    # ---- Kafka's own load tools, with their own defaults

    def tool(self, name, *arguments):
        kafka = self.servers[1]
        command = ["taskset", "-c", self.client.core, *kafka.command(f"org.apache.kafka.tools.{name}", *arguments)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TOOL_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            raise SystemExit(f"{name}: not done in {TOOL_SECONDS_MAX} s") from None
        if done.returncode:
            raise SystemExit(f"{name}: {done.stdout[-500:]}{done.stderr[-500:]}")
        return done.stdout

    def producer_performance(self, server, topic, records):
        output = self.tool("ProducerPerformance", "--topic", topic, "--num-records", records, "--record-size",
                           RECORD_BYTES, "--throughput", -1, "--producer-props",
                           f"bootstrap.servers=127.0.0.1:{server.port}", "acks=all")
        last = output.strip().splitlines()[-1]
        return {"records_per_s": float(re.search(r"([\d.]+) records/sec", last).group(1)),
                "p99_ms": float(re.search(r"([\d.]+) ms 99th", last).group(1))}

    def consumer_performance(self, server, topic, records):
        output = self.tool("ConsumerPerformance", "--bootstrap-server", f"127.0.0.1:{server.port}", "--topic", topic,
                           "--messages", records, "--hide-header")
        return {"records_per_s": float(output.strip().splitlines()[-1].split(",")[-1])}

    def end_to_end_latency(self, server, topic, records):
        output = self.tool("EndToEndLatency", f"127.0.0.1:{server.port}", topic, records, "all", RECORD_BYTES)
        p50, p99, p999 = re.search(r"50th = (\d+), 99th = (\d+), 99.9th = (\d+)", output).groups()
        return {"p50_ms": float(p50), "p99_ms": float(p99), "p999_ms": float(p999)}

    def run_tools(self):
        print("\n# Kafka's own tools with their defaults: ProducerPerformance, ConsumerPerformance, EndToEndLatency")
        produced, consumed, latency = (collections.defaultdict(list) for _ in range(3))
        for _ in range(self.runs):
            for name, (server, flush) in self.contestants.items():
                topic = self.topic(server, 1, flush)
                settle()
                records = TOOL_RECORDS // 5 if name == FLUSHED else TOOL_RECORDS
                produced[name].append(self.producer_performance(server, topic, records))
                if name != FLUSHED:
                    consumed[name].append(self.consumer_performance(server, topic, records))
                    latency[name].append(self.end_to_end_latency(server, self.topic(server, 1, {}), TOOL_ROUND_TRIPS))
                self.client.run(server, "delete", topic)
        ours = median(produced[HEADRACE], "records_per_s")
        report(f"ProducerPerformance, beside {KAFKA}", ours, "records/s", median(produced[KAFKA], "records_per_s"),
               "goal >= 1.5")
        report(f"ProducerPerformance, beside {FLUSHED}", ours, "records/s", median(produced[FLUSHED], "records_per_s"),
               "goal >= 5")
        report("ProducerPerformance, p99", median(produced[HEADRACE], "p99_ms"), "ms",
               median(produced[KAFKA], "p99_ms"))
        report("ConsumerPerformance", median(consumed[HEADRACE], "records_per_s"), "records/s",
               median(consumed[KAFKA], "records_per_s"), "goal >= 1")
        for key, name in (("p50_ms", "p50"), ("p99_ms", "p99"), ("p999_ms", "p99.9")):
            report(f"EndToEndLatency, one record at a time, {name}", median(latency[HEADRACE], key), "ms",
                   median(latency[KAFKA], key))

    # ---- starting with many partitions

    def run_partitions(self):
        print(f"\n# Starting again with {PARTITIONS_MANY:,} partitions that hold records")
        ready, resident = collections.defaultdict(list), collections.defaultdict(list)
        names = {}
        for server in self.servers:
            names[server] = self.topic(server, PARTITIONS_MANY, {})
            self.client.run(server, "produce", names[server], "--seconds", 1, "--keys", 1)
        for _ in range(self.runs):
            for server in self.servers:
                server.stop()
                settle()
                began = time.monotonic()
                server.launch()
                wait_until_serving(server.port, names[server], PARTITIONS_MANY, READY_SECONDS_MAX)
                ready[server.name].append((time.monotonic() - began) * 1000)
                resident[server.name].append(resident_bytes(server.pid) / 2**20)
        report("every partition serves after", statistics.median(ready[HEADRACE]), "ms",
               statistics.median(ready[KAFKA]), "goal <= 200 ms")
        report("resident then", statistics.median(resident[HEADRACE]), "MiB", statistics.median(resident[KAFKA]),
               "goal <= 64 MiB")

    def run(self, parts):
        limits = self.limits
        print(f"{limits['cores']} cores; fdatasync of 4 KB {limits['fdatasync_4k_per_s']:,}/s, of 64 KB "
              f"{limits['fdatasync_64k_bytes_per_s'] / 1e6:.0f} MB/s; loopback "
              f"{limits['loopback_bytes_per_s'] / 1e9:.1f} GB/s, {limits['loopback_round_trips_per_s']:,} "
              "round trips/s")
        print(f"medians of {self.runs} runs of {self.seconds} s in turns; load average {os.getloadavg()[0]:.1f}")
        print(f"{'name':<66} {'value':>14} {'unit':<10} {'peer':>14} {'ratio':>10} goal")
        for part in parts:
            self.start()
            getattr(self, f"run_{part}")()
        if self.others:
            print(f"\nother processes took {statistics.median(self.others):.0%} of the machine's CPU time, at most "
                  f"{max(self.others):.0%}; load average {os.getloadavg()[0]:.1f}")


def end(number, _):
    raise SystemExit(f"ended by {signal.Signals(number).name}; everything may take {SECONDS_MAX} s")


def main():
    signal.signal(signal.SIGALRM, end)
    signal.signal(signal.SIGTERM, end)
    signal.alarm(SECONDS_MAX)
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--only", default="produce,latency,tail,tools,partitions")
    parser.add_argument("--jars", default=str(ROOT / "build/bench-kafka/jars"))
    parser.add_argument("--rate", type=int, default=0, help="records/s for latency, instead of half of Kafka's rate")
    parser.add_argument("--raw", metavar="FILE", help="append every single measurement to this file, as lines of JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-kafka-", dir=ROOT / "build", ignore_cleanup_errors=True) as folder:
        bench = Bench(arguments, pathlib.Path(folder))
        try:
            bench.run(arguments.only.split(","))
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what is under way is the end
            bench.close()


if __name__ == "__main__":
    main()
