#include "models/methods/data_free/data_free_task.h"

#include "engine/ops.h"
#include "models/name_hash.h"

namespace engram {
namespace {

const Normalization& checked(const DataFreeProblem& p) {
  check_student(p.teacher, p.student);
  check_normalization(p.normalization, p.teacher.image().channels);
  return p.normalization;
}

}  // namespace

DataFreeTask::DataFreeTask(const DataFreeProblem& problem)
    : teacher_(problem.teacher),
      student_(problem.student),
      normalization_(checked(problem)),
      noise_(Generator(problem.seed).split(name_hash("noise")).seed(), problem.teacher.device()),
      seed_(problem.seed),
      mean_(channel_values(normalization_.mean, problem.teacher.device())),
      deviation_(channel_values(normalization_.std, problem.teacher.device())) {
  teacher_.eval();
  teacher_.set_requires_grad(false);
}

std::uint64_t DataFreeTask::seed_for(const std::string& purpose) const {
  return Generator(seed_).split(name_hash(purpose)).seed();
}

Tensor DataFreeTask::normalized(const Tensor& images) const {
  return (images - mean_) / deviation_;
}

Tensor DataFreeTask::denormalized(const Tensor& input) const {
  return clamp(input * deviation_ + mean_, 0, 1);
}

void check_student(const Network& teacher, const Network& student) {
  if (teacher.num_classes() != student.num_classes())
    throw DataError(message("expected a student of the teacher's ", teacher.num_classes(), " classes, got one of ",
                            student.num_classes()));
  if (teacher.image() != student.image())
    throw DataError(message("expected a student of the teacher's images of ", to_string(teacher.image()),
                            ", got one of ", to_string(student.image())));
}

Tensor channel_values(const std::vector<float>& values, const Device& device) {
  return Tensor::from(values, {1, dim_t(values.size()), 1, 1}, device);
}

void check_normalization(const Normalization& normalization, dim_t channels) {
  if (dim_t(normalization.mean.size()) != channels || dim_t(normalization.std.size()) != channels)
    throw DataError(message("expected ", channels, " constants of normalisation, one a channel, got ",
                            normalization.mean.size(), " and ", normalization.std.size()));
  for (const float deviation : normalization.std)
    if (!(deviation > 0)) throw DataError(message("expected positive deviations, got ", deviation));
}

void require_batch_norm(Network& network, const std::string& method) {
  for (const NamedModule& named : network.named_modules())
    if (dynamic_cast<const BatchNorm2d*>(named.module)) return;
  throw DataError(message(method,
                          ": expected a teacher with batch normalisation, whose statistics the method matches, ",
                          "got ", network.arch()));
}

void check_lengths(const std::vector<std::pair<std::string, dim_t>>& lengths) {
  for (const auto& [name, value] : lengths)
    if (value < 1) throw UsageError(message("[data-free] expected ", name, " of at least 1, got ", value));
}

OptimizerOptions student_sgd(float weight_decay) {
  OptimizerOptions options;
  options.momentum = 0.9f;
  options.nesterov = false;
  options.weight_decay = weight_decay;
  return options;
}

OptimizerOptions adam_with(double beta1, double beta2) {
  OptimizerOptions options = adam_options();
  options.beta1 = beta1;
  options.beta2 = beta2;
  return options;
}

}  // namespace engram
