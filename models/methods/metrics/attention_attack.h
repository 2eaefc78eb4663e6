#pragma once
/// Attack on attention: pixels are moved until a network looks elsewhere (Chen et al. 2020, "Universal Adversarial
/// Attack on Attention and the Resulting Dataset DAmageNet"). docs/methods/analysis.md.

#include "models/data/dataset.h"
#include "models/nets/network.h"

namespace engram {

/// Grey levels are 0 to 255.
struct AttentionAttackOptions {
  double rate = 2;          ///< mean grey levels that a step moves a pixel by
  double distance = 7;      ///< root mean square grey levels from the image at which it ends
  double bound = 25.5;      ///< most that a pixel may move
  int most_steps = 200;     ///< ends here even when the distance is not reached
  double label_weight = 1;  ///< of the cross entropy of the class that the network saw
};

struct AttentionAttack {
  Tensor image;             ///< [c,h,w] grey levels of the moved image
  std::int32_t seen = 0;    ///< class that the network saw in the image: whose map is attacked
  std::int32_t second = 0;  ///< the next one
  std::int32_t seen_after = 0;
  double distance = 0;  ///< root mean square grey levels
  int steps = 0;
  std::vector<double> losses;  ///< before each step, of the maps that were not empty
};

/// Minimises log |h(x, seen)|_1 - log |h(x, second)|_1 - w CE(x, seen) over the pixels of one image [c,h,w] in grey
/// levels, h the Grad-CAM map of the last stage: x <- clip(x - rate g N / |g|_1), N the number of values, until the
/// distance is exceeded. A map that is empty leaves the loss until it shows again. The network must be in evaluation
/// mode; its parameters are not changed. Throws UsageError for settings that are not positive; DataError when one of
/// the maps is empty from the start so that its logarithm has no slope, and for logits that are not finite; ShapeError.
/// Deterministic for one number of threads.
AttentionAttack attack_attention(Network& network, const Tensor& image, const Normalization& normalization,
                                 const AttentionAttackOptions& options = {});

}  // namespace engram
