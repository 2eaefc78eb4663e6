#!/usr/bin/env python3
"""Counts the operators that one iteration of the released NaturalInversion runs in PyTorch: a lower bound of its kernel launches, because
every operator that computes starts at least one kernel on a GPU. Views and size queries are left out. Needs PyTorch.

  bench/peers/count_launches.py --arch resnet34

The optimisers are counted as fused lists (foreach), one operator a step of the formula for all tensors, which is the fewest that PyTorch offers
without its fused option; one tensor at a time takes about ten for each tensor.
"""

import argparse
import collections

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import peer_common  # noqa: F401  (makes torch_networks importable)
from torch_networks import FeaturePyramid, Generator, make_network

# Of operators that only describe memory.
WITHOUT_KERNEL = {"view", "_unsafe_view", "t", "transpose", "permute", "expand", "slice", "select", "detach", "as_strided", "unsqueeze", "squeeze",
                  "alias", "_record_function_enter", "_record_function_enter_new", "reshape", "_reshape_alias", "empty", "empty_like", "empty_strided", "new_empty", "unbind", "split", "_to_copy"}


class Count(TorchDispatchMode):
    """Operators by name."""

    def __init__(self):
        super().__init__()
        self.counts = collections.Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.__name__.split(".")[0]
        if name not in WITHOUT_KERNEL:
            self.counts[name] += 1
        return function(*args, **(kwargs or {}))


def total_variation(x):
    return (torch.norm(x[:, :, :, :-1] - x[:, :, :, 1:]) + torch.norm(x[:, :, :-1, :] - x[:, :, 1:, :])
            + torch.norm(x[:, :, 1:, :-1] - x[:, :, :-1, 1:]) + torch.norm(x[:, :, :-1, :-1] - x[:, :, 1:, 1:]))


def count_iteration(arch, batch=2):
    """(operators without the optimisers, operators of three foreach Adams with their zero_grad)"""
    teacher, generator, pyramid = make_network(arch).eval(), Generator().train(), FeaturePyramid()
    distances = []

    def match(module, inputs, _):
        x = inputs[0]
        mean = x.mean([0, 2, 3])
        var = x.permute(1, 0, 2, 3).contiguous().view(x.shape[1], -1).var(1, unbiased=False)
        distances.append(torch.norm(module.running_var - var, 2) + torch.norm(module.running_mean - mean, 2))

    for module in teacher.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(match)
    labels = torch.arange(batch) % 10
    z = torch.cat([torch.randn(batch, 1024), F.one_hot(labels, 10).float()], 1)
    alpha = (torch.randn(batch, 3, 1, 1) + 5).requires_grad_()
    optimizers = [torch.optim.Adam(parameters, lr=rate, foreach=True) for parameters, rate in
                  ((generator.parameters(), 1e-3), (pyramid.parameters(), 5e-4), ([alpha], 5e-2))]

    def iteration():
        with Count() as passes:
            x1 = torch.flip(torch.roll(generator(z), (1, -2), (2, 3)), (3,))
            with torch.no_grad():
                taps = teacher.forward_features(x1)[1]
            x3 = torch.flip(torch.roll(alpha * pyramid(x1, taps), (1, -2), (2, 3)), (3,))
            distances.clear()
            logits = teacher(x3)
            loss = F.cross_entropy(logits, labels) + 10 * sum(distances) + 6e-3 * total_variation(x3) + 1.5e-5 * torch.norm(x3)
            for optimizer in optimizers:
                optimizer.zero_grad(set_to_none=True)
            loss.backward()
        with Count() as updates:
            for optimizer in optimizers:
                optimizer.step()
        return passes.counts, updates.counts

    iteration()
    return iteration()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", default="resnet34")
    passes, updates = count_iteration(parser.parse_args().arch)
    for name, count in passes.most_common():
        print(f"{name:40} {count:6}")
    print(f"passes {sum(passes.values())}, optimisers {sum(updates.values())}, PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
