#include <algorithm>

#include "kernels/margin_error/margin_error.h"

namespace engram::kernels::reference {
namespace {

/// student - t' where the element counts, else 0.
double open_difference(double student, double teacher, double margin) {
  const double target = std::max(teacher, margin);
  return student > target || target > 0 ? student - target : 0;
}

}  // namespace

double margin_error(const ActivationShape& shape, const double* student, const double* teacher, const double* margin,
                    double factor) {
  double sum = 0;
  for (dim_t i = 0; i < shape.count(); ++i) {
    const double d = open_difference(student[i], teacher[i], margin[i / shape.pixels() % shape.c]);
    sum += d * d;
  }
  return factor * sum;
}

void margin_error_backward(const ActivationShape& shape, const double* student, const double* teacher,
                           const double* margin, double grad, double factor, double* grad_student) {
  for (dim_t i = 0; i < shape.count(); ++i)
    grad_student[i] = 2 * grad * factor * open_difference(student[i], teacher[i], margin[i / shape.pixels() % shape.c]);
}

}  // namespace engram::kernels::reference
