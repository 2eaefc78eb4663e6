#include "models/methods/distillation/variational_bound.h"

#include <cmath>

#include "models/methods/distillation/distillation_loss.h"

namespace engram {
namespace {

constexpr double kFirstVariance = 5, kLeastVariance = 1e-5;

}  // namespace

VariationalBound::VariationalBound(dim_t student_channels, dim_t teacher_channels, Device device) {
  log_scale_ = register_parameter("log_scale", {teacher_channels},
                                  Init::constant(float(std::log(std::expm1(kFirstVariance - kLeastVariance)))), device);
  for (int i = 0; i < 3; ++i) {
    convs_[i] = std::make_unique<Conv2d>(Conv2dConfig{.in_channels = i == 0 ? student_channels : teacher_channels,
                                                      .out_channels = teacher_channels,
                                                      .kernel = 1,
                                                      .padding = 0},
                                         device);
    register_child(message("regressor.", 2 * i), *convs_[i]);
  }
}

Tensor VariationalBound::forward(const Tensor& student, const Tensor& teacher) const {
  const MapPair maps = pooled_to_smaller(student, teacher.detach());
  const Tensor mu = convs_[2]->forward(relu(convs_[1]->forward(relu(convs_[0]->forward(maps.student)))));
  const Tensor variance = reshape(log(exp(log_scale_) + 1.f) + float(kLeastVariance), {1, log_scale_.dim(0), 1, 1});
  return 0.5f * mean(square(mu - maps.teacher) / variance + log(variance));
}

}  // namespace engram
