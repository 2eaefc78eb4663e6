/// A training loop of one's own: a small network of layers, batches made here, gradients, an optimiser's step.
///
///   training_loop
///
/// learns to tell upright stripes from lying ones in noisy 16 x 16 images; ends with 0 when it has.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "engram/engram.h"

namespace {

using engram::dim_t;
using engram::Tensor;

constexpr dim_t kBatch = 32, kSide = 16;

/// Convolution, batch normalisation and ReLU, the mean over each channel, a linear layer. Parameters get the names that
/// PyTorch would give them, so that state() can be exchanged.
class StripeNet : public engram::Module {
 public:
  StripeNet() {
    register_child("conv", conv_);
    register_child("bn", bn_);
    register_child("fc", fc_);
    initialize(7);
  }

  Tensor forward(const Tensor& images) {
    const Tensor maps = bn_.forward(conv_.forward(images), engram::Activation::kRelu);
    return fc_.forward(engram::mean(maps, {2, 3}));
  }

 private:
  engram::Conv2d conv_{{.in_channels = 1, .out_channels = 16}, {}};
  engram::BatchNorm2d bn_{16, {}};
  engram::Linear fc_{16, 2, {}};
};

struct Batch {
  Tensor images;  // [kBatch, 1, kSide, kSide]
  Tensor labels;  // 0: lying, 1: upright
};

/// Stripes of a random phase in noise that is as strong as they are.
Batch draw_batch(engram::Generator& random) {
  std::vector<float> pixels;
  std::vector<std::int32_t> labels;
  for (dim_t n = 0; n < kBatch; ++n) {
    labels.push_back(random.integer(0, 2));
    const float phase = random.number(0, 6.28f);
    for (dim_t y = 0; y < kSide; ++y)
      for (dim_t x = 0; x < kSide; ++x)
        pixels.push_back(std::sin(phase + float(labels.back() == 1 ? x : y)) + random.number(-1, 1));
  }
  return {Tensor::from(pixels, {kBatch, 1, kSide, kSide}), Tensor::from(labels, {kBatch})};
}

float accuracy(const Tensor& logits, const Tensor& labels) {
  const std::vector<std::int32_t> predicted = engram::argmax(logits).to_int_vector(), wanted = labels.to_int_vector();
  float right = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) right += predicted[i] == wanted[i];
  return right / float(wanted.size());
}

}  // namespace

int main() {
  engram::Generator random(1);
  StripeNet network;
  const std::vector<Tensor> parameters = network.parameters();
  std::vector<Tensor> momentum;
  for (int step = 0; step < 100; ++step) {
    const Batch batch = draw_batch(random);
    const Tensor loss = engram::softmax_cross_entropy(network.forward(batch.images), batch.labels);
    engram::sgd_step(parameters, engram::grad({loss}, parameters), momentum, {.lr = 0.05f, .momentum = 0.9f});
    if (step % 20 == 0) std::printf("step %3d  loss %.4f\n", step, double(loss.item()));
  }

  network.eval();
  const engram::NoGradGuard no_grad;
  const Batch test = draw_batch(random);
  const float right = accuracy(network.forward(test.images), test.labels);
  std::printf("accuracy on new images %.1f %%\n", 100 * double(right));
  return right > 0.9f ? 0 : 1;
}
