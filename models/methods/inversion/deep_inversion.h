#pragma once
/// DeepInversion (CVPR 2020) for small images: the pixels themselves are optimised (docs/methods/natural_inversion.md,
/// "DeepInversion").

#include "models/methods/inversion/image_move.h"
#include "models/methods/inversion/inversion.h"
#include "models/training/optimizer.h"

namespace engram {

/// One batch.
class DeepInversion : public Inversion {
 public:
  /// Draws the first pixels, N(0,1), and the moves (shifts only) from (seed, batch_index).
  DeepInversion(Network& classifier, const InversionOptions& options, std::uint64_t seed, dim_t batch_index);

  /// The pixels [B,C,H,W]; a leaf with gradients.
  const Tensor& pixels() const { return pixels_; }

  Device device() const override { return classifier_.device(); }
  /// Draws the step's move.
  void stage(dim_t step) override;
  void issue() override;
  Tensor current_images() override { return pixels_.clone(); }
  /// The last pixels: the released code's "best" is an alias of the live tensor.
  Tensor result() override { return current_images(); }
  const std::vector<std::int32_t>& labels() const override { return labels_; }

 protected:
  void visit_parts(StateVisitor& visitor) override;

 private:
  Network& classifier_;
  InversionOptions options_;
  Generator moves_;
  std::vector<std::int32_t> labels_;
  Tensor label_tensor_, pixels_;
  StagedMove move_;
  Optimizer optimizer_;
};

}  // namespace engram
