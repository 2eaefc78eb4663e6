#!/usr/bin/env python3
"""PyTorch's training step: forward, cross entropy, backward, SGD with Nesterov momentum and weight decay. Random images.

Rows: default (contiguous tensors, malloc as it comes), best-nchw and best-channels-last (malloc tuned).
"""

import peer_common


def main():
    rows = ["default", "best-nchw", "best-channels-last"]
    arguments = peer_common.parse_arguments(__doc__, rows, arch="resnet20", batch=128)
    import torch
    import torch.nn.functional as F
    from torch_networks import make_network

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    layout = getattr(torch, peer_common.ROWS[arguments.row][1])
    net = make_network(arguments.arch).to(memory_format=layout).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True)
    x = torch.randn(arguments.batch, 3, 32, 32).contiguous(memory_format=layout)
    y = torch.randint(10, (arguments.batch,))

    def step(_):
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    peer_common.run(arguments, step)


if __name__ == "__main__":
    main()
