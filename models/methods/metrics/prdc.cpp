#include "models/methods/metrics/prdc.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "kernels/ball_scan/ball_scan.h"
#include "kernels/common/parallel.h"
#include "models/methods/metrics/nearest.h"
#include "models/methods/metrics/tiled_distance.h"

namespace engram {
namespace {

/// Squared distances to the k-th nearest other vector.
std::vector<double> squared_radii(const FeatureMatrix& set, dim_t k, const Device& device) {
  std::vector<double> radii;
  for (const auto& neighbors : nearest_others(set, k, device)) radii.push_back(neighbors.back().distance);
  return radii;
}

std::vector<double> roots(std::vector<double> values) {
  for (double& v : values) v = std::sqrt(v);
  return values;
}

/// Numbers of f32 that are not below.
std::vector<float> rounded_up(const std::vector<double>& values) {
  std::vector<float> result;
  for (const double v : values) result.push_back(std::nextafter(float(v), std::numeric_limits<float>::infinity()));
  return result;
}

/// The pass over all pairs of a real and a fake vector.
class PairCount {
 public:
  PairCount(const CenteredSet& real, const CenteredSet& fake, const std::vector<double>& real_radii,
            const std::vector<double>& fake_radii, Prdc& result)
      : real_(real),
        fake_(fake),
        real_radii_(real_radii),
        fake_radii_(fake_radii),
        reach_(rounded_up(fake_radii)),
        result_(result) {}

  void run() {
    for_each_tile(
        real_, fake_,
        [&](const ProductTile& tile) { kernels::parallel_items(tile.rows, [&](dim_t i, int) { count_row(tile, i); }); },
        [](dim_t, dim_t) {});
  }

 private:
  void count_row(const ProductTile& tile, dim_t i) const {
    const dim_t row = tile.first_row + i;
    const float* products = tile.products + i * tile.columns;
    const double norm = real_.norms()[std::size_t(row)], error = distance_error(norm, fake_);
    std::vector<std::int32_t> hits(static_cast<std::size_t>(tile.columns));
    dim_t num_hits = 0;
    // The scan adds and rounds in f32, within the error; another half of it makes up for the sums of its arguments.
    kernels::kCpuBallScan.scan({}, {.product = products,
                                    .norm = fake_.rounded_norms().data() + tile.first_column,
                                    .reach = reach_.data() + tile.first_column,
                                    .count = tile.columns,
                                    .bound = float(real_radii_[std::size_t(row)] - norm + 1.5 * error),
                                    .shift = float(1.5 * error - norm),
                                    .hits = hits.data(),
                                    .num_hits = &num_hits});
    for (dim_t h = 0; h < num_hits; ++h) {
      const std::int32_t j = hits[std::size_t(h)];
      const double rounded =
          double(fake_.rounded_norms()[std::size_t(tile.first_column + j)]) - 2. * double(products[j]) + norm;
      count_pair(row, tile.first_column + j, rounded, error);
    }
  }

  void count_pair(dim_t real, dim_t fake, double rounded, double error) const {
    double exact = -1;
    const auto inside = [&](double radius) {
      if (rounded < radius - error) return true;
      if (rounded > radius + error) return false;
      if (exact < 0) exact = exact_distance(real_.features(), real, fake_.features(), fake);
      return exact < radius;
    };
    if (inside(real_radii_[std::size_t(real)])) {
      result_.covered[std::size_t(real)] = 1;
      std::atomic_ref(result_.balls[std::size_t(fake)]).fetch_add(1, std::memory_order_relaxed);
    }
    if (inside(fake_radii_[std::size_t(fake)])) result_.recalled[std::size_t(real)] = 1;
  }

  const CenteredSet &real_, &fake_;
  const std::vector<double>&real_radii_, &fake_radii_;
  const std::vector<float> reach_;
  Prdc& result_;
};

template <class T>
double share(const std::vector<T>& values) {
  return double(std::count_if(values.begin(), values.end(), [](T v) { return v > 0; })) / double(values.size());
}

}  // namespace

double Prdc::precision() const {
  return share(balls);
}

double Prdc::recall() const {
  return share(recalled);
}

double Prdc::density() const {
  double sum = 0;
  for (const std::int32_t count : balls) sum += count;
  return sum / (double(neighbors) * double(balls.size()));
}

double Prdc::coverage() const {
  return share(covered);
}

Prdc precision_recall(const FeatureMatrix& real, const FeatureMatrix& fake, dim_t k, const Device& device) {
  check_features("prdc", real);
  check_features("prdc", fake);
  if (real.columns != fake.columns)
    throw ShapeError(message("[prdc] expected features of ", real.columns, " values, got ", fake.columns));
  const dim_t least = std::min(real.rows, fake.rows);
  if (k < 1 || least < k + 2)
    throw UsageError(message("[prdc] expected at least 1 neighbour and 2 images more than that in both sets, got ", k,
                             " for ", real.rows, " real and ", fake.rows, " fake ones"));
  const std::vector<double> real_radii = squared_radii(real, k, device), fake_radii = squared_radii(fake, k, device);
  Prdc result{.neighbors = k,
              .real_radii = roots(real_radii),
              .fake_radii = roots(fake_radii),
              .balls = std::vector<std::int32_t>(std::size_t(fake.rows), 0),
              .covered = std::vector<std::uint8_t>(std::size_t(real.rows), 0),
              .recalled = std::vector<std::uint8_t>(std::size_t(real.rows), 0)};
  const std::vector<double> center = center_of(real);
  const CenteredSet real_set(real, center, device), fake_set(fake, center, device);
  PairCount(real_set, fake_set, real_radii, fake_radii, result).run();
  return result;
}

}  // namespace engram
