/// Uses one piece of each layer of an installed engram: a second derivative through a convolution, and a data set's
/// class names.

#include <cmath>
#include <cstdio>
#include <vector>

#include "engram/engine/autograd.h"
#include "engram/engram.h"
#include "engram/models/data/class_names.h"

int main() {
  using namespace engram;
  // y = sum((w * x)^2) for a 1x1 convolution over four pixels: dy/dw = 2 w sum(x^2), d2y/dw2 = 2 sum(x^2).
  const Tensor x = Tensor::from(std::vector<float>{1, 2, 3, 4}, {1, 1, 2, 2});
  const Tensor w = Tensor::full({1, 1, 1, 1}, 3).set_requires_grad(true);
  const Tensor y = sum(square(conv2d(x, w)));
  const Tensor first = grad({y}, {w}, {.create_graph = true})[0];
  const Tensor second = grad({sum(first)}, {w})[0];
  std::printf("y %g, first derivative %g, second %g, %zu class names\n", y.item(), first.item(), second.item(),
              cifar10_class_names().size());
  const bool right =
      std::abs(y.item() - 270) < 1e-3 && std::abs(first.item() - 180) < 1e-3 && std::abs(second.item() - 60) < 1e-3;
  return right && cifar10_class_names().size() == 10 ? 0 : 1;
}
