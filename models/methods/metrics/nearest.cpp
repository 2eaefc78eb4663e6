#include "models/methods/metrics/nearest.h"

#include <algorithm>
#include <limits>

#include "kernels/ball_scan/ball_scan.h"
#include "kernels/common/parallel.h"
#include "models/methods/metrics/tiled_distance.h"

namespace engram {
namespace {

/// Rows beyond the wanted ones that are kept by their rounded distances, so that mostly no doubt is left.
constexpr dim_t kSpare = 16;

/// The rows of the base that are nearest to one query by rounded distances, the farthest on top.
class Candidates {
 public:
  struct Entry {
    float value;
    std::int32_t index;
    bool operator<(const Entry& other) const { return value < other.value; }
  };
  explicit Candidates(dim_t capacity) : capacity_(std::size_t(capacity)) {}

  /// Only smaller values still count.
  float bound() const {
    return entries_.size() < capacity_ ? std::numeric_limits<float>::infinity() : entries_.front().value;
  }
  void offer(float value, std::int32_t index) {
    if (!(value < bound())) return;
    if (entries_.size() == capacity_) {
      std::pop_heap(entries_.begin(), entries_.end());
      entries_.pop_back();
    }
    entries_.push_back({value, index});
    std::push_heap(entries_.begin(), entries_.end());
  }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::size_t capacity_;
  std::vector<Entry> entries_;
};

bool nearer(const Neighbor& a, const Neighbor& b) {
  return a.distance != b.distance ? a.distance < b.distance : a.index < b.index;
}

class Search {
 public:
  Search(const FeatureMatrix& queries, const FeatureMatrix& base, dim_t count, bool skip_self, const Device& device)
      : center_(center_of(base)),
        queries_(queries, center_, device),
        base_(base, center_, device),
        count_(count),
        skip_self_(skip_self) {}

  std::vector<std::vector<Neighbor>> run() {
    std::vector<std::vector<Neighbor>> result(std::size_t(queries_.rows()));
    std::vector<Candidates> candidates;
    for_each_tile(
        queries_, base_,
        [&](const ProductTile& tile) {
          if (tile.first_column == 0) candidates.assign(std::size_t(tile.rows), Candidates(count_ + kSpare));
          kernels::parallel_items(tile.rows, [&](dim_t i, int) { collect(tile, i, candidates[std::size_t(i)]); });
        },
        [&](dim_t first, dim_t rows) {
          kernels::parallel_items(rows, [&](dim_t i, int) {
            result[std::size_t(first + i)] = settle(first + i, candidates[std::size_t(i)]);
          });
        });
    return result;
  }

 private:
  void collect(const ProductTile& tile, dim_t i, Candidates& candidates) const {
    const float *products = tile.products + i * tile.columns, *norms = base_.rounded_norms().data() + tile.first_column;
    std::vector<std::int32_t> hits(static_cast<std::size_t>(tile.columns));
    dim_t num_hits = 0;
    kernels::kCpuBallScan.scan({}, {.product = products,
                                    .norm = norms,
                                    .count = tile.columns,
                                    .bound = candidates.bound(),
                                    .hits = hits.data(),
                                    .num_hits = &num_hits});
    for (dim_t h = 0; h < num_hits; ++h) {
      const std::int32_t j = hits[std::size_t(h)], index = std::int32_t(tile.first_column) + j;
      if (skip_self_ && index == tile.first_row + i) continue;
      candidates.offer(norms[j] - 2 * products[j], index);
    }
  }

  /// The nearest by exact distances: among the candidates where no other row can be as near, else among all.
  std::vector<Neighbor> settle(dim_t row, const Candidates& candidates) const {
    std::vector<Neighbor> found;
    for (const Candidates::Entry& entry : candidates.entries()) found.push_back(neighbor(row, entry.index));
    keep_nearest(found);
    const dim_t others = base_.rows() - (skip_self_ ? 1 : 0);
    if (dim_t(candidates.entries().size()) == others) return found;
    const double norm = queries_.norms()[std::size_t(row)];
    if (found.back().distance < double(candidates.bound()) + norm - distance_error(norm, base_)) return found;
    found.clear();
    for (dim_t j = 0; j < base_.rows(); ++j)
      if (!skip_self_ || j != row) found.push_back(neighbor(row, j));
    keep_nearest(found);
    return found;
  }

  Neighbor neighbor(dim_t row, dim_t index) const {
    return {index, exact_distance(queries_.features(), row, base_.features(), index)};
  }
  void keep_nearest(std::vector<Neighbor>& found) const {
    std::partial_sort(found.begin(), found.begin() + count_, found.end(), nearer);
    found.resize(std::size_t(count_), {0, 0});
  }

  const std::vector<double> center_;
  const CenteredSet queries_, base_;
  const dim_t count_;
  const bool skip_self_;
};

void check_count(dim_t count, dim_t most) {
  if (count < 1 || count > most)
    throw UsageError(message("[nearest] expected 1 to ", most, " neighbours (the images there are), got ", count));
}

}  // namespace

std::vector<std::vector<Neighbor>> nearest_neighbors(const FeatureMatrix& queries, const FeatureMatrix& base,
                                                     dim_t count, const Device& device) {
  check_features("nearest", queries);
  check_features("nearest", base);
  if (queries.columns != base.columns)
    throw ShapeError(message("[nearest] expected features of ", base.columns, " values, got ", queries.columns));
  check_count(count, base.rows);
  return Search(queries, base, count, false, device).run();
}

std::vector<std::vector<Neighbor>> nearest_others(const FeatureMatrix& set, dim_t count, const Device& device) {
  check_features("nearest", set);
  check_count(count, set.rows - 1);
  return Search(set, set, count, true, device).run();
}

}  // namespace engram
