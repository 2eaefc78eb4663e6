#include "models/methods/metrics/tiled_distance.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/autograd.h"
#include "engine/compute_mode.h"
#include "engine/ops.h"

namespace engram {
namespace {

constexpr dim_t kTileRows = 1024, kTileColumns = 4096;
constexpr double kUnit = 0x1p-24;                                        // of f32
constexpr double kLargestNorm = std::numeric_limits<float>::max() / 8.;  // sums of a few norms and products fit too

}  // namespace

CenteredSet::CenteredSet(const FeatureMatrix& features, const std::vector<double>& center, const Device& device)
    : features_(features) {
  std::vector<float> values;
  values.reserve(features.values.size());
  for (dim_t i = 0; i < features.rows; ++i) {
    double norm = 0;
    for (dim_t j = 0; j < features.columns; ++j) {
      const double x = features.row(i)[j] - center[std::size_t(j)];
      norm += x * x;
      values.push_back(float(x));
    }
    norms_.push_back(norm);
    rounded_.push_back(float(norm));
    largest_ = std::max(largest_, norm);
  }
  if (!(largest_ <= kLargestNorm))
    throw DataError(message("[distance] expected features whose squared distances from their mean are at most ",
                            kLargestNorm, ", got ", largest_));
  values_ = Tensor::from(values, {features.rows, features.columns}, device);
}

std::vector<double> center_of(const FeatureMatrix& f) {
  std::vector<double> mean(std::size_t(f.columns), 0.);
  for (dim_t i = 0; i < f.rows; ++i)
    for (dim_t j = 0; j < f.columns; ++j) mean[std::size_t(j)] += f.row(i)[j] / double(f.rows);
  return mean;
}

double distance_error(double norm, const CenteredSet& b) {
  const double terms = double(b.features().columns) + 8;
  const double gamma = terms * kUnit / (1 - terms * kUnit);
  return 2 * gamma * std::sqrt(norm * b.largest_norm()) + 4 * kUnit * (norm + b.largest_norm());
}

double exact_distance(const FeatureMatrix& a, dim_t i, const FeatureMatrix& b, dim_t j) {
  const double *x = a.row(i), *y = b.row(j);
  double sum = 0;
  for (dim_t k = 0; k < a.columns; ++k) sum += (x[k] - y[k]) * (x[k] - y[k]);
  return sum;
}

void for_each_tile(const CenteredSet& a, const CenteredSet& b, const std::function<void(const ProductTile&)>& visit,
                   const std::function<void(dim_t, dim_t)>& end_of_rows) {
  const NoGradGuard no_grad;
  ComputeMode mode = compute_mode();
  mode.math = kernels::MathMode::kF32;  // the error bound is that of f32
  const ComputeModeGuard guard(mode);
  for (dim_t row = 0; row < a.rows(); row += kTileRows) {
    const dim_t rows = std::min(kTileRows, a.rows() - row);
    const Tensor block = slice(a.values(), 0, row, row + rows).contiguous();
    for (dim_t column = 0; column < b.rows(); column += kTileColumns) {
      const dim_t columns = std::min(kTileColumns, b.rows() - column);
      const Tensor other = slice(b.values(), 0, column, column + columns).contiguous();
      const Tensor tile = matmul(block, other, false, true).to(Device{}).contiguous();
      visit({row, rows, column, columns, tile.data<float>()});
    }
    end_of_rows(row, rows);
  }
}

}  // namespace engram
