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

# Row: (whether malloc is tuned, memory format). The released row also leaves the teacher's gradients on. On a GPU: graph is the step captured
# in a CUDA graph, compiled the same with passes that torch.compile made; all but released and default let cuDNN try its algorithms.
ROWS = {
    "released": (False, "contiguous_format"),
    "default": (False, "contiguous_format"),
    "best-nchw": (True, "contiguous_format"),
    "best-channels-last": (True, "channels_last"),
    "graph": (True, "channels_last"),
    "compiled": (True, "channels_last"),
}


def environment(row):
    """The environment a process of that row needs from its start."""
    env = {key: value for key, value in os.environ.items() if key not in UNSET and key not in TUNED_MALLOC}
    if ROWS[row][0]:
        env.update(TUNED_MALLOC)
    return env


def parse_arguments(description, rows, arch, batch, parents=()):
    """Reads the command line; starts the process anew where its environment is not the row's."""
    parser = argparse.ArgumentParser(description=description, parents=parents)
    parser.add_argument("--row", choices=rows, default=rows[0])
    parser.add_argument("--arch", default=arch)
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warmup", type=int, default=2, help="steps before the timed ones")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--math", default="f32", choices=["f32", "tf32"])
    arguments = parser.parse_args()
    wanted = environment(arguments.row)
    if wanted != dict(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.argv], wanted)
    return arguments


def prepare(arguments):
    """Sets threads, seeds, precision and search of algorithms; returns (device, memory format)."""
    import torch

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = arguments.math == "tf32"
    torch.backends.cudnn.benchmark = arguments.row not in ("released", "default")
    return torch.device(arguments.device), getattr(torch, ROWS[arguments.row][1])


def captured(step, warmup=3):
    """The step as one CUDA graph; it must change its state in place and not wait."""
    import torch

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(warmup):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph


def run(arguments, step):
    """Calls step(index) for the warm-up and the timed steps and prints the result."""
    import torch

    on_gpu = arguments.device != "cpu"
    wall, cpu = [], []
    for index in range(arguments.warmup + arguments.steps):
        wall_start, cpu_start = time.perf_counter(), time.process_time()
        step(index)
        if on_gpu:
            torch.cuda.synchronize()
        if index >= arguments.warmup:
            wall.append(time.perf_counter() - wall_start)
            cpu.append(time.process_time() - cpu_start)
    peak = torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    result = {"program": f"PyTorch {torch.__version__}", "row": arguments.row, "seconds_per_step": wall}
    if on_gpu:
        result["program"] += f", {torch.cuda.get_device_name()}, {arguments.math}"
        result["peak_device_bytes"] = peak
    else:
        result["cpu_seconds_per_step"] = cpu
        result["peak_rss_bytes"] = peak
    print(json.dumps(result))
