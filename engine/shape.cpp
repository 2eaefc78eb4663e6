#include "engine/shape.h"

#include <algorithm>

#include "kernels/common/error.h"

namespace engram {

dim_t numel(const Shape& shape) {
  dim_t product = 1;
  bool empty = false;
  for (const dim_t extent : shape) {
    if (extent < 0) throw ShapeError(message("[shape] expected extents of at least 0, got ", to_string(shape)));
    empty = empty || extent == 0;
    if (__builtin_mul_overflow(product, std::max<dim_t>(1, extent), &product) || product > kMaxElements)
      throw ShapeError(message("[shape] expected at most 2^48 elements, got ", to_string(shape)));
  }
  return empty ? 0 : product;
}

dim_t checked_add(const char* op, dim_t a, dim_t b) {
  dim_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum))
    throw ShapeError(message("[", op, "] expected extents below 2^63, got ", a, " + ", b));
  return sum;
}

dim_t checked_mul(const char* op, dim_t a, dim_t b) {
  dim_t product = 0;
  if (__builtin_mul_overflow(a, b, &product))
    throw ShapeError(message("[", op, "] expected extents below 2^63, got ", a, " x ", b));
  return product;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? "," : "") + std::to_string(shape[i]);
  return text + "]";
}

Shape dense_strides(const Shape& shape) {
  Shape strides(shape.size());
  dim_t stride = 1;
  for (int i = int(shape.size()) - 1; i >= 0; --i) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b) {
  const std::size_t rank = std::max(a.size(), b.size());
  Shape out(rank);
  for (std::size_t i = 0; i < rank; ++i) {
    const dim_t left = i < rank - a.size() ? 1 : a[i - (rank - a.size())];
    const dim_t right = i < rank - b.size() ? 1 : b[i - (rank - b.size())];
    if (left != right && left != 1 && right != 1)
      throw ShapeError(message("[", op, "] expected shapes that broadcast, got ", to_string(a), " and ", to_string(b)));
    out[i] = left == 1 ? right : left;
  }
  return out;
}

int normalize_axis(const char* op, int axis, int rank) {
  if (axis < -rank || axis >= rank)
    throw ShapeError(message("[", op, "] expected an axis in [", -rank, ",", rank - 1, "], got ", axis));
  return axis < 0 ? axis + rank : axis;
}

}  // namespace engram
