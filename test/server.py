"""Starts and kills a Headrace server for tests, and talks to it."""

import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
HEADRACE = os.environ.get("HEADRACE", str(ROOT / "build/release/headrace"))
START_SECONDS_MAX = 60
PATIENCE_SECONDS = 120  # more than two sessions of a consumer that died


def eventually(what, true_soon):
    """Waits for what a client does in its own time and tells nobody of."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true_soon():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


class Server:
    """One data folder and the process that serves it; started again it keeps its port."""

    def __init__(self, app, data, *options, exact_numbers=False, prefix=()):
        self.app = str(app)
        self.json_options = {"parse_float": str, "parse_int": str} if exact_numbers else {}
        self.data = str(data)
        self.options = options
        self.prefix = prefix  # of the command, like ("taskset", "-c", "0")
        self.port = 0
        self.kafka_port = 0
        self.process = None
        self.log = None

    def start(self):
        self.log = open(os.path.join(os.path.dirname(self.data), "server.log"), "ab")
        self.process = subprocess.Popen(
            [*self.prefix, HEADRACE, "up", self.app, "--data", self.data, "--http-listen", f"127.0.0.1:{self.port}",
             "--kafka-listen", f"127.0.0.1:{self.kafka_port}", *self.options],
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        for line in self.process.stdout:
            kafka = re.match(r"Kafka clients connect to 127\.0\.0\.1:(\d+)", line)
            if kafka:
                self.kafka_port = int(kafka.group(1))
            listening = re.match(r"listening on http://127\.0\.0\.1:(\d+)", line)
            if listening:
                self.port = int(listening.group(1))
                return self
        raise AssertionError(f"the server ended with {self.process.wait()}; see server.log beside {self.data}")

    def kill(self):
        """As kill -9 does: no chance to tidy up."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def stop(self):
        self.process.terminate()
        status = self.process.wait(timeout=START_SECONDS_MAX)
        self.process.stdout.close()
        self.log.close()
        return status

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def request(self, method, path, body=None, headers=None):
        """One request on a connection of its own: (status, parsed JSON)."""
        connection = self.connect()
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            text = response.read()
            return response.status, json.loads(text, **self.json_options) if text else None
        finally:
            connection.close()

    def get(self, path):
        status, answer = self.request("GET", path)
        assert status == 200, (path, status, answer)
        return answer

    def rows(self, view, **filters):
        """All rows of a view, page by page."""
        query = "&".join(["limit=1000"] + [f"{key}={value}" for key, value in filters.items()])
        rows, cursor = [], None
        while True:
            page = self.get(f"/v1/views/{view}?{query}" + (f"&cursor={cursor}" if cursor else ""))
            rows += page["rows"]
            cursor = page["cursor"]
            if not cursor:
                return rows

    def records(self, stream):
        """All rows on a stream's log."""
        rows = []
        for partition in range(int(self.get(f"/v1/streams/{stream}")["partitions"])):
            position = "earliest"
            while True:
                page = self.get(f"/v1/streams/{stream}/records?partition={partition}&from={position}&limit=1000")
                rows += [record["row"] for record in page["records"]]
                position = page["next"]
                if position >= page["end"]:
                    break
        return rows

    def wait_applied(self):
        """Until every view has applied everything that is on the log."""
        while True:
            status = self.get("/v1/status")
            behind = sum(int(view["lag_rows"]) for view in status["views"])
            behind += sum(int(stream.get("lag_rows", 0)) for stream in status["streams"])
            if status["ready"] and behind == 0:
                return


class TemporaryServer(Server):
    """With a folder of its own, which remove() deletes."""

    def __init__(self, app, *options, **more):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="headrace-test-"))
        file = self.folder / "app.sql"
        file.write_text(app)
        super().__init__(file, self.folder / "data", *options, **more)

    def remove(self):
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder)
