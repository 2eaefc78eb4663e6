#!/usr/bin/env python3
"""PyTorch's step of DecAug with the authors' loss: ResNet-18 with a 3x3 stem at 64 pixels, two affine branches with heads of 7 classes and
3 contexts, the closed form of the orthogonal term from softmax outputs and weights, the shifted context features, SGD. Random images.

Rows: default, best-nchw, best-channels-last (malloc tuned), compiled (channels last, a backbone that torch.compile made).
"""

import peer_common

CLASSES, CONTEXTS, WIDTH = 7, 3, 512


def main():
    rows = ["default", "best-nchw", "best-channels-last", "compiled"]
    arguments = peer_common.parse_arguments(__doc__, rows, arch="resnet18", batch=64)
    import torch
    import torch.nn.functional as F
    from torch import nn
    from torch_networks import make_network

    _, layout = peer_common.prepare(arguments)

    class TwoBranches(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = make_network("resnet18")
            self.branch1, self.branch2 = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
            self.head1, self.head2 = nn.Linear(WIDTH, CLASSES), nn.Linear(WIDTH, CONTEXTS)
            self.classifier = nn.Linear(2 * WIDTH, CLASSES)

        def features(self, x):
            self.backbone.forward_features(x)
            return self.backbone.pooled

    net = TwoBranches().to(memory_format=layout).train()
    features = torch.compile(net.features) if arguments.row == "compiled" else net.features
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True)
    x = torch.randn(arguments.batch, 3, 64, 64).contiguous(memory_format=layout)
    y = torch.randint(CLASSES, (arguments.batch,))
    k = torch.randint(CONTEXTS, (arguments.batch,))

    def to_features(p, labels, head, branch):
        residual = p.detach() - F.one_hot(labels, p.shape[1])
        return residual @ head.weight @ branch.weight

    def step(_):
        optimizer.zero_grad(set_to_none=True)
        z = features(x)
        a1, a2 = net.branch1(z), net.branch2(z)
        p1, p2 = F.softmax(net.head1(a1), 1), F.softmax(net.head2(a2), 1)
        g1, g2 = to_features(p1, y, net.head1, net.branch1), to_features(p2, k, net.head2, net.branch2)
        cosine = (g1 * g2).sum(1) / ((g1.norm(dim=1) + 1e-8) * (g2.norm(dim=1) + 1e-8))
        along = ((p2 - F.one_hot(k, CONTEXTS)) @ net.head2.weight).detach()
        moved = a2 + torch.rand(()) * along / (along.norm(dim=1, keepdim=True) + 1e-8)
        logits = net.classifier(torch.cat([a1, moved], 1))
        loss = F.cross_entropy(logits, y) + 0.01 * (F.cross_entropy(p1, y) + F.cross_entropy(p2, k) + cosine.square().sum())
        loss.backward()
        optimizer.step()
        return loss.item()

    peer_common.run(arguments, step)


if __name__ == "__main__":
    main()
