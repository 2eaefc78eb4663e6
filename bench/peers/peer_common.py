"""What the PyTorch sides of the comparison share: rows, process environment, timing, one JSON line of result."""

import argparse
import json
import os
import pathlib
import resource
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden"))

# Keeps glibc from returning large blocks to the system after every tensor (CPU PyTorch has no caching allocator of its own).
TUNED_MALLOC = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40), "MALLOC_TOP_PAD_": str(64 << 20)}
# Would make OpenBLAS choose kernels for another CPU.
UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")

# Row: (whether malloc is tuned, memory format). The released row also leaves the teacher's gradients on.
ROWS = {
    "released": (False, "contiguous_format"),
    "default": (False, "contiguous_format"),
    "best-nchw": (True, "contiguous_format"),
    "best-channels-last": (True, "channels_last"),
}


def environment(row):
    """The environment a process of that row needs from its start."""
    env = {key: value for key, value in os.environ.items() if key not in UNSET and key not in TUNED_MALLOC}
    if ROWS[row][0]:
        env.update(TUNED_MALLOC)
    return env


def parse_arguments(description, rows, arch, batch):
    """Reads the command line; starts the process anew where its environment is not the row's."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--row", choices=rows, default=rows[0])
    parser.add_argument("--arch", default=arch)
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warmup", type=int, default=2, help="steps before the timed ones")
    parser.add_argument("--steps", type=int, default=5)
    arguments = parser.parse_args()
    wanted = environment(arguments.row)
    if wanted != dict(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.argv], wanted)
    return arguments


def run(arguments, step):
    """Calls step(index) for the warm-up and the timed steps and prints the result."""
    import torch

    wall, cpu = [], []
    for index in range(arguments.warmup + arguments.steps):
        wall_start, cpu_start = time.perf_counter(), time.process_time()
        step(index)
        if index >= arguments.warmup:
            wall.append(time.perf_counter() - wall_start)
            cpu.append(time.process_time() - cpu_start)
    print(json.dumps({
        "program": f"PyTorch {torch.__version__}",
        "row": arguments.row,
        "seconds_per_step": wall,
        "cpu_seconds_per_step": cpu,
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }))
