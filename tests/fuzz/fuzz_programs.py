#!/usr/bin/env python3
"""Runs whole programs on damaged files, odd options and tampered run folders.

Every run must end by itself (or soon after SIGTERM, where an option asks for more work than the time allows), without a
signal, with an exit code other than 1; an error is one clear line; and a run that succeeds leaves no number in a table
that is not finite. All choices follow from the seed and the number of the run, so --first N --runs 1 repeats one.

    fuzz_programs.py BIN_FOLDER --runs 10000
"""

import argparse
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

WORK_SECONDS, STOP_SECONDS = 20, 60  # a stop waits for the step in progress
MEMORY_BYTES = 6 << 30

NUMBERS = ["0", "1", "-1", "2", "3", "0.5", "1e-30", "1e30", "-0.0", "1e308", "nan", "inf", "2147483647", "2147483648",
           "9223372036854775807", "9223372036854775808", "18446744073709551616", "1e999", "", " ", "x", "0x10", "1,2", "٣"]
TEXTS = ["", " ", "auto", "x", "../..", "\x1b[31m", "a" * 5000, "*", "-", "--", "=1+1", "ü", "cpu", "emu:9", "cuda:-1"]
JSON_VALUES = [None, True, 0, -1, 1.5, 1e300, 2**63, 2**70, "x", "", [], [1], ["a"], {}, {"a": 1}]

TINY_TRAIN = {"arch": "wrn-10-1", "batch-size": "8", "epochs": "1", "threads": "1", "dataset": "cifar10-subset"}
TINY_INVERT = {"method": "deep-inversion", "batch-size": "2", "num-batches": "1", "iterations": "2", "threads": "1"}
TINY_SELECT = {"seeds": "1", "evaluations": "10", "splits": "1", "controls": "0", "permutations": "3",
               "reselections": "1", "threads": "1"}
TINY_FIT = {"main": "G1,G2", "threads": "1"}
TINY_EVALUATE = {"cohorts": "1", "methods": "univariate-cox", "threads": "1"}
TINY_DISTILL = {"student": "wrn-10-1", "method": "kd", "batch-size": "8", "epochs": "1", "milestones": "1",
                "dataset": "cifar10-subset", "threads": "1"}
TINY_OOD = {"method": "erm", "batch-size": "4", "steps": "2", "evaluate-every": "1", "threads": "1",
            "arch": '{"name": "mlp", "hidden": [8, 8]}'}
TINY_PRUNE = {"method": "l1", "ratio": "0.4", "epochs": "1", "batch-size": "8", "dataset": "cifar10-subset",
              "finetune-dataset": "cifar10-subset", "threads": "1"}
TINY_SCORE = {"dataset": "cifar10-subset", "neighbors": "1", "resamples": "2", "pictures": "1", "splits": "1",
              "threads": "1"}
TINY_CALIBRATE = {"setting": "few-deaths", "cohorts": "1", "replicates": "19", "threads": "1"}
TINY_REPRODUCE = {"threads": "1", "jobs": "1"}
PLAN = {
    "name": "tiny", "data": {"images": "a handful"}, "scales": {"short": {"settings": {"epochs": 1}}}, "seeds": [1],
    "defaults": {"program": "engram-train", "settings": {"data": "@data/images", "dataset": "cifar10-subset",
                                                         "arch": '{"name": "mlp", "hidden": [8]}', "batch_size": 8}},
    "cells": [{"name": "first", "settings": {"lr": 0.05}},
              {"name": "again", "settings": {"init": "@cell/first/classifier.safetensors", "lr": 0.01}}],
    "rows": [{"cell": "first", "published": [{"value": 50, "source": "nobody"}]}, {"cell": "again", "reference": "first"}],
}
TINY_ANALYZE = {"dataset": "cifar10-subset", "batch-size": "8", "threads": "1"}


class Fuzzer:
    def __init__(self, bin_folder, seeds, generator, work):
        self.bin, self.seeds, self.random, self.work = bin_folder, seeds, generator, work

    def copy(self, name):
        """A seed file or folder that may be damaged, in this run's folder."""
        source, target = self.seeds / name, self.work / name
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy(source, target)
        return target

    def damage(self, path):
        """Damages a file, or one file of a folder; often not at all."""
        if self.random.random() < 0.3:
            return
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file() and not file.is_symlink())
            path = self.random.choice(files)
            if self.random.random() < 0.15:
                return self.replace(path)
        content = bytearray(path.read_bytes())
        if path.suffix == ".json" and self.random.random() < 0.7:
            content = self.damage_json(content)
        elif path.suffix == ".csv" and self.random.random() < 0.7:
            content = self.damage_csv(content)
        else:
            content = self.damage_bytes(content)
        path.write_bytes(content)

    def replace(self, path):
        path.unlink()
        kind = self.random.randrange(5)
        if kind == 0:
            path.mkdir()
        elif kind == 1:
            path.symlink_to("/dev/zero")
        elif kind == 2:
            path.symlink_to(self.work / "outside")
        elif kind == 3 and "run-" in str(path):  # elsewhere a program waits for the other end, as cat does
            os.mkfifo(path)

    def damage_bytes(self, content):
        for _ in range(self.random.choice([1, 1, 2, 8])):
            if not content:
                break
            at, kind = self.random.randrange(len(content)), self.random.randrange(6)
            if self.random.random() < 0.5:
                at %= min(len(content), 400)  # headers are where the formats are
            if kind == 0:
                content[at] ^= 1 << self.random.randrange(8)
            elif kind == 1:
                content[at] = self.random.choice([0, 255, 10, 44, 34, 45])
            elif kind == 2:
                del content[at:]
            elif kind == 3:
                content[at:at] = self.random.randbytes(self.random.choice([1, 7, 300]))
            elif kind == 4:
                del content[at:at + self.random.choice([1, 4, 100])]
            elif len(content) >= 8:
                at = min(at, len(content) - 8)
                content[at:at + 4] = struct.pack("<f", self.random.choice([float("nan"), float("inf"), 1e38, -1e38]))
        return content

    def damage_json(self, content):
        try:
            value = json.loads(content)
        except ValueError:
            return self.damage_bytes(content)
        node = value
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = self.random.choice(keys)
            if isinstance(node[key], (dict, list)) and self.random.random() < 0.7:
                node = node[key]
                continue
            if self.random.random() < 0.25:
                del node[key]
            else:
                node[key] = self.random.choice(JSON_VALUES)
            break
        return json.dumps(value, indent=2).encode()

    def damage_csv(self, content):
        lines = content.split(b"\n")
        row = self.random.randrange(len(lines)) if self.random.random() < 0.7 else 0
        kind = self.random.randrange(5)
        if kind == 0:
            lines[row] = lines[self.random.randrange(len(lines))]
        elif kind == 1:
            del lines[row]
        else:
            cells = lines[row].split(b",")
            column = self.random.randrange(len(cells))
            value = self.random.choice(NUMBERS + TEXTS[:8] + ["=cmd()", "@x", "NA"]).encode()
            if kind == 2:  # a whole column
                lines = [b",".join(c if i != column else value for i, c in enumerate(line.split(b","))) for line in lines]
            else:
                cells[column] = value
                lines[row] = b",".join(cells)
        return b"\n".join(lines)

    def options(self, program, base):
        """The base settings with some of the program's options set to odd values."""
        chosen = dict(base)
        known = OPTIONS[program]
        for _ in range(self.random.choice([0, 0, 1, 1, 2, 4])):
            name, choices = self.random.choice(known)
            if name in ("out", "force", "resume", "config", "device", "profile", "completion"):
                continue
            if choices is None:
                chosen[name] = None
            else:
                chosen[name] = self.random.choice(choices if choices and self.random.random() < 0.7 else NUMBERS + TEXTS)
        words = []
        for name, value in chosen.items():
            words += [f"--{name}"] if value is None else [f"--{name}={value}"]
        return words

    def config(self, base):
        """Sometimes the settings in a damaged configuration file instead of on the line."""
        if self.random.random() < 0.8:
            return []
        file = self.work / "config.json"
        def typed(text):
            return json.loads(text) if re.fullmatch(r"-?[0-9.]+", text) else text
        file.write_text(json.dumps({name.replace("-", "_"): typed(value) for name, value in base.items()}, indent=2))
        self.damage(file)
        return ["--config", str(file)]

    def call(self):
        """Program and words."""
        return self.random.choice([self.call_on_images] * 8 + [self.call_on_run] * 4 + [self.call_on_cohort] * 2 + [
            self.call_on_environments, self.call_inspect, self.call_on_plan, self.call_on_metrics])()

    def call_on_images(self):
        classifier, images = self.copy("classifier.safetensors"), self.copy("images")
        made = self.copy("run-invert")
        self.damage(self.random.choice([classifier, images]))
        out, command = self.work / "out", self.random.choice(["cka", "neurons", "cam", "lrp", "attack", "flatness"])
        program, base, words, out = self.random.choice([
            ("engram-train", TINY_TRAIN, ["--data", images], out),
            ("engram-train", TINY_TRAIN, ["--data", images, "--init", classifier], out),
            ("engram-invert", TINY_INVERT, [classifier], out),
            ("engram-eval", {"dataset": "cifar10-subset", "threads": "1"}, [classifier, "--data", images],
             self.work / "out.json"),
            ("engram-distill", TINY_DISTILL, ["--teacher", classifier, "--data", images], out),
            ("engram-prune", TINY_PRUNE, [classifier, "--data", images, "--finetune", images], out),
            ("engram-score", TINY_SCORE, [made, "--real", images, "--extractor", classifier], out),
            ("engram-analyze " + command, TINY_ANALYZE, [classifier, "--data", images], self.work / "out.png"),
        ])
        if program == "engram-score":
            self.damage(made)
        program, *command = program.split()
        return program, command + words + self.config(base) + self.options(" ".join([program] + command), base) + ["--out", out]

    def call_on_environments(self):
        digits = self.copy("digits")
        self.damage(digits)
        return "engram-ood", ["--data", digits] + self.config(TINY_OOD) + self.options("engram-ood", TINY_OOD) + [
            "--out", self.work / "out"]

    def call_inspect(self):
        files = [self.copy("classifier.safetensors")]
        self.damage(files[0])
        if self.random.random() < 0.3:
            files += ["--diff", self.seeds / "classifier.safetensors"]
        return "engram-inspect", files + self.random.choice([[], ["--json"]])

    def call_on_metrics(self):
        run = self.copy("run-train")
        self.damage(self.random.choice([run, run / "metrics.jsonl"]))
        return "engram-analyze", ["loss-curve", run] + self.options("engram-analyze loss-curve", {}) + [
            "--out", self.work / "out.png"]

    def call_on_plan(self):
        """A damaged plan, or a sound one whose folder of cells is damaged."""
        plan, cells = self.copy("plan.json"), self.copy("run-reproduce")
        self.damage(self.random.choice([plan, cells]))
        return "engram-reproduce", [plan, "--data", f"images={self.seeds / 'images'}"] + self.options(
            "engram-reproduce", TINY_REPRODUCE) + ["--out", self.random.choice([cells, self.work / "out"])]

    def call_on_cohort(self):
        cohort = self.copy("cohort")
        self.damage(cohort)
        command, base = self.random.choice([
            ("select", TINY_SELECT), ("screen", {"threads": "1"}), ("evaluate", TINY_EVALUATE),
            ("simulate", {"patients": "60", "gene-count": "20"}), ("fit-cox", TINY_FIT), ("fit-aft", TINY_FIT),
            ("lasso", TINY_FIT), ("calibrate", TINY_CALIBRATE)])
        data = [] if command in ("simulate", "calibrate") else ["--data", cohort]
        if command == "evaluate":
            data += ["--key", cohort / "key.csv"]
        target = self.work / ("out.csv" if base == TINY_FIT else "out")
        return "engram-genes", [command] + self.config(base) + data + self.options("engram-genes " + command, base) + [
            "--out", target]

    def call_on_run(self):
        """A damaged run folder, continued or written anew."""
        name, program, command, base, inputs = self.random.choice(runs(self.seeds))
        run = self.copy(name)
        (self.work / "outside").write_text("untouched")
        for _ in range(self.random.choice([1, 1, 2])):
            self.damage(run)
        key = " ".join([program] + command)
        if self.random.random() < 0.75:
            return program, command + ["--resume", run, "--threads", "1"] + self.options(key, {})
        return program, command + inputs + self.options(key, base) + ["--out", run, "--force"]

    def run(self):
        program, words = self.call()
        words = [str(word).replace("\0", "") for word in words]
        process = subprocess.Popen([str(self.bin / program)] + words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   cwd=self.work, preexec_fn=limit_memory)
        stopped = False
        try:
            out, err = process.communicate(timeout=WORK_SECONDS)
        except subprocess.TimeoutExpired:
            stopped = True
            process.send_signal(signal.SIGTERM)
            try:
                out, err = process.communicate(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                return f"hangs: {program} {words}"
        wrong = self.judge(process.returncode, stopped, err.decode(errors="replace"), out.decode(errors="replace"))
        return f"{wrong}: {program} {words}\n{err.decode(errors='replace')[-600:]}" if wrong else None

    def judge(self, code, stopped, err, out):
        if code < 0 and not (stopped and code == -signal.SIGTERM):
            return f"signal {-code}"
        if code == 1 and "cells failed or need one that did" not in err:
            return "exit 1"
        if code not in (0, 1, 2, 3, 4, 130, -signal.SIGTERM):
            return f"exit {code}"
        if code in (2, 3, 4) and not re.match(r"engram-[a-z -]+: .", err.strip().splitlines()[-1] if err.strip() else ""):
            return "no clear line"
        if "\x1b" in err:
            return "escape sequence in a message"
        outside = self.work / "outside"
        if outside.exists() and outside.read_text() != "untouched":
            return "wrote through a link"
        return self.judge_tables(out) if code == 0 else None

    def names(self):
        """The names of columns in the inputs: a gene may be called nan."""
        inputs = [file for file in self.work.glob("cohort/*.csv") if file.is_file()]
        return {cell.strip(b'"\r').lower().decode(errors="replace") for file in inputs
                for cell in file.read_bytes().split(b"\n")[0].split(b",")}

    def judge_tables(self, out):
        tables = {"standard output": out.replace('"nan":', "")}  # engram-inspect counts them
        for file in sorted(self.work.rglob("out*/*.csv")) + sorted(self.work.glob("out.*")):
            if file.is_file() and file.suffix != ".png":
                tables[file.name] = file.read_text(errors="replace")
        not_finite = {"nan", "inf", "-inf", "-nan"} - self.names()
        for name, text in tables.items():
            for cell in re.split(r"[\s,:\[\]]+", text):
                if cell.strip('"').lower() in not_finite:
                    return f"{name} holds {cell}"
        return None


def runs(seeds):
    """Run folders among the seeds: name, program, command, settings and inputs."""
    images, trained = ["--data", seeds / "images"], seeds / "classifier.safetensors"
    cohort = ["--data", seeds / "cohort", "--key", seeds / "cohort" / "key.csv"]
    return [
        ("run-train", "engram-train", [], TINY_TRAIN, images),
        ("run-invert", "engram-invert", [], TINY_INVERT, [trained]),
        ("run-evaluate", "engram-genes", ["evaluate"], TINY_EVALUATE, cohort),
        ("run-distill", "engram-distill", [], TINY_DISTILL, ["--teacher", trained, *images]),
        ("run-ood", "engram-ood", [], TINY_OOD, ["--data", seeds / "digits"]),
        ("run-prune", "engram-prune", [], TINY_PRUNE, [trained, *images, "--finetune", seeds / "images"]),
        ("run-score", "engram-score", [], TINY_SCORE,
         [seeds / "run-invert", "--real", seeds / "images", "--extractor", trained]),
    ]


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


OPTIONS = {}


def read_options(bin_folder):
    """Options of every program with their choices, from the scripts that complete command lines."""
    calls = [["engram-" + name] for name in
             ("train", "invert", "eval", "distill", "ood", "prune", "score", "reproduce")]
    calls += [["engram-analyze", command] for command in
              ("cka", "neurons", "loss-curve", "cam", "lrp", "attack", "flatness")]
    calls += [["engram-genes", command] for command in
              ("select", "screen", "simulate", "calibrate", "evaluate", "fit-cox", "fit-aft", "lasso")]
    for call in calls:
        script = subprocess.run([str(bin_folder / call[0])] + call[1:] + ["--completion", "bash"], check=True,
                                capture_output=True, text=True).stdout
        names = re.search(r"-\*\) COMPREPLY=\(\$\(compgen -W '([^']*)'", script).group(1).split()
        choices = dict(re.findall(r"--([a-z0-9-]+)\) COMPREPLY=\(\$\(compgen -W '([^']*)'", script))
        OPTIONS[" ".join(call)] = [(name[2:], None if f"--no-{name[2:]}" in names or name.startswith("--no-")
                                    else choices.get(name[2:], "").split())
                                   for name in names if name not in ("--help", "--version")]


def make_seeds(bin_folder, seeds):
    generator = random.Random(1)
    (seeds / "images").mkdir()
    for name, count in (("data_batch_1.bin", 16), ("test_batch.bin", 10)):
        records = b"".join(bytes([i % 10]) + generator.randbytes(3072) for i in range(count))
        (seeds / "images" / name).write_bytes(records)

    (seeds / "digits").mkdir()
    count = 100
    for name, extents, size in (("train-images-idx3-ubyte", (count, 28, 28), 784), ("train-labels-idx1-ubyte", (count,), 1)):
        values = generator.randbytes(count * size) if size > 1 else bytes(i % 10 for i in range(count))
        header = bytes([0, 0, 8, len(extents)]) + b"".join(struct.pack(">I", extent) for extent in extents)
        (seeds / "digits" / name).write_bytes(header + values)

    def run(program, *words):
        subprocess.run([str(bin_folder / program)] + [str(word) for word in words], check=True, capture_output=True)

    def line(options):
        return [f"--{name}={value}" for name, value in options.items()]

    run("engram-genes", "simulate", "--patients", "60", "--gene-count", "20", "--seed", "4", "--out", seeds / "cohort")
    (seeds / "cohort" / "key.csv").write_text("gene,role\nG1,treatment_interaction\nG2,prognostic_only\n")
    more = {"run-train": ["--epochs=2", "--checkpoint-steps=1"], "run-invert": ["--num-batches=2"],
            "run-evaluate": ["--cohorts=2"], "run-prune": ["--ratio=0.2,0.4"], "run-distill": ["--checkpoint-steps=1"]}
    for name, program, command, base, inputs in runs(seeds):
        settings = {key: value for key, value in base.items() if not any(o.startswith(f"--{key}=") for o in more.get(name, []))}
        run(program, *command, *inputs, *line(settings), *more.get(name, []), "--out", seeds / name)
        if name == "run-train":
            shutil.copy(seeds / name / "classifier.safetensors", seeds)
    (seeds / "plan.json").write_text(json.dumps(PLAN))
    run("engram-reproduce", seeds / "plan.json", "--data", f"images={seeds / 'images'}", "--threads=1", "--out",
        seeds / "run-reproduce")
    for cell in (seeds / "run-reproduce" / "cells").iterdir():
        if cell.is_dir() and "classifier.safetensors" in (cell / "config.json").read_text():
            shutil.rmtree(cell)  # the second one, which starts from the first
    (seeds / "run-invert" / "batches" / "batch_0001.safetensors").unlink()
    (seeds / "run-prune" / "pruned_4000.safetensors").unlink()


def one_run(bin_folder, seeds, seed, number):
    with tempfile.TemporaryDirectory() as work:
        fuzzer = Fuzzer(bin_folder, seeds, random.Random(f"{seed} {number}"), pathlib.Path(work).resolve())
        return fuzzer.run()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    failures = 0
    with tempfile.TemporaryDirectory() as seeds, ThreadPoolExecutor(options.jobs) as pool:
        seeds = pathlib.Path(seeds).resolve()
        read_options(options.bin)
        make_seeds(options.bin, seeds)
        numbers = range(options.first, options.first + options.runs)
        for number, wrong in zip(numbers, pool.map(lambda n: one_run(options.bin, seeds, options.seed, n), numbers)):
            if wrong:
                failures += 1
                print(f"run {number}: {wrong}", flush=True)
    print(f"{options.runs} runs, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
