#!/usr/bin/env python3
"""How far five iterations of NaturalInversion in PyTorch's float32 leave the float64 trajectory of natural_inversion_resnet18.json, and
that the same program meets it in float64. Run by hand (needs torch and numpy); README.md of this folder has the result.

  tests/golden/compare_precisions.py
"""

import json

import torch
import torch.nn.functional as F
from torch import nn

from make_state_dicts import HERE, fill_by_formula, normal
from torch_networks import FeaturePyramid, Generator, make_network


def total_variation(x):
    return (torch.norm(x[:, :, :, :-1] - x[:, :, :, 1:]) + torch.norm(x[:, :, :-1, :] - x[:, :, 1:, :])
            + torch.norm(x[:, :, 1:, :-1] - x[:, :, :-1, 1:]) + torch.norm(x[:, :, :-1, :-1] - x[:, :, 1:, 1:]))


def move(x, dy, dx, flip):
    x = torch.roll(x, (dy, dx), (2, 3))
    return torch.flip(x, (3,)) if flip else x


def trajectory(golden, dtype):
    """The loss terms of each iteration."""
    batch, rates = golden["batch"], golden["adam"]
    teacher, generator, pyramid = make_network(golden["arch"]), Generator(), FeaturePyramid()
    for net, prefix in ((teacher, "teacher."), (generator, "generator."), (pyramid, "pyramid.")):
        with torch.no_grad():
            fill_by_formula(net, prefix)
        net.to(dtype)
    teacher.eval().requires_grad_(False)
    generator.train()
    distances = []

    def match(module, inputs):
        h = inputs[0].transpose(0, 1).flatten(1)
        distances.append((torch.norm(module.running_var - h.var(1, unbiased=False)), torch.norm(module.running_mean - h.mean(1))))

    for module in teacher.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_pre_hook(match)
    labels = torch.arange(batch) % golden["num_classes"]
    noise = torch.from_numpy(normal("z", batch * 1024)).float().view(batch, 1024)
    z = torch.cat([noise, F.one_hot(labels, golden["num_classes"]).float()], 1).to(dtype)
    alpha = (torch.from_numpy(normal("alpha", batch * 3)) + 5).float().view(batch, 3, 1, 1).to(dtype).requires_grad_()
    options = {"betas": rates["betas"], "eps": rates["eps"]}
    optimizers = [torch.optim.Adam(parameters, lr=rates[name], **options) for name, parameters in
                  (("generator", generator.parameters()), ("pyramid", pyramid.parameters()), ("alpha", [alpha]))]
    rows = []
    for iteration in golden["iterations"]:
        jitter = iteration["jitter"]
        x1 = move(generator(z), *jitter[:3])
        with torch.no_grad():
            taps = teacher.forward_features(x1)[1]
        x3 = move(alpha * pyramid(x1, taps), *jitter[3:])
        distances.clear()
        terms = {"ce": F.cross_entropy(teacher(x3), labels), "bn_var": sum(d[0] for d in distances),
                 "bn_mean": sum(d[1] for d in distances), "tv": total_variation(x3), "l2": torch.norm(x3)}
        loss = (terms["ce"] + golden["lambda_bn"] * (terms["bn_var"] + terms["bn_mean"]) + golden["lambda_tv"] * terms["tv"]
                + golden["lambda_l2"] * terms["l2"])
        rows.append({"loss": loss.item()} | {name: value.item() for name, value in terms.items()})
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
    return rows


def main():
    golden = json.loads((HERE / "natural_inversion_resnet18.json").read_text())
    for dtype in (torch.float64, torch.float32):
        print(f"{dtype}: relative deviation from the stored trajectory")
        for stored, row in zip(golden["iterations"], trajectory(golden, dtype)):
            print(f"  iteration {stored['iteration']}: "
                  + ", ".join(f"{name} {abs(value - stored[name]) / abs(stored[name]):.1e}" for name, value in row.items()))


if __name__ == "__main__":
    main()
