#pragma once
/// VGG-11 and VGG-16 with batch normalisation for images of at least 32x32, in the form of the NaturalInversion code
/// (five poolings, three linear layers).

#include <memory>
#include <vector>

#include "models/nets/network.h"

namespace engram {

/// Convolutions (3x3 with bias, BN, ReLU) in five blocks with a 2x2 max pooling after each, then dropout, linear, ReLU
/// twice and a linear layer. Names features.0.weight (convolution), features.1.weight (BN), ..., classifier.1,
/// classifier.4, classifier.6. Taps: the last maps before the first four poolings.
class Vgg : public Network {
 public:
  /// `convolutions` per block; widths are `width` times 1, 2, 4, 8, 8. The first linear layer takes all pixels of the
  /// last map (one, for images below 64x64). Throws UsageError for images below 32x32.
  Vgg(NetworkSpec spec, const std::vector<int>& convolutions, dim_t width, Device device);

 protected:
  Tensor body(Executor& executor, const Tensor& x, std::vector<Tensor>* taps, bool taps_only) override;
  Tensor head(const Tensor& features, bool training) override;

 private:
  struct Unit {
    std::unique_ptr<Conv2d> conv;
    std::unique_ptr<BatchNorm2d> bn;
  };

  Tensor maybe_dropout(const Tensor& x, bool training);

  std::vector<std::vector<Unit>> blocks_;
  std::vector<std::unique_ptr<Linear>> classifier_;
};

}  // namespace engram
