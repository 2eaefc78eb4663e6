#pragma once
/// Extents of tensors and the broadcasting rule. Threads: any may call, also at the same time.

#include <string>
#include <vector>

#include "kernels/common/types.h"

namespace engram {

/// Extents, outermost first. An empty shape is a scalar.
using Shape = std::vector<dim_t>;

/// Most elements of a tensor or view: more than any memory holds, and few enough that no product of some extents with
/// the sizes of elements leaves dim_t.
inline constexpr dim_t kMaxElements = dim_t{1} << 48;

/// Number of elements: the product of the extents, 1 for a scalar. Throws ShapeError for a negative extent, and when
/// the product of the extents above 0 exceeds kMaxElements, so that the product of any of them is safe.
dim_t numel(const Shape& shape);

/// a + b and a * b. Throw ShapeError naming `op` when dim_t does not hold the result.
dim_t checked_add(const char* op, dim_t a, dim_t b);
dim_t checked_mul(const char* op, dim_t a, dim_t b);

/// "[2,3,4]".
std::string to_string(const Shape& shape);

/// Dense row-major strides in elements.
Shape dense_strides(const Shape& shape);

/// The common shape of two operands: aligned at the last axis, an extent of 1 stretches. Throws ShapeError naming `op`.
Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b);

/// `axis` counted from the back when negative. Throws ShapeError naming `op` when out of range.
int normalize_axis(const char* op, int axis, int rank);

}  // namespace engram
