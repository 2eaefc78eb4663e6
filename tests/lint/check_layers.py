#!/usr/bin/env python3
"""Includes obey the layering (kernels < engine < models < apps; bench and tests see all, nothing sees them; kernel_cases sees
kernels and serves bench and tests; the emulator knows nothing of the project and only CUDA sources, bench and tests see it), and headers of other projects appear only where they may. Usage: check_layers.py ROOT"""

import re
import sys

import tree

# What each folder may include of the project.
VISIBLE = {
    "emulator": {"emulator"},
    "kernels": {"kernels"},
    "engine": {"kernels", "engine"},
    "models": {"kernels", "engine", "models"},
    "apps": {"kernels", "engine", "models", "apps"},
    "kernel_cases": {"kernels", "kernel_cases"},
    "bench": {"emulator", "kernels", "kernel_cases", "engine", "models", "apps", "bench", "tests"},
    "tests": {"emulator", "kernels", "kernel_cases", "engine", "models", "apps", "bench", "tests"},
    "examples": set(),
}

# Where headers are included as other projects do: "engram/engram.h".
OUTSIDE = re.compile(r"examples/|tests/consumer/")

# Programs on an installed emulator: its public headers, and those of their own folder.
EMULATED_PROGRAMS = re.compile(r"emulator/examples/programs/")

# Files outside bench and tests that may include the emulator's public headers ("emulator/NAME.h").
EMULATED = re.compile(r"kernels/.*_(cuda|cudnn|cublas)\.(cu|cuh|cpp|h)$|kernels/(common|plugin)/cuda/")

VENDOR = r"oneapi/|dnnl|Eigen/|unsupported/Eigen|cblas|lapacke|cuda|cublas|cudnn|nccl|nvtx"

# (headers, files that may include them, in words)
FOREIGN = [
    (VENDOR, r"kernels/|emulator/kernel\.h$|tests/cuda/signatures\.cpp$", "kernels/ and emulator/kernel.h"),
    (r"nlohmann/", r"(engine/io|models)/.*\.cpp$|tests/|apps/|bench/", "source files of engine/io and models, tests/, apps/ and bench/"),
    (r"CLI/|spdlog/|fmt/", r"apps/|bench/", "apps/ and bench/"),
    (r"png\.h$|zlib\.h$|jpeglib\.h$|jerror\.h$", r"(engine/io|tests)/.*\.cpp$", "source files of engine/io and tests"),
    (r"gtest/|gmock/", r"tests/", "tests/"),
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]')


def check_file(path, text):
    """Findings of one file."""
    folder = path.split("/")[0]
    if folder not in VISIBLE:
        yield path, 1, "source file outside " + ", ".join(VISIBLE)
        return
    if path.endswith((".h", ".cuh")) and "#pragma once" not in text:
        yield path, 1, "header without #pragma once"
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, header = match.groups()
        target = header.split("/")[0]
        if quote == '"':
            if OUTSIDE.match(path):
                if target != "engram":
                    yield path, number, f'"{header}": as other projects include it ("engram/...")'
            elif EMULATED_PROGRAMS.match(path) and "/" not in header:
                continue
            elif target not in VISIBLE:
                yield path, number, f'"{header}": paths of project headers begin at the root ("kernels/...")'
            elif target == "emulator" and (EMULATED.match(path) or EMULATED_PROGRAMS.match(path)):
                if header.count("/") > 1:
                    yield path, number, f'"{header}": only public headers of the emulator ("emulator/NAME.h")'
            elif target not in VISIBLE[folder]:
                yield path, number, f"{folder}/ may not include {header}"
        else:
            for pattern, allowed, words in FOREIGN:
                if re.match(pattern, header) and not re.match(allowed, path):
                    yield path, number, f"<{header}> may be included in {words} only"


def check_vendor_headers(texts):
    """A header of kernels/ that shows a vendor's types stays inside its own kernel family. `texts`: contents by path."""
    private = set()
    for path, text in texts.items():
        if path.startswith("kernels/") and path.endswith((".h", ".cuh")) and any(re.match(VENDOR, header) for _, header in _includes(text)):
            private.add(path)
    for path, text in texts.items():
        for number, header in _includes(text):
            if header in private and path.rpartition("/")[0] != header.rpartition("/")[0]:
                yield path, number, f"{header} includes a vendor's header, so only its own folder may include it"


def _includes(text):
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(2)


def main():
    root = sys.argv[1]
    texts = {path: tree.read_text(root, path) or "" for path in tree.sources(root)}
    findings = []
    for path, text in texts.items():
        findings += check_file(path, text)
    findings += check_vendor_headers(texts)
    tree.finish(findings)


if __name__ == "__main__":
    main()
