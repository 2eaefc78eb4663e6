#include "models/methods/distillation/label_targets.h"

#include <cmath>

#include "models/methods/distillation/kd_term.h"

namespace engram {
namespace {

/// `label` at each row's label, `other` else.
Tensor targets(const Tensor& labels, dim_t classes, double label, double other) {
  return one_hot(labels, classes) * float(label - other) + float(other);
}

}  // namespace

Tensor mean_kd_term(const Tensor& student, const Tensor& teacher, double tau) {
  return kd_term(student, teacher, tau) * float(1.0 / double(student.dim(1)));
}

Tensor virtual_teacher_term(const Tensor& student, const Tensor& labels, double tau) {
  const dim_t classes = student.dim(1);
  const double right = std::exp(0.99 / tau), wrong = std::exp(0.01 / double(classes - 1) / tau);
  const double total = right + double(classes - 1) * wrong, label = right / total, other = wrong / total;
  const double entropy = -label * std::log(label) - double(classes - 1) * other * std::log(other);
  const Tensor cross = softmax_cross_entropy_soft(student, targets(labels, classes, label, other));
  return (cross - float(entropy)) * float(1.0 / double(classes));
}

Tensor smoothed_cross_entropy(const Tensor& student, const Tensor& labels) {
  const dim_t classes = student.dim(1);
  return softmax_cross_entropy_soft(student, targets(labels, classes, 0.9, 0.1 / double(classes - 1)));
}

}  // namespace engram
