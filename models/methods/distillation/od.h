#pragma once
/// What overhaul distillation and its inheriting and exploring form share.

#include <memory>

#include "models/methods/distillation/distillation_loss.h"

namespace engram {

/// A convolution of 1x1 without bias and a batch normalisation: from a student's channels to the teacher's. Names 0, 1.
class OdConnector : public Module {
 public:
  OdConnector(dim_t in, dim_t out, Device device);
  Tensor forward(const Tensor& x) const { return norm_.forward(conv_.forward(x)); }

 private:
  Conv2d conv_;
  BatchNorm2d norm_;
};

/// Whether the setting teacher_mode is "train" ("eval" is the other). Throws UsageError.
bool trains_teacher(const char* term, const std::string& mode);

/// What the terms on maps before the activation need.
LossNeeds pre_activation_needs(bool training_teacher);

/// The maps before the last activation of the stages that two networks have in common, with the teacher's margins.
class PreActivationStages {
 public:
  /// Throws UsageError, naming `term` and the network, where there are no maps or no margins.
  PreActivationStages(const char* term, const LossContext& context);

  std::size_t count() const { return pairs_.count; }
  dim_t student_channels(std::size_t i) const { return student_channels_[i]; }
  dim_t teacher_channels(std::size_t i) const { return margins_[i].dim(1); }
  const Tensor& margins(std::size_t i) const { return margins_[i]; }
  /// Of the stage among the others: 1 for the deepest, half as much for each one before.
  double weight(std::size_t i) const;
  MapPair maps(std::size_t i, const DistillationBatch& batch) const;

 private:
  StagePairs pairs_;
  std::vector<Tensor> margins_;
  std::vector<dim_t> student_channels_;
};

}  // namespace engram
