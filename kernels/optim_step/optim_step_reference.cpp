#include <cmath>

#include "kernels/optim_step/optim_step.h"

namespace engram::kernels::reference {

void sgd(double* param, const double* grad, double* momentum_buffer, dim_t count, bool first_step, double lr,
         double momentum, double weight_decay, bool nesterov, double grad_scale) {
  for (dim_t i = 0; i < count; ++i) {
    double d = grad_scale * grad[i] + weight_decay * param[i];
    if (momentum != 0) {
      momentum_buffer[i] = first_step ? d : momentum * momentum_buffer[i] + d;
      d = nesterov ? d + momentum * momentum_buffer[i] : momentum_buffer[i];
    }
    param[i] -= lr * d;
  }
}

void adam(double* param, const double* grad, double* m, double* v, dim_t count, std::int64_t step, double lr,
          double beta1, double beta2, double eps, double weight_decay, bool decoupled_decay, double grad_scale) {
  for (dim_t i = 0; i < count; ++i) {
    double g = grad_scale * grad[i];
    if (decoupled_decay) {
      param[i] *= 1 - lr * weight_decay;
    } else {
      g += weight_decay * param[i];
    }
    m[i] = beta1 * m[i] + (1 - beta1) * g;
    v[i] = beta2 * v[i] + (1 - beta2) * g * g;
    const double bias1 = 1 - std::pow(beta1, double(step)), bias2 = 1 - std::pow(beta2, double(step));
    param[i] -= lr / bias1 * m[i] / (std::sqrt(v[i]) / std::sqrt(bias2) + eps);
  }
}

}  // namespace engram::kernels::reference
