#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/softmax_xent/softmax_xent.h"

namespace engram::kernels::reference {

void smoothed_targets(const std::int32_t* labels, const double* soft_targets, dim_t rows, dim_t classes,
                      double smoothing, double* targets) {
  for (dim_t r = 0; r < rows; ++r)
    for (dim_t c = 0; c < classes; ++c) {
      const double given = labels ? double(labels[r] == c) : soft_targets[r * classes + c];
      targets[r * classes + c] = (1 - smoothing) * given + smoothing / double(classes);
    }
}

void log_softmax(const double* x, double* y, dim_t rows, dim_t classes) {
  for (dim_t r = 0; r < rows; ++r) {
    const double* row = x + r * classes;
    const double largest = *std::max_element(row, row + classes);
    double sum = 0;
    for (dim_t c = 0; c < classes; ++c) sum += std::exp(row[c] - largest);
    for (dim_t c = 0; c < classes; ++c) y[r * classes + c] = row[c] - largest - std::log(sum);
  }
}

void log_softmax_backward(const double* y, const double* grad_y, double* grad_x, dim_t rows, dim_t classes) {
  for (dim_t r = 0; r < rows; ++r) {
    double sum = 0;
    for (dim_t c = 0; c < classes; ++c) sum += grad_y[r * classes + c];
    for (dim_t c = 0; c < classes; ++c) {
      const dim_t i = r * classes + c;
      grad_x[i] = grad_y[i] - std::exp(y[i]) * sum;
    }
  }
}

void softmax_xent(const double* logits, const double* targets, dim_t rows, dim_t classes, double* row_loss) {
  std::vector<double> log_p(rows * classes);
  log_softmax(logits, log_p.data(), rows, classes);
  for (dim_t r = 0; r < rows; ++r) {
    row_loss[r] = 0;
    for (dim_t c = 0; c < classes; ++c) row_loss[r] -= targets[r * classes + c] * log_p[r * classes + c];
  }
}

void softmax_xent_backward(const double* logits, const double* targets, const double* grad_rows, dim_t rows,
                           dim_t classes, double* grad_logits) {
  std::vector<double> log_p(rows * classes), grad_log_p(rows * classes);
  log_softmax(logits, log_p.data(), rows, classes);
  for (dim_t i = 0; i < rows * classes; ++i) grad_log_p[i] = -targets[i] * grad_rows[i / classes];
  log_softmax_backward(log_p.data(), grad_log_p.data(), grad_logits, rows, classes);
}

namespace {

std::vector<double> log_softmax_at(const double* x, dim_t rows, dim_t classes, double temperature) {
  std::vector<double> y(x, x + rows * classes);
  for (double& v : y) v /= temperature;
  log_softmax(y.data(), y.data(), rows, classes);
  return y;
}

}  // namespace

double kl(const double* student, const double* teacher, dim_t rows, dim_t classes, double temperature, double factor) {
  const auto log_q = log_softmax_at(student, rows, classes, temperature);
  const auto log_p = log_softmax_at(teacher, rows, classes, temperature);
  double sum = 0;
  for (dim_t i = 0; i < rows * classes; ++i) sum += std::exp(log_p[i]) * (log_p[i] - log_q[i]);
  return factor * sum / double(rows);
}

void kl_backward(const double* student, const double* teacher, double grad, dim_t rows, dim_t classes,
                 double temperature, double factor, double* grad_student, double* grad_teacher) {
  const auto log_q = log_softmax_at(student, rows, classes, temperature);
  const auto log_p = log_softmax_at(teacher, rows, classes, temperature);
  const double k = grad * factor / (double(rows) * temperature);
  for (dim_t r = 0; r < rows; ++r) {
    double row = 0;
    for (dim_t i = r * classes; i < (r + 1) * classes; ++i) row += std::exp(log_p[i]) * (log_p[i] - log_q[i]);
    for (dim_t i = r * classes; i < (r + 1) * classes; ++i) {
      grad_student[i] = k * (std::exp(log_q[i]) - std::exp(log_p[i]));
      grad_teacher[i] = k * std::exp(log_p[i]) * (log_p[i] - log_q[i] - row);
    }
  }
}

}  // namespace engram::kernels::reference
