#include "models/methods/distillation/student_task.h"

#include <algorithm>
#include <set>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/methods/distillation/distillation_task.h"
#include "models/methods/distillation/loss_registry.h"
#include "models/nets/make_network.h"
#include "models/suggest.h"

namespace engram {
namespace {

std::vector<std::string> names_in(const std::vector<RegistryEntry>& entries) {
  std::vector<std::string> names;
  for (const RegistryEntry& entry : entries) names.push_back(entry.name);
  return names;
}

/// Whether the term is a task of its own, not a loss.
bool is_task(const std::string& term) {
  const std::vector<std::string> names = names_in(student_task_registry().entries());
  return std::find(names.begin(), names.end(), parse_component(term).name) != names.end();
}

}  // namespace

StudentTask::StudentTask(const ImageDataset& data, const StudentOptions& options, const Device& device)
    : options_(options), data_(data, device) {
  BatchPlan& batches = options_.batches;
  if (options_.epochs < 1) throw UsageError(message("[distill] expected at least 1 epoch, got ", options_.epochs));
  if (batches.batch_size < 2 || batches.batch_size > data.count)
    throw UsageError(message("[distill] expected a batch size from 2 to the ", data.count, " training images, got ",
                             batches.batch_size));
  batches.shuffle = true;
  batches.drop_last = data.count % batches.batch_size == 1;
  stager_ = std::make_unique<BatchStager>(data_, batches);
  steps_per_epoch_ = stager_->batches_per_epoch();
  options_.schedule.total_steps = steps_per_epoch_ * options_.epochs;
  rate_ = std::make_unique<StagedRate>(options_.schedule, device);
}

void StudentTask::stage_batch(dim_t step) {
  if (step < 0 || step >= total_steps())
    throw UsageError(message("[distill] expected a step below ", total_steps(), ", got ", step));
  stager_->stage(step);
}

void StudentTask::stage_rate(dim_t main_step, const std::vector<Optimizer*>& optimizers) {
  rate_->stage(main_step);
  const std::vector<dim_t>& drops = options_.schedule.milestones;
  if (options_.fresh_momentum && options_.schedule.kind == ScheduleKind::kMultiStep &&
      std::find(drops.begin(), drops.end(), main_step) != drops.end())
    for (Optimizer* optimizer : optimizers) optimizer->forget_momentum();
}

bool StudentTask::is_incomplete(dim_t step) const {
  return (step + 1) % steps_per_epoch_ == 0 && steps_per_epoch_ * options_.batches.batch_size > data_.count();
}

const StudentTaskRegistry& student_task_registry() {
  static const StudentTaskRegistry registry = [] {
    StudentTaskRegistry r("distillation method");
    for (const auto add : {add_mutual_learning, add_branched_learning, add_snapshot}) add(r);
    return r;
  }();
  return registry;
}

std::unique_ptr<StudentTask> make_student_task(Network& student, const std::vector<Network*>& teachers,
                                               const ImageDataset& data, const StudentOptions& options) {
  const std::vector<std::string> terms = split_terms(options.method);
  if (terms.size() == 1 && is_task(terms[0])) {
    if (!teachers.empty())
      throw UsageError(
          message("[distill] expected no teacher for the method ", options.method, ", got ", teachers[0]->arch()));
    return student_task_registry().make(terms[0], {student, teachers, data, options});
  }
  return std::make_unique<DistillationTask>(student, teachers, data, options);
}

void check_distillation_method(const std::string& text) {
  const std::vector<std::string> terms = split_terms(text);
  std::set<std::string> seen;
  for (const std::string& term : terms) {
    const std::string name = parse_component(term).name;
    // An unknown name counts as what it resembles, for the sake of the message.
    const bool like_a_task = nearest(name, names_in(distillation_registry().entries())).empty() &&
                             !nearest(name, names_in(student_task_registry().entries())).empty();
    if (terms.size() > 1 && is_task(term))
      throw UsageError(message("[distill] expected terms joined by '+', of ", distillation_registry().names(), ", got ",
                               name, " in '", text, "', a whole method, which is named alone"));
    if (terms.size() == 1 && (is_task(term) || like_a_task))
      student_task_registry().canonical(term);
    else
      distillation_registry().canonical(term);
    if (!seen.insert(name).second)
      throw UsageError(message("expected each distillation method once, got '", name, "' twice in '", text, "'"));
  }
}

std::string distillation_method_names() {
  return distillation_registry().names() + ", " + student_task_registry().names();
}

Tensor batch_accuracy(const Tensor& logits, const Tensor& labels) {
  const NoGradGuard no_grad;
  return mean(equal(convert(argmax(logits.detach()), DType::kF32), convert(labels, DType::kF32)));
}

std::vector<Tensor> tensors_of(const std::vector<NamedTensor>& parameters) {
  std::vector<Tensor> tensors;
  for (const NamedTensor& parameter : parameters) tensors.push_back(parameter.tensor);
  return tensors;
}

void append_named(std::vector<NamedTensor>& all, const std::string& prefix,
                  const std::vector<NamedTensor>& parameters) {
  for (const NamedTensor& parameter : parameters) all.push_back({prefix + parameter.name, parameter.tensor});
}

std::unique_ptr<Network> network_like(const Network& student, std::uint64_t seed, const std::string& arch) {
  return make_network(arch.empty() ? student.arch() : arch, student.num_classes(),
                      {.seed = seed, .device = student.device(), .image = student.image()});
}

}  // namespace engram
