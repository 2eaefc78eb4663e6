#pragma once
/// Which epoch's network DecAug's authors test.

#include "kernels/common/types.h"

namespace engram {

/// The best validation accuracy among the last epochs of a training, the later of equals.
class LateSelection {
 public:
  /// Of `epochs` in all the last `window` (11 in the authors' code) are looked at.
  explicit LateSelection(dim_t epochs, dim_t window = 11) : first_(epochs > window ? epochs - window : 0) {}

  /// Whether the network after epoch `epoch` (from 0) takes the place of what was kept before.
  bool takes(dim_t epoch, double accuracy) {
    if (epoch < first_ || accuracy < best_) return false;
    best_ = accuracy;
    return true;
  }

 private:
  dim_t first_;
  double best_ = 0;
};

}  // namespace engram
