"""The two servers under comparison, both on 127.0.0.1 and pinned to one core: Headrace and Apache Kafka."""

import base64
import os
import pathlib
import re
import socket
import subprocess
import sys
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test"))
sys.path.insert(0, str(ROOT / "bench/kafka"))
from server import Server  # noqa: E402
from wire import wait_until_listening  # noqa: E402

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30

# What Kafka's own start script gives the JVM.
JVM = ["java", "-Xms1G", "-Xmx1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
       "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true"]

# One node that is broker and controller. Everything that decides about speed keeps Kafka's default, except that
# retention looks every half minute, as Headrace's does, instead of every five: it is to be active within a run.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={data}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.retention.check.interval.ms=30000
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024


class Headrace:
    """An empty application: only topics that Kafka's clients make."""

    name = "Headrace"

    def __init__(self, folder, core):
        self.folder = folder / "headrace"
        self.folder.mkdir()
        app = self.folder / "empty.sql"
        app.write_text("")
        self.server = Server(app, self.folder / "data", prefix=("taskset", "-c", core))
        self.server.kafka_port = free_port()

    @property
    def port(self):
        return self.server.kafka_port

    @property
    def pid(self):
        return self.server.process.pid

    def launch(self):
        """Starts it without waiting until it serves."""
        self.server.start()

    def start(self):
        self.launch()
        wait_until_listening(self.port, START_SECONDS_MAX)
        return self

    def running(self):
        return self.server.process is not None and self.server.process.poll() is None

    def stop(self):
        if self.running():
            self.server.stop()


class Kafka:
    """Apache Kafka from the jars of bench/kafka/pom.xml."""

    name = "Kafka"

    def __init__(self, folder, core, jars):
        self.folder = folder / "kafka"
        self.folder.mkdir()
        self.core = core
        self.jars = jars
        self.port = free_port()
        self.process = None
        self.settings = self.folder / "server.properties"
        self.settings.write_text(
            PROPERTIES.format(port=self.port, controller=free_port(), data=self.folder / "data")
        )
        self.java("kafka.tools.StorageTool", "format", "-c", self.settings, "-t",
                  base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="))

    def command(self, *arguments):
        logging = f"-Dlog4j2.configurationFile={ROOT / 'bench/kafka/log4j2.properties'}"
        return [*JVM, logging, "-cp", f"{self.jars}/*", *map(str, arguments)]

    def java(self, *arguments):
        subprocess.run(self.command(*arguments), check=True, capture_output=True, timeout=START_SECONDS_MAX)

    def launch(self):
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", self.core, *self.command("kafka.Kafka", self.settings)], stdout=log, stderr=log
            )

    def start(self):
        self.launch()
        wait_until_listening(self.port, START_SECONDS_MAX)
        return self

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        if not self.running():
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
