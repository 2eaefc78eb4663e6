#pragma once
/// Which maps of a classifier NaturalInversion's pyramid adds up (docs/methods/natural_inversion.md, "Feature transfer
/// pyramid").

#include <vector>

#include "models/nets/network.h"

namespace engram {

/// Their extents, finest first: the network's taps; for a VGG whose taps begin behind a pooling the results of its
/// first four blocks, the same maps as of the other form.
std::vector<TapSpec> pyramid_taps(Network& classifier);

/// The maps of images x [B,C,H,W], without gradients. Throws UsageError where such a VGG has no batch normalisation.
std::vector<Tensor> pyramid_maps(Network& classifier, const Tensor& x);

}  // namespace engram
