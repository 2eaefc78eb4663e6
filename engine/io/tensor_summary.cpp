#include "engine/io/tensor_summary.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "engine/io/tensor_bytes.h"
#include "kernels/common/error.h"

namespace engram::io {
namespace {

/// Position of a float that is not NaN among all of them in ascending order; 0 and -0 share one.
std::int64_t rank_of(float value) {
  const auto bits = std::int64_t(std::bit_cast<std::uint32_t>(value));
  return bits < 0x80000000 ? bits : 0x80000000 - bits;
}

}  // namespace

TensorSummary summarize(const SafetensorsEntry& entry) {
  const std::vector<float> values = to_f32(entry);
  TensorSummary s;
  s.count = dim_t(values.size());
  s.minimum = std::numeric_limits<float>::infinity();
  s.maximum = -s.minimum;
  double sum = 0;
  for (float v : values) {
    if (std::isnan(v)) {
      ++s.num_nan;
    } else if (std::isinf(v)) {
      ++s.num_infinite;
    } else {
      s.num_zero += v == 0;
      s.minimum = std::min(s.minimum, v);
      s.maximum = std::max(s.maximum, v);
      sum += double(v);
    }
  }
  if (s.num_finite() == 0) {
    s.minimum = s.maximum = 0;
    return s;
  }
  s.mean = sum / double(s.num_finite());
  double squares = 0;
  for (float v : values)
    if (std::isfinite(v)) squares += (double(v) - s.mean) * (double(v) - s.mean);
  s.standard_deviation = std::sqrt(squares / double(s.num_finite()));
  return s;
}

TensorDifference compare(const SafetensorsEntry& a, const SafetensorsEntry& b) {
  if (a.shape != b.shape)
    throw ShapeError(message("[compare] expected arrays of one shape, got others for ", a.name, " and ", b.name));
  TensorDifference d;
  d.same_bytes = a.dtype == b.dtype && std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end());
  if (d.same_bytes) return d;
  const std::vector<float> x = to_f32(a), y = to_f32(b);
  if (x.size() != y.size())
    throw ShapeError(message("[compare] expected arrays of as many elements, got ", x.size(), " in ", a.name, " and ",
                             y.size(), " in ", b.name));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool nan = std::isnan(x[i]) || std::isnan(y[i]);
    if (x[i] == y[i] || (std::isnan(x[i]) && std::isnan(y[i]))) continue;
    ++d.num_different;
    const double distance = nan ? std::numeric_limits<double>::infinity() : std::abs(double(x[i]) - double(y[i]));
    if (distance > d.max_absolute) {
      d.max_absolute = distance;
      d.where = dim_t(i);
    }
    if (!nan) d.max_ulp = std::max(d.max_ulp, std::uint64_t(std::abs(rank_of(x[i]) - rank_of(y[i]))));
  }
  return d;
}

}  // namespace engram::io
