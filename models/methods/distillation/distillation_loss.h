#pragma once
/// What a distillation method adds to the student's cross entropy (docs/methods/distillation.md).

#include <optional>
#include <string>
#include <vector>

#include "engine/ops/distillation_losses.h"
#include "models/nets/network.h"
#include "models/registry.h"
#include "models/training/state_visitor.h"

namespace engram {

/// Settings that every term has.
struct TermOptions {
  double weight = 1;  ///< of the term in the total
  double ce = 1;      ///< factor on the cross entropy with the labels; those of several terms multiply
  dim_t warmup = 0;   ///< epochs over which the weight rises: min(epoch / warmup, 1), epochs counted from 1
};

/// Binds them to their names; `source` says where the default of the weight comes from.
Settings term_settings(TermOptions& options, const std::string& source);

/// What the networks leave of one batch.
struct DistillationBatch {
  Features student, teacher;  ///< what LossNeeds asked for; those of the teacher have no history
  Tensor labels;              ///< i32 [N]
  Tensor samples;             ///< i32 [N]: which images of the training set; undefined where none asked
  Tensor strong_student;      ///< logits [N,K] of a second, strongly changed view; undefined where none asked
  Tensor strong_teacher;
};

/// What a term wants to see.
struct LossNeeds {
  FeatureRequest student = {}, teacher = {};
  bool teacher_used = true;       ///< a teacher at all
  bool training_teacher = false;  ///< the teacher by batch statistics, whose running ones then move
  bool strong_view = false;
  bool samples = false;
};

/// What a term is made for.
struct LossContext {
  const Features& student;  ///< of some batch: extents, and the normalisations before the last activations
  const Features& teacher;  ///< empty where there is none
  std::string student_arch, teacher_arch;  ///< for messages
  int num_classes = 0;
  Device device = {};
  std::uint64_t seed = 1;
  std::vector<std::int32_t> labels = {};  ///< of the training images
};

/// What is trained before the student proper.
enum class InitialStage {
  kNone,
  kOwn,     ///< initial_parameters() of the term, from the teacher's features: paraphrasers, auto-encoders
  kStudent  ///< the student and the term's parameters, by initial_loss() alone
};

/// One term. Connectors and coders are its parameters, trained beside the student's and dropped at the end. Its step
/// runs on the device without looking at a value (TrainingTask::issue); draws belong into stage().
class DistillationLoss : public Module {
 public:
  explicit DistillationLoss(const TermOptions& options);

  const TermOptions& options() const { return options_; }

  virtual LossNeeds needs() const = 0;
  /// The term without its weight, a scalar; undefined where it adds nothing to the main stage.
  virtual Tensor loss(const DistillationBatch& batch) = 0;
  /// Where the term is kl_divergence of the plain logits with these options and nothing else: the task then takes it
  /// and the cross entropy in one pass over the logits (distillation_losses) instead of calling loss().
  virtual std::optional<SoftTargetOptions> soft_targets() const { return std::nullopt; }

  /// Numbers beside the term that are worth following, and their values in the last loss(): scalars, as many.
  virtual std::vector<std::string> part_names() const { return {}; }
  const std::vector<Tensor>& parts() const { return parts_; }

  virtual InitialStage initial_stage() const { return InitialStage::kNone; }
  /// The loss of the initial stage, a scalar. Terms that have such a stage only.
  virtual Tensor initial_loss(const DistillationBatch& batch);
  /// What the initial stage trains of the term.
  virtual std::vector<NamedTensor> initial_parameters() const { return named_parameters(); }
  /// What the main stage trains of it.
  virtual std::vector<NamedTensor> main_parameters() const { return named_parameters(); }

  /// Host side of a step: values that change with the epoch (counted from 0 over the main stage).
  virtual void stage(dim_t epoch) { (void)epoch; }
  /// Device side, after the gradients were taken: memory that the step's graph read.
  virtual void update(const DistillationBatch& batch) { (void)batch; }

  /// Parameters, buffers, and whatever else later steps depend on.
  virtual void visit_state(const std::string& name, StateVisitor& visitor) { visitor.visit(name, *this); }

 protected:
  std::vector<Tensor> parts_;

 private:
  TermOptions options_;
};

/// The kinds of terms by name; docs/methods/distillation.md lists them.
using DistillationRegistry = Registry<DistillationLoss, const LossContext&>;

// --- Parts that several terms share.

/// The stages that a term compares: pairs from the deepest on, as many as both networks have. Throws UsageError, naming
/// the network, the term and the terms that need no maps, when one has none.
struct StagePairs {
  std::size_t count = 0, student_first = 0, teacher_first = 0;
};
StagePairs stage_pairs(const char* term, const LossContext& context);

/// The two maps at common extents: the larger one averaged down (adaptive_avg_pool2d), as RepDistiller does.
struct MapPair {
  Tensor student, teacher;
};
MapPair pooled_to_smaller(const Tensor& student, const Tensor& teacher);

/// x [N,...] as [N, all the rest], divided by max(Euclidean norm of the row, 1e-12).
Tensor unit_rows(const Tensor& x);

}  // namespace engram
