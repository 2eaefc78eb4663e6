#include "models/genes/reference_law.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/common/error.h"
#include "kernels/common/parallel.h"

namespace engram::genes {
namespace {

constexpr dim_t kPooledGenes = 64;
constexpr double kTailShare = 0.01;
constexpr std::size_t kFewestInTail = 50;
constexpr float kSame = 1 - 1e-5F;  // replicates are in single precision
constexpr dim_t kWorkOfBatch = 1 << 20;

int batches_of(int replicates) {
  if (replicates < 1) throw UsageError(message("[calibration] expected at least 1 replicate, got ", replicates));
  return (replicates + GeneScan::kLanes - 1) / GeneScan::kLanes;
}

/// Upper tail of a law from the largest of its draws: a generalised Pareto law of what exceeds a threshold, by
/// probability-weighted moments (Hosking and Wallis 1987).
class ParetoTail {
 public:
  /// `excess` ascending, above 0.
  explicit ParetoTail(const std::vector<double>& excess) {
    const double n = double(excess.size());
    double mean = 0, weighted = 0;
    for (std::size_t i = 0; i < excess.size(); ++i) {
      mean += excess[i] / n;
      weighted += (1 - (double(i) + 0.65) / n) * excess[i] / n;
    }
    const double spread = mean - 2 * weighted;
    shape_ = spread > 0 ? std::clamp(2 - mean / spread, 0.0, 0.5) : 0;
    scale_ = mean * (1 - shape_);
  }

  /// log10 of the probability that the excess is above x, if there is one.
  double log10_tail(double x) const {
    const double log = shape_ > 1e-6 ? -std::log1p(shape_ * x / scale_) / shape_ : -x / scale_;
    return log / std::log(10.0);
  }

 private:
  double shape_ = 0, scale_ = 1;
};

/// The absolute null statistics of genes that share a law.
class PooledLaw {
 public:
  PooledLaw(std::vector<float> draws, bool fit_tail) : draws_(std::move(draws)) {
    std::sort(draws_.begin(), draws_.end());
    const auto in_tail = std::size_t(kTailShare * double(draws_.size()));
    if (!fit_tail || in_tail < kFewestInTail) return;
    tail_begin_ = draws_.size() - in_tail;
    threshold_ = square(draws_[tail_begin_ - 1]);
    std::vector<double> excess;
    for (std::size_t i = tail_begin_; i < draws_.size(); ++i) excess.push_back(square(draws_[i]) - threshold_);
    tail_.emplace_back(excess);
  }

  double log10_p(double z) const {
    const double above = square(float(z)) - threshold_;
    if (!tail_.empty() && above > 0) return std::log10(kTailShare) + tail_.front().log10_tail(above);
    const auto first = std::lower_bound(draws_.begin(), draws_.end(), float(z) * kSame);
    return std::log10(double(1 + (draws_.end() - first)) / double(1 + draws_.size()));
  }

 private:
  static double square(float x) { return double(x) * double(x); }

  std::vector<float> draws_;
  std::size_t tail_begin_ = 0;
  double threshold_ = 0;
  std::vector<ParetoTail> tail_;  // none where too few draws lie in it
};

/// Genes that share a law, each list one; genes that are not testable are in none.
std::vector<std::vector<dim_t>> pools_of(const GeneScan& scan) {
  std::vector<dim_t> many;
  std::vector<std::vector<dim_t>> pools;
  for (dim_t gene = 0; gene < scan.num_genes(); ++gene) {
    if (!scan.testable(gene)) continue;
    if (scan.few_carriers(gene)) {
      pools.push_back({gene});
    } else {
      many.push_back(gene);
    }
  }
  std::stable_sort(many.begin(), many.end(),
                   [&](dim_t a, dim_t b) { return scan.least_carriers(a) < scan.least_carriers(b); });
  const dim_t count = std::max<dim_t>(1, dim_t(many.size()) / kPooledGenes);
  for (dim_t pool = 0; pool < count && !many.empty(); ++pool) {
    const auto begin = many.begin() + pool * dim_t(many.size()) / count,
               end = many.begin() + (pool + 1) * dim_t(many.size()) / count;
    pools.emplace_back(begin, end);
  }
  return pools;
}

}  // namespace

std::vector<double> null_maxima(const GeneScan& scan, int replicates, std::uint64_t seed, bool both_sides) {
  const int batches = batches_of(replicates);
  std::vector<dim_t> family;
  for (dim_t gene = 0; gene < scan.num_genes(); ++gene)
    if (scan.testable(gene) && !scan.few_carriers(gene)) family.push_back(gene);
  std::vector<double> maxima(std::size_t(batches) * GeneScan::kLanes, 0.0);
  kernels::parallel_for(batches, kWorkOfBatch, [&](dim_t batch) {
    const GeneScan::Draw draw = scan.draw(seed, batch);
    double* const largest = maxima.data() + batch * GeneScan::kLanes;
    for (const dim_t gene : family) {
      const auto z = scan.null_statistics(gene, draw);
      for (std::size_t lane = 0; lane < z.size(); ++lane)
        largest[lane] = std::max(largest[lane], double(both_sides ? std::abs(z[lane]) : z[lane]));
    }
  });
  maxima.resize(std::size_t(replicates));
  std::sort(maxima.begin(), maxima.end());
  return maxima;
}

double family_wise_p(const std::vector<double>& maxima, double z) {
  const auto first = std::lower_bound(maxima.begin(), maxima.end(), z);
  return double(1 + (maxima.end() - first)) / double(1 + maxima.size());
}

std::vector<double> calibrated_log10_p(const GeneScan& scan, int replicates, std::uint64_t seed,
                                       const GeneScan* second) {
  const int batches = batches_of(replicates);
  std::vector<GeneScan::Draw> draws(static_cast<std::size_t>(batches)), second_draws(second ? draws.size() : 0);
  kernels::parallel_for(batches, kWorkOfBatch, [&](dim_t b) {
    draws[std::size_t(b)] = scan.draw(seed, b);
    if (second) second_draws[std::size_t(b)] = second->draw(seed, b);
  });
  /// The gene's statistics in all replicates are appended to `out`.
  const auto add_null_statistics = [&](dim_t gene, std::vector<float>& out) {
    for (dim_t batch = 0; batch < batches; ++batch) {
      auto z = scan.null_statistics(gene, draws[std::size_t(batch)]);
      if (second) {
        const auto other = second->null_statistics(gene, second_draws[std::size_t(batch)]);
        for (std::size_t lane = 0; lane < z.size(); ++lane) z[lane] = std::hypot(z[lane], other[lane]);
      }
      const auto used = std::min<dim_t>(GeneScan::kLanes, replicates - batch * GeneScan::kLanes);
      for (dim_t lane = 0; lane < used; ++lane) out.push_back(std::abs(z[std::size_t(lane)]));
    }
  };
  const auto statistic = [&](dim_t gene) {
    const double z = scan.z()[std::size_t(gene)];
    return second ? std::hypot(z, second->z()[std::size_t(gene)]) : std::abs(z);
  };
  std::vector<double> log10_p(std::size_t(scan.num_genes()), 0.0);
  const std::vector<std::vector<dim_t>> pools = pools_of(scan);
  kernels::parallel_for(dim_t(pools.size()), kWorkOfBatch, [&](dim_t p) {
    const std::vector<dim_t>& pool = pools[std::size_t(p)];
    std::vector<float> statistics;
    statistics.reserve(pool.size() * std::size_t(batches) * GeneScan::kLanes);
    for (const dim_t gene : pool) add_null_statistics(gene, statistics);
    const PooledLaw law(std::move(statistics), !scan.few_carriers(pool.front()));
    for (const dim_t gene : pool) log10_p[std::size_t(gene)] = law.log10_p(statistic(gene));
  });
  return log10_p;
}

}  // namespace engram::genes
