#!/usr/bin/env python3
"""Kills the server with -9 at random moments while several connections write and one reads, and then checks that every
acknowledged row is there exactly once, that every view equals its query, and that no view ever went back.

    kill.py [--kills 200] [--seed N] [--seconds-max 600]
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from server import Server  # noqa: E402

WRITERS = 4
GROUPS = 40
LIFE_SECONDS_MAX = 0.35


class Writer(threading.Thread):
    """Sends requests one after the other; one that is not answered is sent again, unchanged, until it is."""

    def __init__(self, number, server, seed, running):
        super().__init__(daemon=True)
        self.number = number
        self.server = server
        self.random = random.Random(seed * 1000 + number)
        self.running = running
        self.events = []
        self.transfers = []
        self.next_id = number * 1_000_000_000
        self.failure = None

    def run(self):
        try:
            connection = None
            count = 0
            while self.running.is_set():
                count += 1
                stream, rows, headers = self.make_request(count)
                connection = self.send(connection, stream, rows, headers)
                (self.events if stream == "events" else self.transfers).extend(rows)
        except Exception as failure:  # shown by the main thread
            self.failure = failure

    def make_request(self, count):
        size = self.random.choice([1, 1, 1, 3, 50])
        if self.random.random() < 0.7:
            rows = []
            for _ in range(size):
                self.next_id += 1
                group = f"g{self.random.randrange(GROUPS)}"
                rows.append({"id": self.next_id, "grp": group, "amount": self.random.randrange(1000)})
            return "events", rows, {}
        rows = [{"debit": "a", "credit": "b", "amount": self.random.randrange(100)} for _ in range(size)]
        return "transfers", rows, {"Idempotency-Key": f"{self.number}-{count}"}

    def send(self, connection, stream, rows, headers):
        body = json.dumps(rows)
        headers = {"Content-Type": "application/json", **headers}
        while True:
            try:
                if connection is None:
                    connection = self.server.connect()
                connection.request("POST", f"/v1/streams/{stream}", body, headers)
                response = connection.getresponse()
                answer = json.loads(response.read())
                if response.status in (200, 202):
                    return connection
                if response.status not in (429, 503):
                    raise AssertionError((response.status, answer))
            except (OSError, http.client.HTTPException, ValueError):
                if connection:
                    connection.close()
                connection = None
                self.server_up.wait(10)


class Watcher(threading.Thread):
    """Reads views all the time: neither their frontiers nor their counts may ever go back."""

    def __init__(self, server, running):
        super().__init__(daemon=True)
        self.server = server
        self.running = running
        self.failure = None
        self.reads = 0
        self.frontiers = {}
        self.transfers = 0

    def run(self):
        while self.running.is_set():
            try:
                for view in ("totals", "moved", "large_totals"):
                    status, answer = self.server.request("GET", f"/v1/views/{view}?limit=1000")
                    if status == 200:
                        self.check(view, answer)
                self.reads += 1
            except (OSError, http.client.HTTPException, ValueError):
                self.server_up.wait(10)
            except AssertionError as failure:
                self.failure = failure
                return

    def check(self, view, answer):
        ends = [int(part.split(":")[1]) for part in answer["frontier"].split("@")[1].split(",") if part]
        before = self.frontiers.get(view, [0] * len(ends))
        assert all(new >= old for new, old in zip(ends, before)), (view, before, ends)
        self.frontiers[view] = ends
        if view == "moved" and answer["rows"]:
            count = answer["rows"][0]["transfers"]
            assert count >= self.transfers, (self.transfers, count)
            self.transfers = count


def check_all(server, writers):
    """Everything that was acknowledged is there once, and the views equal their queries."""
    server.wait_applied()
    events = {row["id"]: row for writer in writers for row in writer.events}
    found = {row["id"]: row for row in server.rows("event")}
    assert found == events, f"{len(events)} events acknowledged, {len(found)} in the view"

    totals = collections.defaultdict(lambda: [0, 0])
    for row in events.values():
        totals[row["grp"]][0] += 1
        totals[row["grp"]][1] += row["amount"]
    assert {row["grp"]: [row["events"], row["amount"]] for row in server.rows("totals")} == dict(totals)

    sizes = collections.Counter(count for count, _ in totals.values())
    assert {row["size"]: row["groups"] for row in server.rows("sizes")} == dict(sizes)

    large = sorted((row["id"], row["grp"], row["amount"]) for row in events.values() if row["amount"] > 500)
    derived = sorted((row["id"], row["grp"], row["amount"]) for row in server.records("large"))
    assert derived == large, f"{len(large)} large events, {len(derived)} on the derived stream"
    large_totals = collections.Counter(group for _, group, _ in large)
    assert {row["grp"]: row["events"] for row in server.rows("large_totals")} == dict(large_totals)

    transfers = [row for writer in writers for row in writer.transfers]
    on_log = server.records("transfers")
    assert len(on_log) == len(transfers), f"{len(transfers)} transfers acknowledged, {len(on_log)} on the log"
    moved = server.rows("moved")[0]
    assert moved["transfers"] == len(transfers) and (moved["amount"] or 0) == sum(row["amount"] for row in transfers)
    return len(events), len(transfers)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    parser.add_argument("--seconds-max", type=float, default=600)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    moments = random.Random(arguments.seed)

    folder = tempfile.mkdtemp(prefix="headrace-crash-")
    server = Server(pathlib.Path(__file__).with_name("app.sql"), f"{folder}/data", "--memory", "128MB")
    server.start()
    running, up = threading.Event(), threading.Event()
    running.set()
    up.set()
    Writer.server_up = Watcher.server_up = up
    writers = [Writer(number, server, arguments.seed, running) for number in range(WRITERS)]
    watcher = Watcher(server, running)
    for thread in (*writers, watcher):
        thread.start()

    began = time.monotonic()
    slowest_start = 0
    kills = 0
    for kills in range(1, arguments.kills + 1):
        time.sleep(moments.uniform(0, LIFE_SECONDS_MAX))  # the random moment
        up.clear()
        server.kill()
        restarted = time.monotonic()
        server.start()
        slowest_start = max(slowest_start, time.monotonic() - restarted)
        up.set()
        failures = [thread.failure for thread in (*writers, watcher) if thread.failure]
        assert not failures, failures
        if time.monotonic() - began > arguments.seconds_max:
            break
    running.clear()
    for thread in (*writers, watcher):
        thread.join(60)
        assert not thread.is_alive() and not thread.failure, thread.failure
    events, transfers = check_all(server, writers)
    assert server.stop() == 0
    server.start()
    check_all(server, writers)
    server.kill()
    print(
        f"{kills} kills in {time.monotonic() - began:.0f} s, slowest start {slowest_start:.2f} s: {events} events and "
        f"{transfers} transfers, each there once; {watcher.reads} rounds of reads, none went back"
    )
    assert kills == arguments.kills, f"only {kills} kills fitted into {arguments.seconds_max} s"
    shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
