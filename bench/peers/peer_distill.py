#!/usr/bin/env python3
"""PyTorch's step of distillation: a frozen teacher, the student, its losses, SGD with Nesterov momentum and weight decay. Random images.

Methods: kd (0.1 cross entropy + 0.9 divergence at temperature 4) and ie-ft (cross entropy, one half of the student's last map drawn to the
factors of the teacher's, the other driven away, each through a coder of three 3x3 convolutions).
Rows: default (contiguous tensors, malloc as it comes), best-nchw and best-channels-last (malloc tuned), compiled (channels last, all passes
and losses through torch.compile).
"""

import argparse

import peer_common

ROWS = ["default", "best-nchw", "best-channels-last", "compiled"]


def coder(channels_in, channels):
    """Leaky ReLU, then three 3x3 convolutions without bias, each with batch normalisation and leaky ReLU."""
    from torch import nn

    layers = [nn.LeakyReLU(0.1)]
    for a, b in ((channels_in, channels_in), (channels_in, channels), (channels, channels)):
        layers += [nn.Conv2d(a, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.1)]
    return nn.Sequential(*layers)


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--teacher", default="resnet56")
    parser.add_argument("--method", choices=["kd", "ie-ft"], default="kd")
    arguments = peer_common.parse_arguments(__doc__, ROWS, arch="resnet20", batch=128, parents=[parser])
    import torch
    import torch.nn.functional as F
    from torch_networks import make_network

    device, layout = peer_common.prepare(arguments)
    student = make_network(arguments.arch).to(device, memory_format=layout).train()
    teacher = make_network(arguments.teacher).to(device, memory_format=layout).eval().requires_grad_(False)
    trained = [student]
    if arguments.method == "ie-ft":
        encoder = coder(64, 32).to(device, memory_format=layout).eval().requires_grad_(False)
        halves = [coder(32, 32).to(device, memory_format=layout).train() for _ in range(2)]
        trained += halves

    def kd(x, y):
        with torch.no_grad():
            target = teacher(x)
        logits = student(x)
        divergence = F.kl_div(F.log_softmax(logits / 4, 1), F.softmax(target / 4, 1), reduction="sum") / len(x)
        return 0.1 * F.cross_entropy(logits, y) + 0.9 * 16 * divergence

    def ie_ft(x, y):
        with torch.no_grad():
            factor = F.normalize(encoder(teacher.forward_features(x)[1][-1]).flatten(1))
        logits, taps = student.forward_features(x)
        parts = taps[-1].split(32, 1)
        inherit, explore = ((F.normalize(half(part).flatten(1)) - factor).abs().mean() for half, part in zip(halves, parts))
        return F.cross_entropy(logits, y) + 50 * inherit - 50 * explore

    loss_of = {"kd": kd, "ie-ft": ie_ft}[arguments.method]
    if arguments.row == "compiled":
        loss_of = torch.compile(loss_of)
    parameters = [p for module in trained for p in module.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True)
    x = torch.randn(arguments.batch, 3, 32, 32).to(device).contiguous(memory_format=layout)
    y = torch.randint(10, (arguments.batch,)).to(device)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(x, y)
        loss.backward()
        optimizer.step()
        return loss

    peer_common.run(arguments, lambda _: step().item())


if __name__ == "__main__":
    main()
