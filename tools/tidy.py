#!/usr/bin/env python3
"""Checks what the compiler does not: that includes point one way, and that files keep the house's form.

Run from the repository's root; prints one line per finding and exits 1 if there are any.
"""

import pathlib
import re
import subprocess
import sys

# A folder may include what stands before it, and itself. Folders on one line may not include each other.
LAYERS = [
    ["base"],
    ["runtime"],
    ["schema", "log", "store"],
    ["flow"],
    ["sql"],
    ["views"],
    ["http", "kafka"],
    ["cli"],
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

# What a folder inside a component's may include of that component besides itself.
INNER = {"kafka/coordinator": ["kafka/error_code.h"]}

# Locks belong to the runtime and to metrics; the command line's clients are ordinary threads.
LOCKS_ALLOWED = ("src/runtime/", "src/base/", "src/cli/")
LINES_MAX = 700
COLUMNS_MAX = 120


def source_files():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "src"], capture_output=True, text=True, check=True
    )
    return [path for path in listed.stdout.split() if path.endswith((".h", ".cc")) and pathlib.Path(path).exists()]


def check_includes(path, text):
    folder = path.split("/")[1]
    if folder not in RANK:
        return
    for number, line in enumerate(text.splitlines(), 1):
        included = re.match(r'#include "([a-z]+)/', line)
        if not included or included.group(1) not in RANK or included.group(1) == folder:
            continue
        if RANK[included.group(1)] >= RANK[folder]:
            yield number, f"{folder} must not include {included.group(1)}: includes point one way"


def check_inner_includes(path, text):
    folder = "/".join(path.split("/")[1:3])
    if folder not in INNER:
        return
    for number, line in enumerate(text.splitlines(), 1):
        included = re.match(r'#include "(\S+)"', line)
        if not included or not included.group(1).startswith(folder.split("/")[0] + "/"):
            continue
        if not included.group(1).startswith(folder + "/") and included.group(1) not in INNER[folder]:
            yield number, f"{folder} must not include {included.group(1)}: it does not know who uses it"


def check_form(path, text):
    lines = text.splitlines()
    if len(lines) > LINES_MAX:
        yield len(lines), f"more than {LINES_MAX} lines: split it by idea"
    if path.endswith(".h"):
        if "#pragma once" not in text:
            yield 1, "a header needs #pragma once"
        if not text.startswith("//"):
            yield 1, "a header begins with a comment that explains the idea"
    in_raw_string = False
    for number, line in enumerate(lines, 1):
        in_raw_string = in_raw_string and ')"' not in line or re.search(r'R"\((?!.*\)")', line) is not None
        if len(line) > COLUMNS_MAX and not in_raw_string and not path.endswith("_test.cc"):  # tables of cases may be wide
            yield number, f"more than {COLUMNS_MAX} columns"
        if line != line.rstrip():
            yield number, "space at the end of the line"
        if re.search(r"\b(TODO|FIXME)\b|// *XXX", line):
            yield number, "unfinished: do it or leave it out"
        if not path.startswith(LOCKS_ALLOWED) and re.search(r"#include <(mutex|shared_mutex|condition_variable)>", line):
            yield number, "locks belong to runtime/: use a shard"
        if path.endswith("_test.cc") and re.search(r"\b(this_thread::sleep_\w+|usleep|nanosleep)\(", line):
            yield number, "tests wait for a condition or move the clock"


def main():
    findings = 0
    for path in source_files():
        text = pathlib.Path(path).read_text()
        for check in (check_includes, check_inner_includes, check_form):
            for number, message in check(path, text):
                print(f"{path}:{number}: {message}")
                findings += 1
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
