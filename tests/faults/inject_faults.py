#!/usr/bin/env python3
"""Runs the programs with one failing call each (fault_shim.cpp) and checks what they leave.

After a kill every run folder must be one that --resume continues to the bytes of an undisturbed run, or that --out
takes as if it were empty. After an error the program must have said one clear line and ended with the right code, with
nothing half-written and no temporary file; then the same holds for the folder.

    inject_faults.py BIN_FOLDER SHIM                    every input and output of every program, every call stack that
                                                        allocates, every fault
    inject_faults.py BIN_FOLDER SHIM --sample 6         six calls of each, evenly spread, as the test does
    inject_faults.py BIN_FOLDER SHIM --log FILE         writes a line for each fault, and passes over those in the file

Calls on the inputs count too. A kill is tried before every call that changes something: before the others, the folder is
as it is before the next of those.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

CODES = {"eio": {0, 3}, "enospc": {0, 3}, "memory": {0, 4}}
CELLS_FAILED = 1  # engram-reproduce: the table says what the cell's program said
TEMPORARY = ".engram-tmp-"


class Scenario:
    """A program, how it is called with a folder for its results (None: it prints them), and which of its files repeat
    byte for byte."""

    def __init__(self, name, program, arguments, results, resumes, out="out"):
        self.name, self.program, self.arguments = name, program, arguments
        self.results, self.resumes, self.out = results, resumes, out
        self.folder = out is not None and "." not in out

    def call(self, work):
        """The arguments of a run with its results in a folder."""
        return self.arguments + (["--out", work / self.out] if self.out else [])


def scenarios(data):
    train = ["--data", data / "images", "--dataset", "cifar10-subset", "--arch", "wrn-10-1", "--batch-size", "8",
             "--epochs", "2", "--checkpoint-steps", "1", "--padding", "0", "--threads", "1", "--quiet"]
    invert = [data / "trained" / "classifier.safetensors", "--method", "deep-inversion", "--batch-size", "2",
              "--num-batches", "2", "--iterations", "2", "--grid-every", "1", "--checkpoint-steps", "1", "--threads", "1",
              "--quiet"]
    natural = [data / "trained" / "classifier.safetensors", "--method", "natural-inversion", "--batch-size", "1",
               "--iterations", "2", "--grid-every", "1", "--threads", "1", "--quiet"]  # without checkpoints of 100 MB
    select = ["select", "--data", data / "cohort", "--seeds", "1", "--evaluations", "20", "--splits", "1", "--controls",
              "0", "--permutations", "5", "--reselections", "1", "--threads", "1", "--quiet"]
    evaluate = ["evaluate", "--data", data / "cohort", "--key", data / "cohort" / "key.csv", "--cohorts", "2", "--methods",
                "univariate-cox", "--threads", "1", "--quiet"]
    images = [data / "trained" / "classifier.safetensors", "--data", data / "images", "--dataset", "cifar10-subset",
              "--threads", "1"]
    trained = data / "trained" / "classifier.safetensors"
    short = ["--batch-size", "8", "--threads", "1", "--quiet"]
    distill = ["--teacher", trained, "--student", "wrn-10-1", "--method", "kd", "--data", data / "images", "--dataset",
               "cifar10-subset", "--epochs", "2", "--milestones", "1", "--checkpoint-steps", "1", *short]
    ood = ["--method", "erm", "--protocol", '{"name": "shapes-in-styles", "side": 12, "images": 4}', "--held-out", "line",
           "--arch", '{"name": "mlp", "hidden": [8, 8]}', "--steps", "4", "--evaluate-every", "2", "--checkpoint-steps", "1",
           *short]
    score = [data / "made", "--real", data / "images", "--dataset", "cifar10-subset", "--extractor", trained,
             "--resamples", "2", "--pictures", "2", "--neighbors", "1", "--threads", "1", "--quiet"]
    prune = [trained, "--data", data / "images", "--dataset", "cifar10-subset", "--finetune", data / "images",
             "--finetune-dataset", "cifar10-subset", "--ratio", "0.2,0.4", "--sparse-epochs", "1", "--epochs", "1", *short]
    analyze = ["cka", trained, "--data", data / "images", "--dataset", "cifar10-subset", *short]
    reproduce = [data / "plan.json", "--data", f"images={data / 'images'}", "--threads", "1", "--quiet"]
    return [
        Scenario("train", "engram-train", train, ["classifier.safetensors", "metrics.jsonl"], True),
        Scenario("invert", "engram-invert", invert, ["samples.safetensors", "images/*.png", "samples/*/*.png"], True),
        Scenario("select", "engram-genes", select, ["selected_genes.csv", "candidates.csv"], False),
        Scenario("evaluate", "engram-genes", evaluate, ["cells/*.json"], True),
        Scenario("eval", "engram-eval", images, [], False, "out.json"),
        Scenario("distill", "engram-distill", distill, ["classifier.safetensors", "best.safetensors", "metrics.jsonl"],
                 True),
        Scenario("ood", "engram-ood", ood, ["classifier.safetensors", "selected.safetensors", "metrics.jsonl", "images/*.png"],
                 True),
        Scenario("score", "engram-score", score, ["score.json", "score.csv", "images/*.png"], True),
        Scenario("prune", "engram-prune", prune, ["*.safetensors", "metrics.jsonl", "pruning.json"], True),
        Scenario("analyze", "engram-analyze", analyze, ["out.png", "out.csv"], False, "out.png"),
        Scenario("inspect", "engram-inspect", [trained], [], False, None),
        Scenario("reproduce", "engram-reproduce", reproduce, ["cells/*/classifier.safetensors", "table.md"], False),
        Scenario("natural", "engram-invert", natural, ["samples.safetensors", "images/*.png", "samples/*/*.png"], True),
    ]


PLAN = {
    "name": "tiny", "title": "Tiny networks", "data": {"images": "a handful"}, "scales": {"short": {}}, "seeds": [1],
    "defaults": {"program": "engram-train",
                 "settings": {"data": "@data/images", "dataset": "cifar10-subset", "arch": '{"name": "mlp", "hidden": [8]}',
                              "batch_size": 8, "epochs": 1}},
    "cells": [{"name": "first", "settings": {"lr": 0.05}},
              {"name": "again", "settings": {"init": "@cell/first/classifier.safetensors", "lr": 0.01}}],
    "rows": [{"cell": "first"}, {"cell": "again", "reference": "first"}],
}


def prepare(bin_folder, data):
    """Inputs of all scenarios: a handful of images, a classifier trained on them, images made of it, a small cohort, a
    plan of two cells."""
    generator = random.Random(1)
    (data / "images").mkdir()
    for name, count in (("data_batch_1.bin", 16), ("test_batch.bin", 10)):
        records = b"".join(bytes([i % 10]) + generator.randbytes(3072) for i in range(count))
        (data / "images" / name).write_bytes(records)
    by_name = {scenario.name: scenario for scenario in scenarios(data)}
    for name, folder in (("train", "trained"), ("invert", "made")):
        run(bin_folder, by_name[name].program, by_name[name].arguments + ["--out", data / folder])
    run(bin_folder, "engram-genes", ["simulate", "--patients", "60", "--gene-count", "20", "--seed", "4", "--out",
                                     data / "cohort"])
    (data / "plan.json").write_text(json.dumps(PLAN))
    (data / "cohort" / "key.csv").write_text("gene,role\nG1,treatment_interaction\nG2,prognostic_only\n")


def run(bin_folder, program, arguments, environment=None):
    result = subprocess.run([str(bin_folder / program)] + [str(a) for a in arguments], capture_output=True, timeout=1200,
                            env={**os.environ, **(environment or {})})
    if environment is None and result.returncode != 0:
        raise SystemExit(f"{program} {arguments}: ended with {result.returncode}: {result.stderr.decode()}")
    return result


def digest(folder, results):
    """A hash of the files that repeat; of evaluate's cells without the seconds that they took, and their checksum."""
    total = hashlib.sha256()
    for pattern in results:
        for file in sorted(folder.glob(pattern)):
            content = file.read_bytes()
            if file.suffix == ".json":
                content = b",".join(part for part in content.split(b",") if not part.startswith((b'"seconds"', b'"crc32c"')))
            if file.name == "metrics.jsonl":
                content = re.sub(rb',"mem/peak_mib":[0-9.]+', b"", content)  # of the process, not of the run
            total.update(file.relative_to(folder).as_posix().encode() + b"\0" + hashlib.sha256(content).digest())
    return total.hexdigest()


class Injector:
    def __init__(self, bin_folder, shim, data, scenario):
        self.bin, self.shim, self.data, self.scenario = bin_folder, shim, data, scenario
        with tempfile.TemporaryDirectory(dir=data) as work:
            work = pathlib.Path(work)
            self.calls, self.allocations, self.places, result = self.count(work)
            self.expected = self.results(work, result)

    def results(self, work, result):
        """What a run left that must repeat."""
        if self.scenario.out is None:
            return result.stdout
        return digest(work / self.scenario.out if self.scenario.folder else work, self.scenario.results)

    def environment(self, work, **more):
        return {"LD_PRELOAD": str(self.shim), "ENGRAM_FAULT_ROOT": str(self.data), **more}

    def count(self, work):
        counts = work / "counts"
        result = run(self.bin, self.scenario.program, self.scenario.call(work),
                     self.environment(work, ENGRAM_FAULT_KIND="count", ENGRAM_FAULT_COUNTS=str(counts)))
        if result.returncode != 0:
            raise SystemExit(f"{self.scenario.name}: {result.stderr.decode()}")
        totals, *places = ([int(number) for number in line.split()] for line in counts.read_text().splitlines())
        calls = range(1, totals[0] + 1)
        taking_space, writing, changing, stacks = places
        # Before a call that writes nothing, a torn write is a kill; a disk is full from the next call that takes space.
        places = {"kill": sorted({*changing, totals[0]}), "tear": writing, "eio": calls, "enospc": taking_space,
                  "memory": stacks}
        return *totals, places, result

    def faults(self, sample):
        for kind, chosen in self.places.items():
            if sample and sample < len(chosen):
                chosen = sorted({chosen[i * (len(chosen) - 1) // max(1, sample - 1)] for i in range(sample)})
            for at in chosen:
                yield kind, at

    def check(self, kind, at):
        """Runs one fault; returns what is wrong with what it left, or None."""
        with tempfile.TemporaryDirectory(dir=self.data) as work:
            work = pathlib.Path(work)
            result = run(self.bin, self.scenario.program, self.scenario.call(work),
                         self.environment(work, ENGRAM_FAULT_KIND=kind, ENGRAM_FAULT_AT=str(at)))
            wrong = self.judge_end(kind, result) or self.judge_files(kind, work)
            return wrong or self.judge_recovery(result, work)

    def judge_end(self, kind, result):
        error = result.stderr.decode(errors="replace")
        if kind in ("kill", "tear"):
            return None if result.returncode in (0, -9) else f"ended with {result.returncode}: {error}"
        if self.scenario.name == "reproduce" and result.returncode == CELLS_FAILED:
            return None
        if result.returncode not in CODES[kind]:
            return f"ended with {result.returncode}: {error}"
        lines = [line for line in error.splitlines() if line.startswith("engram-")]
        if result.returncode != 0 and (len(lines) != 1 or error.splitlines()[-1] != lines[0]):
            return f"said: {error}"
        return None

    def judge_files(self, kind, work):
        if kind in ("kill", "tear"):
            return None
        left = [str(file.relative_to(work)) for file in work.rglob(TEMPORARY + "*")]
        return f"left {left}" if left else None

    def judge_recovery(self, result, work):
        if result.returncode != 0:
            if self.scenario.out and not any(work.iterdir()):
                return None  # as before the run
            result = self.go_on(work)
            if result.returncode != 0:
                return f"cannot go on: {result.stderr.decode()}"
        if self.results(work, result) != self.expected:
            return "the results differ"
        left = list(work.rglob(TEMPORARY + "*"))
        return f"left after going on: {left}" if left else None

    def go_on(self, work):
        """Continues a run; a folder that cannot be continued must be taken as an empty one."""
        force = []
        if self.scenario.folder and (work / self.scenario.out / "manifest.json").exists():
            if self.scenario.resumes:
                command = self.scenario.arguments[:1] if self.scenario.program == "engram-genes" else []
                more = ["--resume", work / self.scenario.out, "--threads", "1", "--quiet"]
                result = run(self.bin, self.scenario.program, command + more, {})
                if result.returncode == 0:
                    return result
            else:
                force = ["--force"]
        return run(self.bin, self.scenario.program, self.scenario.call(work) + force, {})


def faults_in(log):
    """The faults that a log of earlier runs holds."""
    if log is None or not log.exists():
        return set()
    return {tuple(line.split(":")[0].split()) for line in log.read_text().splitlines()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("shim", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--sample", type=int, default=0, help="calls or stacks of each program and fault; 0: all")
    parser.add_argument("--only", default="", help="one scenario")
    parser.add_argument("--kinds", default="", help="some faults, separated by commas")
    parser.add_argument("--log", type=pathlib.Path, help="a line for each fault; those in the file are not run again")
    parser.add_argument("--shuffle", action="store_true", help="in random order, so that an interrupted run is a sample")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    failures = runs = 0
    done = faults_in(options.log)
    with tempfile.TemporaryDirectory() as data, ThreadPoolExecutor(options.jobs) as pool:
        data = pathlib.Path(data).resolve()
        prepare(options.bin, data)
        for scenario in scenarios(data):
            if options.only not in ("", scenario.name):
                continue
            injector = Injector(options.bin, options.shim, data, scenario)
            faults = [f for f in injector.faults(options.sample) if not options.kinds or f[0] in options.kinds.split(",")]
            faults = [(kind, at) for kind, at in faults if (scenario.name, kind, str(at)) not in done]
            if options.shuffle:
                random.Random(1).shuffle(faults)
            for (kind, at), wrong in zip(faults, pool.map(lambda fault: injector.check(*fault), faults)):
                runs += 1
                if options.log:
                    with options.log.open("a") as log:
                        log.write(f"{scenario.name} {kind} {at}: {(wrong or 'right').strip()!r}\n")
                if wrong:
                    failures += 1
                    print(f"{scenario.name}: {kind} at call {at}: {wrong}", flush=True)
            print(f"{scenario.name}: {injector.calls} calls, {injector.allocations} allocations from "
                  f"{len(injector.places['memory'])} stacks, {len(faults)} faults",
                  flush=True)
    shutil.rmtree(data, ignore_errors=True)
    print(f"{runs} runs, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
