#!/usr/bin/env python3
"""Makes sagnet_maps.json: steps of SagNet on feature maps in PyTorch, float64. Run by hand (needs torch and numpy).

Written after the authors' program (hyseob/SagNet, train.py and modules/ at a28659e): both randomisations, the order of
the losses, which parameters each moves, the clipping. Like engram it takes all gradients of one pass before the first
step; the program steps in between, on a graph whose weights it has then overwritten, which PyTorch refuses since 1.5.
The momentum step of the branch's parameters along a gradient of zero, with decay, is left out.
"""

import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

from make_state_dicts import SEED, fill_by_formula, uniform
from torch_networks import ResNet

NAME = "sagnet_maps."
SETTINGS = {"classes": 4, "environments": 2, "images": 4, "side": 12, "after": 2, "adversary": 2.0, "clip": 0.03,
            "lr": 0.05, "momentum": 0.9, "weight_decay": 1e-4, "steps": 3}


def standardised(x):
    mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt(), mean, variance


def random_style(x, shares, order):
    content, mean, variance = standardised(x)
    mean, variance = (shares * v + (1 - shares) * v[order] for v in (mean, variance))
    return content * (variance + 1e-5).sqrt() + mean


def random_content(x, order):
    content, mean, variance = standardised(x)
    return content[order].detach() * (variance + 1e-5).sqrt() + mean


def below(network, x):
    return network.layer2(network.layer1(F.relu(network.bn1(network.conv1(x)))))


def above(network, x):
    return network.linear(network.layer3(x).mean((2, 3)))


def normalisations_below(network):
    return [parameter for part in (network.bn1, network.layer1, network.layer2) for module in part.modules()
            if isinstance(module, torch.nn.BatchNorm2d) for parameter in module.parameters()]


def batch():
    images, labels = [], []
    for e in range(SETTINGS["environments"]):
        shape = (SETTINGS["images"], 3, SETTINGS["side"], SETTINGS["side"])
        images.append((2 * uniform(f"{NAME}x.{e}", int(np.prod(shape))) - 1).astype(np.float32).reshape(shape))
        labels += [(i * (e + 1) + e) % SETTINGS["classes"] for i in range(SETTINGS["images"])]
    return torch.tensor(np.concatenate(images)).double(), torch.tensor(labels)


def norm(tensors):
    return float(torch.sqrt(sum((t ** 2).sum() for t in tensors)))


def summary(network, skipped=()):
    return {name: {"norm": norm([value]), "first": value.flatten()[:4].tolist()}
            for name, value in network.state_dict().items()
            if not name.endswith("num_batches_tracked") and not name.startswith(skipped)}


def main():
    c = SETTINGS
    network, branch = (ResNet(16, (16, 32, 64), (1, 1, 1), c["classes"]) for _ in range(2))
    for net, name in ((network, "network."), (branch, "branch.")):
        fill_by_formula(net, NAME + name)
        net.double().train()
    parts = {"style": [*branch.layer3.parameters(), *branch.linear.parameters()],
             "adversary": normalisations_below(network), "loss": list(network.parameters())}
    optimizers = {name: torch.optim.SGD(parameters, c["lr"], c["momentum"], weight_decay=c["weight_decay"])
                  for name, parameters in parts.items()}
    x, y = batch()
    steps = []
    for k in range(c["steps"]):
        shares = torch.tensor(uniform(f"{NAME}share.{k}", len(y)).astype(np.float32)).double().reshape(-1, 1, 1, 1)
        styles, contents = (np.argsort(uniform(f"{NAME}{what}.{k}", len(y)), kind="stable") for what in ("styles", "contents"))
        features = below(network, x)
        labels, answers = above(network, random_style(features, shares, styles)), above(branch, random_content(features, contents))
        losses = {"style": F.cross_entropy(answers, y),
                  "adversary": c["adversary"] * -torch.log(answers.softmax(1) + 1e-5).mean(1).mean(),
                  "loss": F.cross_entropy(labels, y)}
        gradients = {name: torch.autograd.grad(loss, parts[name], retain_graph=True) for name, loss in losses.items()}
        steps.append({name: {"value": float(loss.detach()), "grad_norm": norm(gradients[name])} for name, loss in losses.items()})
        for name in losses:
            for parameter, gradient in zip(parts[name], gradients[name]):
                parameter.grad = gradient.clone()
            if name == "adversary":
                torch.nn.utils.clip_grad_norm_(parts[name], c["clip"])
            optimizers[name].step()
    result = {"what": "SagNet on feature maps by make_sagnet_maps.py, resnet8", "seed": SEED, "torch": torch.__version__,
              "constants": c, "steps": steps,
              "after": {"network": summary(network), "branch": summary(branch, ("conv1", "bn1", "layer1", "layer2"))}}
    path = pathlib.Path(__file__).resolve().parent / "sagnet_maps.json"
    path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
