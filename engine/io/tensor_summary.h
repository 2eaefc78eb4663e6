#pragma once
/// Statistics of a file's arrays, and how two of them differ. Threads: any may call, also at the same time.

#include <cstdint>

#include "engine/io/safetensors.h"

namespace engram::io {

/// Statistics of one array. Minimum, maximum, mean and standard deviation (of the population) are those of the finite
/// elements, as f32 values summed in double; all 0 when there are none.
struct TensorSummary {
  dim_t count = 0;
  dim_t num_nan = 0;
  dim_t num_infinite = 0;
  dim_t num_zero = 0;
  float minimum = 0, maximum = 0;
  double mean = 0, standard_deviation = 0;

  dim_t num_finite() const { return count - num_nan - num_infinite; }
};

/// Throws DataError for a type that is not is_readable().
TensorSummary summarize(const SafetensorsEntry& entry);

/// How two arrays of one shape differ as f32 values. Two NaN are equal; a NaN against a number, and an infinity against
/// another value, differ by infinity.
struct TensorDifference {
  bool same_bytes = false;    ///< same type and bytes
  dim_t num_different = 0;    ///< elements that differ; 0 and -0 do not
  double max_absolute = 0;    ///< largest |a - b|
  std::uint64_t max_ulp = 0;  ///< largest number of f32 steps between two numbers
  dim_t where = 0;            ///< element of the largest difference, row-major
};

/// Throws ShapeError when the shapes or the numbers of elements differ, DataError for a type that is not is_readable().
TensorDifference compare(const SafetensorsEntry& a, const SafetensorsEntry& b);

}  // namespace engram::io
