#!/usr/bin/env python3
"""The main job's benchmarks, each beside a limit of this machine or a peer that is measured in the same run.

    bench/run.py --flights FILE [--runs 3] [--only load,bulk,append,read,latency]

FILE is a CSV of flights like examples/deliveries/flights.csv.zst, which is the default. Run it through `./run bench`,
which builds what it needs and installs DuckDB as the peer. Everything runs on this machine and ends by itself.
"""

import argparse
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BENCH = ROOT / "bench"
HEADRACE = os.environ.get("HEADRACE", str(ROOT / "build/release/headrace"))
sys.path.insert(0, str(ROOT / "test"))
from server import Server  # noqa: E402

VIEWS_SQL = [
    "SELECT count(*), sum(flight) FROM (SELECT flight, scheduled, origin, destination, distance, delay FROM f)",
    "SELECT origin, count(*), avg(delay), avg(CASE WHEN delay > 15 THEN 1 ELSE 0 END), sum(distance) * 0.12 FROM f "
    "GROUP BY origin",
    "SELECT date_trunc('hour', scheduled), count(*), approx_count_distinct(origin || '-' || destination), "
    "sum(distance) FROM f GROUP BY 1",
    "SELECT origin, destination, count(*), arg_max(delay, scheduled), max(scheduled), min(delay), max(delay) FROM f "
    "GROUP BY 1, 2",
    "SELECT origin, count(*), max(delay), arg_max(flight, delay) FROM f WHERE delay > 15 GROUP BY origin",
]


def report(name, value, unit, beside=""):
    print(f"{name:<44} {value:>14,.0f} {unit:<10} {beside}", flush=True)


def peak_memory_bytes(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="headrace-bench-", dir=ROOT / "build"))
        self.plain = self.folder / "flights.csv"
        with open(self.plain, "wb") as out:
            subprocess.run(["zstdcat", "-f", arguments.flights], stdout=out, check=True)
        self.rows = sum(block.count(b"\n") for block in iter_blocks(self.plain)) - 1
        self.limits = json.loads(
            subprocess.run([ROOT / "build/release/limits", self.folder], capture_output=True, check=True).stdout
        )

    def start(self, name, *options):
        data = self.folder / name
        shutil.rmtree(data, ignore_errors=True)
        return Server(BENCH / "app.sql", data, *options).start()

    def load(self, server):
        began = time.monotonic()
        subprocess.run(
            [HEADRACE, "load", "--wait", "--url", f"http://127.0.0.1:{server.port}", "deliveries", str(self.plain)],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        return time.monotonic() - began

    def duckdb(self):
        import duckdb

        connection = duckdb.connect()
        began = time.monotonic()
        connection.execute(f"CREATE TABLE f AS SELECT * FROM read_csv('{self.plain}')")
        for query in VIEWS_SQL:
            connection.execute(query).fetchall()
        return time.monotonic() - began

    def run_load(self):
        print("\n# CSV file to durable log and five live views, end to end")
        ours, theirs, memory, cpu = [], [], [], []
        server = None
        for _ in range(self.arguments.runs):
            if server:
                server.kill()
            server = self.start("load")
            ours.append(self.load(server))
            memory.append(peak_memory_bytes(server.process.pid))
            cpu.append(cpu_seconds(server.process.pid))
            theirs.append(self.duckdb())
        seconds, peer = statistics.median(ours), statistics.median(theirs)
        csv_bytes = self.plain.stat().st_size
        report("rows per second", self.rows / seconds, "rows/s", f"goal 600,000; {self.rows:,} rows in {seconds:.2f} s")
        print(f"{'':<44} {seconds / peer:>14.2f} x the time of DuckDB ({peer:.2f} s), which keeps nothing on disk")
        report("server CPU per row", statistics.median(cpu) / self.rows * 1e9, "ns")
        copied = csv_bytes / seconds / self.limits["memcpy_bytes_per_s"]
        print(f"{'CSV bytes per second':<44} {csv_bytes / seconds / 1e6:>14,.1f} MB/s       {copied:.2%} of memcpy")
        report("peak memory", statistics.median(memory) / 2**20, "MiB", "limit given: 512")

        server.kill()
        began = time.monotonic()
        server.start()
        listening = time.monotonic() - began
        server.wait_applied()
        ready = time.monotonic() - began
        report("start after kill -9: listening", listening * 1000, "ms")
        report("start after kill -9: all views ready", ready * 1000, "ms", "goal below 2,000")
        server.kill()

    def run_bulk(self):
        print("\n# NDJSON bulk append over HTTP, durable, without views")
        app = self.folder / "stream_only.sql"
        app.write_text((BENCH / "app.sql").read_text().split("CREATE MATERIALIZED")[0])
        lines, names = [], None
        with open(self.plain) as file:
            names = file.readline().strip().split(",")
            for line in file:
                cells = line.rstrip("\n").split(",")
                lines.append(
                    f'{{"{names[0]}":{cells[0]},"{names[1]}":"{cells[1]}","{names[2]}":"{cells[2]}",'
                    f'"{names[3]}":"{cells[3]}","{names[4]}":{cells[4]},"{names[5]}":{cells[5]}}}\n'
                )
                if len(lines) == 500_000:
                    break
        bodies = ["".join(lines[at : at + 5_000]).encode() for at in range(0, len(lines), 5_000)]
        rates = []
        for _ in range(self.arguments.runs):
            shutil.rmtree(self.folder / "bulk", ignore_errors=True)
            server = Server(app, self.folder / "bulk").start()
            began = time.monotonic()
            self.post_all(server, bodies, connections=4)
            rates.append(len(lines) / (time.monotonic() - began))
            server.kill()
        rate = statistics.median(rates)
        size = sum(map(len, bodies)) / len(lines)
        report("rows per second", rate, "rows/s", "goal 500,000")
        print(f"{'':<44} {rate * size / self.limits['loopback_bytes_per_s']:>14.2%} of loopback TCP")

    def post_all(self, server, bodies, connections):
        def work(index):
            connection = server.connect()
            for body in bodies[index::connections]:
                connection.request("POST", "/v1/streams/deliveries", body, {"Content-Type": "application/x-ndjson"})
                response = connection.getresponse()
                response.read()
                assert response.status == 202, response.status

        threads = [threading.Thread(target=work, args=(index,)) for index in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def wrk(self, port, script, *arguments, cores="0,1"):
        output = subprocess.run(
            ["taskset", "-c", cores, "wrk", "-t1", "-c64", "-d5s", "--latency", "-s", BENCH / script,
             f"http://127.0.0.1:{port}", *map(str, arguments)],
            capture_output=True,
            text=True,
        ).stdout
        return json.loads(re.search(r"RESULT (.*)", output).group(1))

    def report_requests(self, results, goal, limit, limit_name):
        rate = statistics.median(result["requests_per_s"] for result in results)
        report("requests per second", rate, "req/s", goal)
        print(f"{'':<44} {rate / limit:>14.2f} x {limit_name} ({limit:,.0f}/s)")
        for key in ("p50_ms", "p99_ms", "p999_ms"):
            print(f"{key:<44} {statistics.median(result[key] for result in results):>14.2f} ms")
        errors = sum(result["errors"] for result in results)
        if errors:
            print(f"{'errors':<44} {errors:>14,}")

    def run_append(self):
        print("\n# Single-row durable POST, 64 connections, five views kept up to date")
        server = self.start("append")
        results = [self.wrk(server.port, "append.lua") for _ in range(self.arguments.runs)]
        server.kill()
        goal = "goal 30,000, and p99 below 10 ms"
        self.report_requests(results, goal, self.limits["fdatasync_4k_per_s"], "the fdatasync rate")

    def run_read(self):
        print("\n# Point reads of a view over HTTP, server on one core, client on the other")
        server = self.start("read")
        self.load(server)
        server.stop()
        server.prefix = ("taskset", "-c", "0")
        server.start().wait_applied()
        command = [*server.prefix, ROOT / "build/release/empty_server"]
        empty = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        empty_port = int(empty.stdout.readline())
        results, limits = [], []
        for _ in range(self.arguments.runs):
            results.append(self.wrk(server.port, "point_read.lua", self.rows, cores="1"))
            limits.append(self.wrk(empty_port, "point_read.lua", self.rows, cores="1")["requests_per_s"])
        empty.kill()
        empty.wait()
        pipelined = [
            self.wrk(server.port, "point_read.lua", self.rows, 16, cores="1")["requests_per_s"]
            for _ in range(self.arguments.runs)
        ]
        server.kill()
        self.report_requests(results, "goal 80,000", statistics.median(limits), "a server that does nothing, in turns")
        report("with 16 requests at once per connection", statistics.median(pipelined), "req/s")

    def run_latency(self):
        print("\n# Event to view: from sending rows to all views having them, 50,000 events/s")
        server = self.start("latency")
        rows_per_request, requests_per_second, seconds, connections = 100, 500, 6, 16
        latencies, late = [], []

        def work(index):
            connection = http.client.HTTPConnection("127.0.0.1", server.port)
            interval = connections / requests_per_second
            next_time = time.monotonic() + interval * index / connections
            sequence = 0
            end = time.monotonic() + seconds
            while next_time < end:
                pause = next_time - time.monotonic()
                if pause > 0:
                    time.sleep(pause)
                first = (index * 10_000_000) + sequence * rows_per_request
                body = "".join(
                    f'{{"flight":{first + i},"scheduled":"2001-07-02T12:00:00Z","origin":"ORD","destination":"SFO",'
                    f'"distance":1846,"delay":{i % 60}}}\n'
                    for i in range(rows_per_request)
                )
                connection.request(
                    "POST", "/v1/streams/deliveries", body, {"Content-Type": "application/x-ndjson", "Prefer": "wait=5"}
                )
                response = connection.getresponse()
                response.read()
                (latencies if response.status == 200 else late).append(time.monotonic() - next_time)
                sequence += 1
                next_time += interval

        threads = [threading.Thread(target=work, args=(index,)) for index in range(connections)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - began
        server.kill()
        ordered = sorted(latencies)
        report("events per second", len(latencies) * rows_per_request / took, "events/s")
        for name, at in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)):
            beside = "goal below 20" if name == "p99" else ""
            print(f"{name:<44} {ordered[int(len(ordered) * at)] * 1000:>14.2f} ms         {beside}")
        if late:
            print(f"{'not applied in time':<44} {len(late):>14,}")


def iter_blocks(path):
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            yield block


def main():
    signal.alarm(1500)  # a bound on everything
    parser = argparse.ArgumentParser()
    parser.add_argument("--flights", default=str(ROOT / "examples/deliveries/flights.csv.zst"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="load,bulk,append,read,latency")
    arguments = parser.parse_args()
    bench = Bench(arguments)
    limits = bench.limits
    print(f"{limits['cores']} cores; memcpy {limits['memcpy_bytes_per_s'] / 1e9:.1f} GB/s; fdatasync of 4 KB "
          f"{limits['fdatasync_4k_per_s']:,}/s, of 64 KB {limits['fdatasync_64k_bytes_per_s'] / 1e6:.0f} MB/s; loopback "
          f"{limits['loopback_bytes_per_s'] / 1e9:.1f} GB/s, {limits['loopback_round_trips_per_s']:,} round trips/s")
    print(f"medians of {arguments.runs} runs; {bench.rows:,} flights")
    try:
        for part in arguments.only.split(","):
            getattr(bench, f"run_{part}")()
    finally:
        shutil.rmtree(bench.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
