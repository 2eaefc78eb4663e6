#pragma once
/// Tensors against the summaries of tests/golden: shape, sum, 2-norm, first values, values at indices.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/tensor.h"

namespace engram::testing {

/// The extents that a summary holds.
Shape shape_of(const nlohmann::json& summary);

/// Expects the summary's norm to `tolerance` relative, and its values to `tolerance` of the larger of the value and the
/// root mean square of all. `what` names the tensor in a failure's message. A tensor of another shape with as many
/// elements will do (a summary of flat values).
void expect_summary(const Tensor& x, const nlohmann::json& summary, double tolerance, const std::string& what);

/// Expects a list of numbers, in row-major order, to `tolerance` of the larger of the number and `share` of the list's
/// largest. A null stands for a tensor of zeros or none.
void expect_list(const Tensor& x, const nlohmann::json& list, double tolerance, const std::string& what,
                 double share = 0.1);

}  // namespace engram::testing
