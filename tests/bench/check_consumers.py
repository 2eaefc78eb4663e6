#!/usr/bin/env python3
"""What engram-bench exports is read by the tools that it is for: compare.py of Google Benchmark (package libbenchmark-tools, with
scipy) and nvbench-json-summary (Python package cuda-bench). Exit code 77: neither is there. Usage: check_consumers.py PROGRAM"""

import os
import shutil
import subprocess
import sys
import tempfile

PROGRAM = sys.argv[1]
COMPARE = "/usr/share/benchmark/compare.py"
CASE = "channel_scale/forward"
SKIPPED = 77


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\n{result.stdout}{result.stderr}expected exit code 0, got {result.returncode}")
    return result.stdout


def export(folder, results, form):
    path = os.path.join(folder, form + ".json")
    run(PROGRAM, "export", results, "--format", form, "--out", path)
    return path


def expect(text, *words):
    for word in words:
        if word not in text:
            sys.exit(f"expected {word}, got:\n{text}")


def has_scipy():
    return subprocess.run([sys.executable, "-c", "import scipy"], capture_output=True, check=False).returncode == 0


def main():
    summary = shutil.which("nvbench-json-summary")
    compare = os.path.exists(COMPARE) and has_scipy()
    if not summary and not compare:
        print("skipped: no consumer is installed")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        results = os.path.join(folder, "results.json")
        run(PROGRAM, "run", CASE, "--repeat", "9", "--scale", "1", "--sample-ms", "0", "--out", results)
        if compare:
            google = export(folder, results, "google-benchmark")
            # The same file twice: no change, and the U test of nine repetitions.
            expect(run(sys.executable, COMPARE, "-a", "benchmarks", google, google), CASE, "_pvalue", "9 vs 9", "+0.0000")
        if summary:
            expect(run(summary, export(folder, results, "nvbench")), "channel_scale", "forward", "GPU Time", "9x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
