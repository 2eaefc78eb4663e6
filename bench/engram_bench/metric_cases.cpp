#include <memory>
#include <random>

#include "bench/engram_bench/host_cases.h"
#include "kernels/ball_scan/ball_scan.h"
#include "kernels/symmetric_eigen/symmetric_eigen.h"

namespace engram::bench {
namespace {

template <class T>
std::vector<T> normal_values(dim_t count) {
  std::mt19937 rng(1);
  std::normal_distribution<T> normal;
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& v : values) v = normal(rng);
  return values;
}

/// A row of a tile without a hit, which nearly all are.
struct Tile {
  explicit Tile(dim_t count)
      : product(normal_values<float>(count)), norm(product.size(), 100.f), reach(norm.size()), hits(norm.size()) {}

  void scan() {
    kernels::kCpuBallScan.scan({}, {.product = product.data(),
                                    .norm = norm.data(),
                                    .reach = reach.data(),
                                    .count = dim_t(norm.size()),
                                    .bound = -1,
                                    .shift = -1,
                                    .hits = hits.data(),
                                    .num_hits = &num_hits});
  }

  const std::vector<float> product, norm, reach;
  std::vector<std::int32_t> hits;
  dim_t num_hits = 0;
};

std::function<void()> eigenvalues(dim_t n, bool with_vectors) {
  return [n, with_vectors, a = normal_values<double>(n * n), values = std::vector<double>(std::size_t(n)),
          vectors = std::vector<double>(std::size_t(n * n))]() mutable {
    kernels::kCpuSymmetricEigen.eigen({}, {a.data(), n, values.data(), with_vectors ? vectors.data() : nullptr});
  };
}

}  // namespace

void add_metric_cases(std::vector<BenchCase>& all) {
  all.push_back({"ball_scan/scan 4096", kernels::ball_scan_cost(4096, true),
                 [](DeviceArrays&) { return [tile = std::make_shared<Tile>(4096)] { tile->scan(); }; }});
  for (const bool with_vectors : {false, true})
    all.push_back({std::string("symmetric_eigen/eigen 512") + (with_vectors ? ", vectors" : ""),
                   kernels::symmetric_eigen_cost(512, with_vectors),
                   [with_vectors](DeviceArrays&) { return eigenvalues(512, with_vectors); }});
}

}  // namespace engram::bench
