#pragma once
/// Mean and spread of samples, for formats that want them beside medians.

#include <cmath>
#include <numeric>
#include <vector>

namespace engram::bench {

inline double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

/// With n - 1 below the line; 0 for a single value.
inline double standard_deviation(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double centre = mean(values);
  double sum = 0;
  for (const double v : values) sum += (v - centre) * (v - centre);
  return std::sqrt(sum / double(values.size() - 1));
}

}  // namespace engram::bench
