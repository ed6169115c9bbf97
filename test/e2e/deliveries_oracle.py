#!/usr/bin/env python3
"""The example's views against PostgreSQL: the same file into both, the same app file to both, the same rows out.

    deliveries_oracle.py [FLIGHTS]     FLIGHTS: a file like examples/deliveries/flights.csv.zst, which is the default

Every column must be equal to the letter, except that approx_count_distinct may be 5 % off the exact count.
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "test"), str(ROOT / "test/sql")]
from postgres import Postgres, Translator  # noqa: E402
from server import HEADRACE, Server  # noqa: E402

EXAMPLE = ROOT / "examples/deliveries"
APPROXIMATE = {("hourly", "routes"): 0.05}
VIEWS = ["delivery", "board", "hourly", "route", "late_board", "airports_by_state"]
flights = EXAMPLE / "flights.csv.zst"


class DeliveriesOracle(unittest.TestCase):
    maxDiff = 2000

    def test_views_equal_their_queries(self):
        with tempfile.TemporaryDirectory(prefix="headrace-oracle-") as folder, Postgres() as postgres:
            server = Server(EXAMPLE / "app.sql", f"{folder}/data", exact_numbers=True).start()
            try:
                url = f"http://127.0.0.1:{server.port}"
                for stream, file in (("airports", EXAMPLE / "airports.csv"), ("deliveries", flights)):
                    subprocess.run([HEADRACE, "load", "--url", url, stream, str(file)], check=True, stderr=subprocess.DEVNULL)
                server.wait_applied()
                self.fill(postgres)
                for view in VIEWS:
                    with self.subTest(view=view):
                        self.compare(server, postgres, view)
            finally:
                server.kill()

    def fill(self, postgres):
        for statement in Translator().statements((EXAMPLE / "app.sql").read_text()):
            postgres.execute(statement)
        cursor = postgres.connection.cursor()
        with open(EXAMPLE / "airports.csv") as file:
            cursor.copy_expert("COPY airports FROM STDIN (FORMAT csv, HEADER)", file)
        plain = subprocess.Popen(["zstdcat", "-f", str(flights)], stdout=subprocess.PIPE)
        cursor.copy_expert("COPY deliveries FROM STDIN (FORMAT csv, HEADER)", plain.stdout)
        self.assertEqual(plain.wait(), 0)

    def compare(self, server, postgres, view):
        rows = server.rows(view)
        self.assertGreater(len(rows), 0)
        columns = list(rows[0])
        ours = sorted("|".join("NULL" if row[column] is None else row[column] for column in columns) for row in rows)
        theirs = sorted(postgres.rows(f"SELECT {', '.join(columns)} FROM {view}"))
        self.assertEqual(len(ours), len(theirs))
        for line, expected in zip(ours, theirs):
            if line == expected:
                continue
            for column, cell, wanted in zip(columns, line.split("|"), expected.split("|")):
                if (view, column) in APPROXIMATE:
                    error_max = max(2, APPROXIMATE[view, column] * float(wanted))
                    self.assertLessEqual(abs(float(cell) - float(wanted)), error_max, (line, expected))
                else:
                    self.assertEqual(cell, wanted, (column, line, expected))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        flights = pathlib.Path(sys.argv.pop(1))
    unittest.main(verbosity=1)
