"""One measurement: the load program runs against a server, and what both of them and everybody else used is taken."""

import json
import os
import pathlib
import resource
import subprocess
import time

from servers import ROOT, cpu_seconds

LOAD = pathlib.Path(os.environ.get("KAFKA_LOAD", ROOT / "build/release/kafka_load"))
BARE = pathlib.Path(os.environ.get("KAFKA_BARE", ROOT / "build/release/kafka_bare"))
LOAD_SECONDS_MAX = 150  # the programs end themselves before that


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def machine_seconds():
    """CPU time that all processes of this machine used, and that its host withheld."""
    user, nice, system, _, _, irq, softirq, steal = map(int, open("/proc/stat").readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def memory_bytes(name):
    """A line of /proc/meminfo."""
    return next(int(line.split()[1]) * 1024 for line in open("/proc/meminfo") if line.startswith(f"{name}:"))


def interrupts():
    """How often each device's line has interrupted each core."""
    lines = [line.split() for line in open("/proc/interrupts") if line.split()[0].rstrip(":").isdigit()]
    return [[int(count) for count in line[1:1 + os.cpu_count()]] for line in lines]


def cores_for(use_disk):
    """The core for the servers and the one for their clients, and what `use_disk` returned. The disk is to interrupt
    who uses it."""
    before = interrupts()
    result = use_disk()
    taken = [[now - then for now, then in zip(*line)] for line in zip(interrupts(), before)]
    busiest = max(taken, key=sum)
    server = busiest.index(max(busiest)) if max(busiest) > 0 else 0
    return str(server), str((server + 1) % os.cpu_count()), result


def settings(options):
    return [part for name, value in options.items() for part in ("--set", f"{name}={value}")]


class Client:
    """The load program, on a core of its own."""

    def __init__(self, core):
        self.core = core

    def run(self, server, command, topic, *options):
        done = subprocess.run(
            ["taskset", "-c", self.core, LOAD, command, "--server", f"127.0.0.1:{server.port}", "--topic", topic,
             *map(str, options)],
            capture_output=True, text=True, timeout=LOAD_SECONDS_MAX,
        )
        if done.returncode:
            raise SystemExit(f"{server.name}, load {command}: {done.stderr.strip()}")
        if done.stderr:
            print(f"{server.name}, {done.stderr.strip()}", flush=True)
        return json.loads(done.stdout)

    def measure(self, server, command, topic, *options):
        """What `load` says, and with it: records_per_s, server_cpu_s_per_gb, others (the share of the machine's CPU
        time that went to neither server nor client)."""
        began, machine = time.monotonic(), machine_seconds()
        used, children = cpu_seconds(server.pid), children_seconds()
        result = self.run(server, command, topic, *options)
        used = cpu_seconds(server.pid) - used
        theirs = machine_seconds() - machine - used - (children_seconds() - children)
        result["others"] = max(0.0, theirs / (time.monotonic() - began) / os.cpu_count())
        result["records_per_s"] = result["records"] / max(result["seconds"], 1e-9)
        result["server_cpu_s_per_gb"] = used / max(result["bytes"], 1) * 1e9
        return result


def settle():
    """Dirty pages that one server left are written before the next is measured."""
    os.sync()


class Bare:
    """The program that does with the same bytes only what the kernel must (bare.cc)."""

    def __init__(self, folder, server_core, client_core):
        self.options = ["--folder", folder, "--cores", f"{server_core},{client_core}"]

    def measure(self, command, *options):
        """What it prints: bytes_per_s and server_cpu_s_per_gb, or of `sync` p50_ms, p99_ms and p999_ms."""
        done = subprocess.run([BARE, command, *self.options, *map(str, options)], capture_output=True, text=True,
                              timeout=LOAD_SECONDS_MAX)
        if done.returncode:
            raise SystemExit(f"bare {command}: {done.stderr.strip()}")
        return json.loads(done.stdout)


class PageCache:
    """Memory that is full of page cache, as on a machine that has served for a while.

    What a measurement writes then takes the place of older files. Free memory may have gone back to the host of a
    virtual machine (free page reporting); getting it again costs up to ten times the write into it, and would be
    measured instead of the servers."""

    def __init__(self, folder):
        self.path = folder / "page-cache"
        with open(self.path, "wb") as file:
            file.truncate(2 * memory_bytes("MemTotal"))  # a hole, which takes no room on the disk
        self.position = 0

    def fill(self):
        left = memory_bytes("MemFree")
        block = bytearray(2**20)
        with open(self.path, "rb", buffering=0) as file:
            file.seek(self.position)
            while left > 0:
                got = file.readinto(block)
                left -= got
                if got < len(block):
                    file.seek(0)
            self.position = file.tell()
