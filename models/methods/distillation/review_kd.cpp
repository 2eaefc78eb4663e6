/// Knowledge review (Chen et al. 2021), in mdistiller's form.

#include <algorithm>

#include "models/methods/distillation/loss_registry.h"
#include "models/methods/distillation/review.h"

namespace engram {
namespace {

/// Of networks with more stages, as VGG, the finest is no level.
constexpr std::size_t kMostStages = 4;

struct ReviewConfig {
  TermOptions term{.weight = 5, .warmup = 20};
};

Settings review_settings(ReviewConfig& c) {
  return term_settings(c.term,
                       "5 of the wrn and x4 pairs; resnet56-20: 0.6, resnet110-32: 1, resnet32x4 to shufflenetv2: 8");
}

/// Pairs of a student's levels (the stages' sums, and the pooled vector as a map of 1x1) with the teacher's maps before
/// the last ReLU and its pooled vector.
class ReviewLoss : public DistillationLoss {
 public:
  ReviewLoss(const ReviewConfig& config, const LossContext& context)
      : DistillationLoss(config.term), levels_(std::min(kMostStages, stage_pairs("review", context).count)) {
    const dim_t middle = review_middle(context.student.pooled.dim(1));
    for (std::size_t level = 0; level <= levels_; ++level) {  // the deepest first
      const dim_t in =
          level == 0 ? context.student.pooled.dim(1) : context.student.taps[context.student.taps.size() - level].dim(1);
      const dim_t out =
          level == 0 ? context.teacher.pooled.dim(1) : context.teacher.taps[context.teacher.taps.size() - level].dim(1);
      fusions_.push_back(std::make_unique<ReviewFusion>(in, middle, out, level > 0, context.device));
      register_child(message("abfs.", level), *fusions_.back());
    }
  }
  LossNeeds needs() const override {
    return {.student = {.sums = true, .pooled = true},
            .teacher = {.logits = false, .pre_activations = true, .pooled = true}};
  }
  Tensor loss(const DistillationBatch& b) override {
    Tensor total, residual;
    for (std::size_t level = 0; level <= levels_; ++level) {
      const Tensor student = level == 0 ? as_map(b.student.pooled) : b.student.sums[b.student.sums.size() - level];
      const Tensor teacher = level == 0 ? as_map(b.teacher.pooled)
                                        : b.teacher.pre_activations[b.teacher.pre_activations.size() - level].value;
      const ReviewFusion::Result result = fusions_[level]->forward(student, residual, student.dim(2), teacher.dim(2));
      residual = result.residual;
      const Tensor distance = context_distance(result.output, teacher.detach());
      total = total.defined() ? total + distance : distance;
    }
    return total;
  }

 private:
  static Tensor as_map(const Tensor& pooled) { return reshape(pooled, {pooled.dim(0), pooled.dim(1), 1, 1}); }

  std::size_t levels_;  // stages; the pooled vector is one more
  std::vector<std::unique_ptr<ReviewFusion>> fusions_;
};

}  // namespace

void add_review(DistillationRegistry& registry) {
  registry.add<ReviewConfig>("review", "levels fused from the deepest on, against the teacher's before its ReLUs", {},
                             review_settings, [](const ReviewConfig& config, const LossContext& context) {
                               return std::make_unique<ReviewLoss>(config, context);
                             });
}

}  // namespace engram
