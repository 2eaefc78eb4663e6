#include "models/methods/distillation/branched_learning.h"

#include <bit>

#include "engine/autograd.h"
#include "models/methods/distillation/kd_term.h"
#include "models/methods/distillation/peers.h"

namespace engram {
namespace {

/// The numbers of stages after which the trunk and its branches split. Throws UsageError.
std::vector<int> splits_of(const BranchedOptions& o) {
  if (!o.tree) return {o.shared};
  const auto branches = unsigned(o.branches);
  if (!std::has_single_bit(branches))
    throw UsageError(message("[cl] expected 2, 4, 8, ... branches of a tree, got ", o.branches));
  std::vector<int> splits;
  for (int s = o.shared - std::countr_zero(branches) + 1; s <= o.shared; ++s) splits.push_back(s);
  return splits;
}

}  // namespace

BranchedLearningTask::BranchedLearningTask(Network& student, const ImageDataset& data, const StudentOptions& options,
                                           const BranchedOptions& branched)
    : StudentTask(data, options, student.device()), student_(student), branched_(branched) {
  const char* name = branched.gate ? "one" : "cl";
  check_temperature(name, branched.tau);
  constexpr int kMostBranches = 64;
  if (branched.branches < 2 || branched.branches > kMostBranches)
    throw UsageError(message("[", name, "] expected 2 to ", kMostBranches, " branches, got ", branched.branches));
  if (!(branched.hard >= 0 && branched.hard <= 1))
    throw UsageError(message("[", name, "] expected a hard share in [0,1], got ", branched.hard));
  std::vector<std::unique_ptr<Network>> others;
  for (int b = 1; b < branched.branches; ++b)
    others.push_back(network_like(student, options.batches.seed + std::uint64_t(b)));
  branches_ = std::make_unique<BranchedNetwork>(student, std::move(others), splits_of(branched));
  parameters_ = branches_->named_parameters();
  if (branched.gate) {
    gate_ = std::make_unique<EnsembleGate>(student.taps()[std::size_t(branched.shared - 1)].channels, branched.branches,
                                           device());
    gate_->initialize(options.batches.seed);
    append_named(parameters_, "gate.", gate_->named_parameters());
  }
  optimizer_ = std::make_unique<Optimizer>(parameters_, options.optimizer);
  ramp_ = Tensor::zeros({}, device());
  meters_ = Meters({{"train/loss"}, {"train/accuracy"}, {"train/ce"}, {"train/ensemble"}}, device());
}

void BranchedLearningTask::stage(dim_t step) {
  stage_batch(step);
  stage_rate(step, {optimizer_.get()});
  stage_values(ramp_, std::vector<float>{float(ensemble_weight(double(step / steps_per_epoch())))});
}

Tensor BranchedLearningTask::ensemble_loss(const Tensor& trunk, const std::vector<Tensor>& logits, const Tensor& labels,
                                           Tensor& ensemble) {
  ensemble = gate_->ensemble(trunk, logits);
  Tensor total = softmax_cross_entropy(ensemble, labels);
  for (const Tensor& z : logits)
    total = total + softmax_cross_entropy(z, labels) + ramp_ * ensemble_term(z, ensemble, branched_.tau);
  return total;
}

Tensor BranchedLearningTask::collaborative_loss(const std::vector<Tensor>& logits, const Tensor& labels) {
  const float hard = float(branched_.hard);
  Tensor total;
  for (std::size_t h = 0; h < logits.size(); ++h) {
    const Tensor head =
        hard * softmax_cross_entropy(logits[h], labels) + (1 - hard) * collaborative_term(logits, h, branched_.tau);
    total = total.defined() ? total + head : head;
  }
  return total;
}

void BranchedLearningTask::issue() {
  branches_->train();
  if (gate_) gate_->train();
  const LabelledBatch batch = gather();
  const auto [trunk, logits] = branches_->forward(batch.images, !gate_);
  Tensor ensemble = logits.back();
  const Tensor loss =
      gate_ ? ensemble_loss(trunk, logits, batch.labels, ensemble) : collaborative_loss(logits, batch.labels);
  meters_.record({loss, batch_accuracy(logits[0], batch.labels),
                  softmax_cross_entropy(logits[0].detach(), batch.labels), batch_accuracy(ensemble, batch.labels)});
  optimizer_->step(grad({loss}, tensors_of(parameters_)), rate_->tensor());
}

void BranchedLearningTask::visit_parts(StateVisitor& visitor) {
  for (int b = 0; b < branches_->num_branches(); ++b) visitor.visit(message("branch", b), branches_->branch(b));
  if (gate_) visitor.visit("gate", *gate_);
  visitor.visit("optimizer", *optimizer_);
}

namespace {

Settings one_settings(BranchedOptions& o) {
  return {{"branches", &o.branches, "classifiers from one trunk"},
          {"shared", &o.shared, "stages in common"},
          {"tau", &o.tau, "temperature"}};
}

Settings cl_settings(BranchedOptions& o) {
  Settings settings = one_settings(o);
  settings.push_back({"tree", &o.tree, "heads split in two after each of the last stages in common, else all at once"});
  settings.push_back({"hard", &o.hard, "share of the cross entropy in each head's loss"});
  return settings;
}

std::unique_ptr<StudentTask> make_branched(const BranchedOptions& branched, const StudentTaskContext& c) {
  return std::make_unique<BranchedLearningTask>(c.student, c.data, c.options, branched);
}

}  // namespace

void add_branched_learning(StudentTaskRegistry& registry) {
  registry.add<BranchedOptions>("one", "branches of one trunk, taught by their gated ensemble; takes no teacher", {},
                                one_settings, make_branched);
  registry.add<BranchedOptions>("cl", "heads of one trunk, each taught by the others; takes no teacher",
                                {.gate = false, .branches = 4, .tree = true, .tau = 2}, cl_settings, make_branched);
}

}  // namespace engram
