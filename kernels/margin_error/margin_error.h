#pragma once
/// Squared error of activations against a teacher behind a margin ReLU, without the elements that both hold shut (Heo
/// et al. 2019, "A Comprehensive Overhaul of Feature Distillation", equations 2 and 3).
///
/// With t' = max(teacher, margin of the channel): loss = factor * sum (student - t')^2 [student > t' or t' > 0].
/// The teacher is a constant and the mask is not differentiated. All activations are dense f32 in the layout of one
/// ActivationShape.

#include <cstddef>

#include "kernels/common/activation.h"
#include "kernels/common/cost.h"
#include "kernels/common/stream.h"

namespace engram::kernels {

struct MarginErrorForwardArgs {
  ActivationShape shape;
  const float* student;
  const float* teacher;
  const float* margin;  ///< [c]
  float factor;
  float* loss;      ///< scalar
  void* workspace;  ///< workspace_bytes, aligned to 8
};

/// grad_student = 2 *grad factor (student - t') [student > t' or t' > 0].
struct MarginErrorBackwardArgs {
  ActivationShape shape;
  const float* student;
  const float* teacher;
  const float* margin;
  const float* grad;  ///< scalar
  float factor;
  float* grad_student;  ///< may be student
};

/// Entry points of one back end. Results do not depend on the number of threads.
struct MarginErrorKernels {
  void (*forward)(Stream, const MarginErrorForwardArgs&);
  void (*backward)(Stream, const MarginErrorBackwardArgs&);
  /// Bytes of workspace of the forward call.
  std::size_t (*workspace_bytes)(const ActivationShape&);
};

/// Both activations read; backward writes one.
Cost margin_error_cost(const ActivationShape& shape, bool backward);

/// The CPU back end.
extern const MarginErrorKernels kCpuMarginError;
/// The CUDA back end; defined where its kernels are linked.
extern const MarginErrorKernels kCudaMarginError;

/// Plain loops in double over planar activations (the shape's block is ignored): the oracle of the tests.
namespace reference {
double margin_error(const ActivationShape& shape, const double* student, const double* teacher, const double* margin,
                    double factor);
void margin_error_backward(const ActivationShape& shape, const double* student, const double* teacher,
                           const double* margin, double grad, double factor, double* grad_student);
}  // namespace reference

}  // namespace engram::kernels
