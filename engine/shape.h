#pragma once
/// Extents of tensors and the broadcasting rule.

#include <string>
#include <vector>

#include "kernels/common/types.h"

namespace engram {

/// Extents, outermost first. An empty shape is a scalar.
using Shape = std::vector<dim_t>;

/// Number of elements: the product of the extents, 1 for a scalar.
dim_t numel(const Shape& shape);

/// "[2,3,4]".
std::string to_string(const Shape& shape);

/// Dense row-major strides in elements.
Shape dense_strides(const Shape& shape);

/// The common shape of two operands: aligned at the last axis, an extent of 1 stretches. Throws ShapeError naming `op`.
Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b);

/// `axis` counted from the back when negative. Throws ShapeError naming `op` when out of range.
int normalize_axis(const char* op, int axis, int rank);

}  // namespace engram
