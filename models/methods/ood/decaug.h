#pragma once
/// DecAug (Bai, Sun, Hong, Zhou, Ye, Ye, Chan, Li 2021, "DecAug: Out-of-distribution generalization via decomposed
/// feature representation and semantic augmentation"); docs/methods/ood.md has the formulas.

#include <string>
#include <vector>

#include "models/methods/ood/decaug_loss.h"
#include "models/methods/ood/ood_task.h"

namespace engram {

/// Settings; the defaults are those of the authors' code (preset "decaug").
struct DecAugSettings {
  double lambda_cat = 0.01, lambda_ctx = 0.01, lambda_orth = 0.01;
  std::string orth_reduction = "sum";  ///< or mean
  std::string orth_grad = "heads";     ///< or full
  double orth_eps = 1e-8;
  std::string aux_ce = "double";       ///< or single
  double aug_eps = 1;                  ///< longest step of the augmentation
  std::string alpha = "batch";         ///< one uniform share of that step a batch, or one a sample
  std::string direction = "gradient";  ///< of the augmentation, or random
  std::string context = "labels";      ///< the source's context labels, those shuffled, or the environment
};

/// The preset that reads the paper: mean, full, single, one share a sample.
DecAugSettings decaug_paper_settings();

/// Trains a TwoBranchNetwork on the images of all environments together. Meters: the four losses, mean squared cosine
/// of the two gradients, their mean norms, accuracies of both heads and of the classifier, and the mean distance of
/// context features from the context head's nearest boundary.
class DecAug : public OodTask {
 public:
  /// Throws UsageError for another network, another number of contexts, words that are no reading, and fewer than two
  /// images a step.
  DecAug(const DecAugSettings& settings, const OodSetup& setup);

  /// Shares of the augmentation's step: one, or one a sample; in place of the drawn ones, for the step that was staged.
  void set_alpha(const std::vector<float>& alpha);

 protected:
  void stage_method(dim_t step) override;
  void update(const EnvironmentBatch& batch) override;
  void visit_method(StateVisitor& visitor) override;

 private:
  Tensor context_targets(const EnvironmentBatch& batch) const;
  /// Both branches' features side by side, those of the context moved.
  Tensor augmented(const TwoBranchNetwork::Branches& branches, const Tensor& residual);

  DecAugSettings settings_;
  DecAugReading reading_;
  TwoBranchNetwork& branches_;
  Tensor alpha_;     // [1,1] or [N,1]
  Tensor shuffle_;   // [N,N], where context labels are shuffled
  Generator noise_;  // of random directions
};

}  // namespace engram
