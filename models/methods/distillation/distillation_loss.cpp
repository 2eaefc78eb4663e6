#include "models/methods/distillation/distillation_loss.h"

#include <algorithm>
#include <cmath>

namespace engram {

Settings term_settings(TermOptions& o, const std::string& source) {
  return {{"weight", &o.weight, "factor of the term; default: " + source},
          {"ce", &o.ce, "factor on the cross entropy with the labels"},
          {"warmup", &o.warmup, "epochs over which the weight rises linearly; 0 is off"}};
}

DistillationLoss::DistillationLoss(const TermOptions& options) : options_(options) {
  if (!std::isfinite(options.weight) || !(options.ce >= 0) || !std::isfinite(options.ce) || options.warmup < 0)
    throw UsageError(
        message("[distillation] expected a finite weight and a cross entropy and warm-up of at least 0, "
                "got ",
                options.weight, ", ", options.ce, " and ", options.warmup));
}

Tensor DistillationLoss::initial_loss(const DistillationBatch&) {
  throw UsageError("[distillation] this term has no initial stage");
}

StagePairs stage_pairs(const char* term, const LossContext& context) {
  const std::size_t student = context.student.taps.size(), teacher = context.teacher.taps.size();
  for (const auto& [arch, maps, who] :
       {std::tuple(context.student_arch, student, "student"), std::tuple(context.teacher_arch, teacher, "teacher")})
    if (maps == 0)
      throw UsageError(message("[", term, "] expected networks with feature maps, which the ", who, " ", arch,
                               " has not; methods on logits work there: kd, dkd, dist, mlkd, ctkd, tf-kd-self"));
  const std::size_t count = std::min(student, teacher);
  return {count, student - count, teacher - count};
}

MapPair pooled_to_smaller(const Tensor& student, const Tensor& teacher) {
  const dim_t height = std::min(student.dim(2), teacher.dim(2)), width = std::min(student.dim(3), teacher.dim(3));
  const auto fitted = [&](const Tensor& x) {
    return x.dim(2) == height && x.dim(3) == width ? x : adaptive_avg_pool2d(x, height, width);
  };
  return {fitted(student), fitted(teacher)};
}

Tensor unit_rows(const Tensor& x) {
  const Tensor rows = x.rank() == 2 ? x : flatten(x, 1);
  const Tensor length = norm(rows, {1}, true);
  return rows / maximum(length, Tensor::full(length.shape(), 1e-12f, x.device()));
}

}  // namespace engram
