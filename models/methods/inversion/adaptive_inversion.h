#pragma once
/// DeepInversion with a student that the images compete with: adaptive DeepInversion (Yin et al. 2020) as its authors'
/// code has it, and as CMI's benchmark runs it (docs/methods/data_free.md, "Adaptive DeepInversion").

#include "models/methods/inversion/image_move.h"
#include "models/methods/inversion/inversion_registry.h"
#include "models/methods/inversion/synthesis.h"

namespace engram {

struct AdaptiveOptions {
  float bn = 10, oh = 1, adv = 10, tv = 2.5e-5f, l2 = 0;
  float lr = 0.05f;                   ///< Adam's
  double beta1 = 0.9, beta2 = 0.999;  ///< of its averages
  dim_t shift = 2;                    ///< the moves' largest circular shift
  bool flip = false;                  ///< moves flip too
  /// CMI's form: total variation by mean magnitudes and norm of the images before their move, the competition without
  /// limits, sorted random labels, pixels limited to what images can have after each step, a result in [0,1].
  bool bounded = false;
};

/// Pixels themselves are optimised. Every batch is a function of seed and index.
class AdaptiveInversion : public Inversion {
 public:
  /// Throws UsageError where there is no student and its term has a coefficient, unless the form is CMI's (which then
  /// leaves it out); DataError for networks that do not fit.
  AdaptiveInversion(const InversionSetup& setup, const AdaptiveOptions& options);

  const Tensor& pixels() const { return pixels_; }
  /// For replays.
  void set_pixels(const Tensor& pixels);
  void set_labels(const std::vector<std::int32_t>& labels);
  void stage_move(const ImageMove& move) { move_.stage(move); }

  Device device() const override { return classifier_.device(); }
  void stage(dim_t step) override;
  void issue() override;
  Tensor current_images() override;
  /// The last pixels, as the released codes return them.
  Tensor result() override { return current_images(); }
  bool in_unit_range() const override { return options_.bounded; }
  const std::vector<std::int32_t>& labels() const override { return labels_; }
  Tensor last_loss() const override { return loss_; }
  void next_batch(dim_t index) override;

 protected:
  void visit_parts(StateVisitor& visitor) override;

 private:
  Network& classifier_;
  Network* student_;
  AdaptiveOptions options_;
  std::uint64_t seed_;
  Generator draws_;
  std::vector<std::int32_t> labels_;
  Tensor label_tensor_, pixels_;
  Tensor mean_, deviation_, low_, high_;  // [1,C,1,1]
  Tensor loss_;                           // of the last issue()
  StagedMove move_;
  Optimizer optimizer_;
};

}  // namespace engram
