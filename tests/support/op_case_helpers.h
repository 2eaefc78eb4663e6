#pragma once
/// Common pieces of operation cases.

#include <string>
#include <utility>

#include "tests/support/op_case.h"

namespace engram::testing {

/// A case whose result is squared, so that second derivatives of a linear operation are not all zero.
inline OpCase squared_case(std::string name, std::vector<Shape> inputs,
                           std::function<Tensor(const std::vector<Tensor>&)> op,
                           std::function<Array(const std::vector<Array>&)> reference) {
  return {.name = std::move(name),
          .inputs = std::move(inputs),
          .op = [op](const auto& x) { return square(op(x)); },
          .reference = [reference](const auto& x) { return map(reference(x), [](double v) { return v * v; }); }};
}

/// Calls `visit(index)` for each coordinate of `shape` in row-major order.
template <class Visit>
void for_each_index(const Shape& shape, const Visit& visit) {
  Shape index(shape.size(), 0);
  for (dim_t flat = 0; flat < numel(shape); ++flat) {
    dim_t rest = flat;
    for (int i = int(shape.size()) - 1; i >= 0; --i) {
      index[i] = rest % shape[i];
      rest /= shape[i];
    }
    visit(index);
  }
}

/// Row-major position of `index` in `shape`.
inline std::size_t position_of(const Shape& shape, const Shape& index) {
  dim_t flat = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) flat = flat * shape[i] + index[i];
  return std::size_t(flat);
}

}  // namespace engram::testing
