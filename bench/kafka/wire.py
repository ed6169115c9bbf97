"""As much of Kafka's protocol as it takes to see when a server that starts serves every partition of a topic.

A client library would do, but its own back-off between two attempts to connect is longer than what is measured here.
"""

import socket
import struct
import time

METADATA, LIST_OFFSETS = 3, 2
RETRY_SECONDS = 0.001
ANSWER_SECONDS_MAX = 30


def connect(port):
    connection = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS_MAX)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def read_exactly(connection, size):
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise ConnectionError("the server closed the connection")
        parts += part
    return bytes(parts)


def call(connection, key, version, body):
    """The answer without its correlation id."""
    client = b"bench"
    header = struct.pack(">hhih", key, version, 1, len(client)) + client
    connection.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
    (size,) = struct.unpack(">i", read_exactly(connection, 4))
    return read_exactly(connection, size)[4:]


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


class Reader:
    def __init__(self, body):
        self.body = body
        self.at = 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.body, self.at)
        self.at += struct.calcsize(">" + form)
        return values if len(values) > 1 else values[0]

    def text(self):
        size = self.take("h")
        self.at += max(size, 0)

    def integers(self):
        count = self.take("i")
        self.at += 4 * count


def partitions_with_leader(connection, topic):
    """The numbers of the topic's partitions that have a leader (Metadata, version 1)."""
    reader = Reader(call(connection, METADATA, 1, struct.pack(">i", 1) + text(topic)))
    for _ in range(reader.take("i")):  # brokers
        reader.take("i")
        reader.text()
        reader.take("i")
        reader.text()
    reader.take("i")  # controller
    led = []
    for _ in range(reader.take("i")):
        reader.take("h")
        reader.text()
        reader.take("?")
        for _ in range(reader.take("i")):
            error, number, leader = reader.take("hii")
            reader.integers()
            reader.integers()
            if error == 0 and leader >= 0:
                led.append(number)
    return led


def partitions_with_end(connection, topic, partitions):
    """How many of these partitions tell their end offset: what each of them must be open for (ListOffsets 1)."""
    body = struct.pack(">ii", -1, 1) + text(topic) + struct.pack(">i", len(partitions))
    body += b"".join(struct.pack(">iq", partition, -1) for partition in partitions)
    reader = Reader(call(connection, LIST_OFFSETS, 1, body))
    serving = 0
    for _ in range(reader.take("i")):
        reader.text()
        for _ in range(reader.take("i")):
            _, error, _, offset = reader.take("ihqq")
            serving += error == 0 and offset >= 0
    return serving


def retry(attempt, seconds_max):
    """Until `attempt` returns something true. Nothing tells when another process's port opens, so this asks again."""
    end = time.monotonic() + seconds_max
    while time.monotonic() < end:
        try:
            if attempt():
                return
        except (ConnectionError, socket.timeout):
            pass
        time.sleep(RETRY_SECONDS)
    raise AssertionError(f"not ready within {seconds_max} s")


def wait_until_listening(port, seconds_max):
    def attempt():
        connect(port).close()
        return True

    retry(attempt, seconds_max)


def wait_until_serving(port, topic, partitions, seconds_max):
    """Until every partition of the topic has a leader that answers for it."""

    def attempt():
        with connect(port) as connection:
            led = partitions_with_leader(connection, topic)
            return len(led) == partitions and partitions_with_end(connection, topic, led) == partitions

    retry(attempt, seconds_max)
