#!/usr/bin/env python3
"""misbehaving.py PORT TOPIC: everything at once that a client of the Kafka port should not do, until its input ends.

It says "ready" when it begins. Its connections come a few at a time: many consumers at once are a load as any other.
Connections that the server ends are made again.
"""

import random
import select
import socket
import struct
import sys

MIB = 1024 * 1024
HALF_OPEN, SLOW, NEVER_READING = 150, 50, 40
LENGTHS = (-1, -(2**31), 0, 7, 2**31 - 1, 33 * MIB)
FETCH, FETCH_VERSION, API_VERSIONS = 1, 4, 18
TICK_SECONDS = 0.02  # it must not need a core of its own
CONNECTIONS_PER_TICK = 4  # at the beginning
PORT, TOPIC = int(sys.argv[1]), sys.argv[2]


def connect():
    return socket.create_connection(("127.0.0.1", PORT), 10)


def half_open():
    """Announces a request and does not send it."""
    connection = connect()
    connection.sendall(struct.pack(">i", 12 * MIB) + bytes(5000))
    return connection


def never_reading():
    name = TOPIC.encode()
    body = struct.pack(">hhih", FETCH, FETCH_VERSION, 7, -1) + struct.pack(">iiiib", -1, 0, 1, 16 * MIB, 0)
    body += struct.pack(">ih", 1, len(name)) + name + struct.pack(">iiqi", 1, 0, 0, 16 * MIB)
    connection = connect()
    connection.sendall(20 * (struct.pack(">i", len(body)) + body))
    return connection


def hostile_length(number):
    connection = connect()
    connection.sendall(struct.pack(">i", LENGTHS[number % len(LENGTHS)]) + bytes(100))
    return connection


class Slow:
    """Sends a request byte by byte."""

    request = struct.pack(">i", 10) + struct.pack(">hhih", API_VERSIONS, 0, 7, -1)

    def __init__(self):
        self.connection = connect()
        self.sent = 0

    def step(self):
        try:
            self.connection.sendall(self.request[self.sent:self.sent + 1])
            self.sent = (self.sent + 1) % len(self.request)
        except OSError:
            self.__init__()


def main():
    print("ready", flush=True)
    wanted = [half_open] * HALF_OPEN + [never_reading] * NEVER_READING
    random.shuffle(wanted)
    kept = []
    slow = [Slow() for _ in range(SLOW)]
    number = 0
    while not select.select([sys.stdin], [], [], TICK_SECONDS)[0]:
        number += 1
        kept += [(make, make()) for make in wanted[-CONNECTIONS_PER_TICK:]]
        del wanted[-CONNECTIONS_PER_TICK:]
        slow[number % SLOW].step()
        hostile_length(number).close()
        make, connection = kept[number % len(kept)]
        connection.close()
        kept[number % len(kept)] = make, make()


if __name__ == "__main__":
    main()
