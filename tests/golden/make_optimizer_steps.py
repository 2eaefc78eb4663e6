#!/usr/bin/env python3
"""Makes optimizer_steps.json: three steps of each optimiser by the update rules of torch.optim (its documentation's
pseudocode, one tensor at a time), in double. Run by hand; needs nothing but Python. Check against PyTorch: --check
(needs torch) repeats every case with torch.optim in float64 and compares to 1e-13.
"""

import json
import math
import pathlib
import sys

COUNT, STEPS = 5, 3
RATES = [0.1, 0.05, 0.2]
CASES = [
    {"name": "sgd", "kind": "sgd", "momentum": 0.0, "nesterov": False, "weight_decay": 0.0},
    {"name": "sgd with decay", "kind": "sgd", "momentum": 0.0, "nesterov": False, "weight_decay": 0.01},
    {"name": "momentum", "kind": "sgd", "momentum": 0.9, "nesterov": False, "weight_decay": 0.01},
    {"name": "nesterov", "kind": "sgd", "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    {"name": "adam", "kind": "adam", "weight_decay": 0.0},
    {"name": "adam with decay", "kind": "adam", "weight_decay": 0.01},
    {"name": "adamw", "kind": "adamw", "weight_decay": 0.1},
]
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def start():
    return [0.5 - 0.3 * i for i in range(COUNT)]


def gradient(step):
    return [math.sin(1.0 + 2.0 * i + 3.0 * step) for i in range(COUNT)]


def run(case):
    p, buffer, m, v = start(), None, [0.0] * COUNT, [0.0] * COUNT
    for step in range(STEPS):
        lr, g = RATES[step], gradient(step)
        decay = case["weight_decay"]
        if case["kind"] == "adamw":
            p = [x - lr * decay * x for x in p]
        else:
            g = [a + decay * x for a, x in zip(g, p)]
        if case["kind"] == "sgd":
            if case["momentum"]:
                buffer = g if buffer is None else [case["momentum"] * b + a for b, a in zip(buffer, g)]
                g = [a + case["momentum"] * b for a, b in zip(g, buffer)] if case["nesterov"] else buffer
            p = [x - lr * a for x, a in zip(p, g)]
        else:
            m = [BETA1 * b + (1 - BETA1) * a for b, a in zip(m, g)]
            v = [BETA2 * b + (1 - BETA2) * a * a for b, a in zip(v, g)]
            first, second = 1 - BETA1 ** (step + 1), 1 - BETA2 ** (step + 1)
            p = [x - lr / first * b / (math.sqrt(c) / math.sqrt(second) + EPS) for x, b, c in zip(p, m, v)]
    return p


def run_torch(case):
    import torch

    p = torch.tensor(start(), dtype=torch.float64, requires_grad=True)
    if case["kind"] == "sgd":
        optimizer = torch.optim.SGD([p], lr=1, momentum=case["momentum"], nesterov=case["nesterov"],
                                    weight_decay=case["weight_decay"])
    else:
        kind = torch.optim.Adam if case["kind"] == "adam" else torch.optim.AdamW
        optimizer = kind([p], lr=1, betas=(BETA1, BETA2), eps=EPS, weight_decay=case["weight_decay"])
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = RATES[step]
        p.grad = torch.tensor(gradient(step), dtype=torch.float64)
        optimizer.step()
    return p.tolist()


def main():
    cases = [dict(case, after=run(case)) for case in CASES]
    if "--check" in sys.argv:
        worst = max(abs(a - b) for case in cases for a, b in zip(case["after"], run_torch(case)))
        print("largest difference from torch.optim:", worst)
        sys.exit(worst > 1e-13)
    content = {"rates": RATES, "start": start(), "gradients": [gradient(s) for s in range(STEPS)], "cases": cases}
    path = pathlib.Path(__file__).resolve().parent / "optimizer_steps.json"
    path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
