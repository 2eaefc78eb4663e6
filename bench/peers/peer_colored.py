#!/usr/bin/env python3
"""PyTorch's full-batch step on Coloured MNIST: two environments of 25,000 images, a perceptron of 390 and 390 hidden values, one logit,
Adam, a penalty on squared weights; with --method irm the gradient penalty by a second derivative, as IRM's program takes it. Random images.

Rows: default (malloc as it comes), best-nchw (malloc tuned), compiled (the same, with a network that torch.compile made).
"""

import argparse

import peer_common


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--method", default="erm", choices=["erm", "irm"])
    arguments = peer_common.parse_arguments(__doc__, ["default", "best-nchw", "compiled"], arch="mlp", batch=25000, parents=[parser])
    import torch
    import torch.nn.functional as F
    from torch import nn

    peer_common.prepare(arguments)
    net = nn.Sequential(nn.Linear(392, 390), nn.ReLU(), nn.Linear(390, 390), nn.ReLU(), nn.Linear(390, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=4.9e-4)
    forward = torch.compile(net) if arguments.row == "compiled" else net
    environments = [(torch.rand(arguments.batch, 392), torch.randint(2, (arguments.batch, 1)).float()) for _ in range(2)]
    weight = 91257.0

    def penalty(logits, y):
        scale = torch.ones((), requires_grad=True)
        (slope,) = torch.autograd.grad(F.binary_cross_entropy_with_logits(scale * logits, y), [scale], create_graph=True)
        return slope**2

    def step(_):
        optimizer.zero_grad(set_to_none=True)
        losses, penalties, hits = [], [], []
        for x, y in environments:
            logits = forward(x)
            losses.append(F.binary_cross_entropy_with_logits(logits, y))
            if arguments.method == "irm":
                penalties.append(penalty(logits, y))
            hits.append(((logits.detach() > 0) == (y > 0)).float().mean())
        loss = torch.stack(losses).mean() + 0.0011 * sum(p.square().sum() for p in net.parameters())
        if penalties:
            loss = (loss + weight * torch.stack(penalties).mean()) / weight
        loss.backward()
        optimizer.step()
        return loss.item()

    peer_common.run(arguments, step)


if __name__ == "__main__":
    main()
