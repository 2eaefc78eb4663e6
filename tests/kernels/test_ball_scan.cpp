/// Hits of ball scans against the point-by-point reference.

#include <gtest/gtest.h>

#include "kernels/ball_scan/ball_scan.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

std::vector<std::int32_t> hits_of(void (*scan)(Stream, const BallScanArgs&), BallScanArgs args) {
  std::vector<std::int32_t> hits(std::size_t(args.count) + 1, -1);
  dim_t count = -1;
  args.hits = hits.data();
  args.num_hits = &count;
  scan({}, args);
  EXPECT_EQ(hits.back(), -1) << "wrote beyond the points";
  hits.resize(std::size_t(count));
  return hits;
}

TEST(BallScan, MatchesReferenceAtOddCounts) {
  for (const dim_t count : {0, 1, 63, 64, 65, 300}) {
    const auto product = testing::random_values(count, 1), norm = testing::random_values(count, 2, 0, 2),
               reach = testing::random_values(count, 3);
    for (const float bound : {-3.f, -0.8f, 0.f, 5.f})
      for (const float* reaches : {static_cast<const float*>(nullptr), reach.data()}) {
        const BallScanArgs args{.product = product.data(),
                                .norm = norm.data(),
                                .reach = reaches,
                                .count = count,
                                .bound = bound,
                                .shift = -1.5f,
                                .hits = nullptr,
                                .num_hits = nullptr};
        const auto oracle = [](Stream, const BallScanArgs& a) { reference::ball_scan(a); };
        EXPECT_EQ(hits_of(kCpuBallScan.scan, args), hits_of(oracle, args)) << count << " " << bound;
      }
  }
}

TEST(BallScan, EqualityAndNotANumberAreNoHits) {
  const std::vector<float> product = {0, 0.5f, std::numeric_limits<float>::quiet_NaN()}, norm = {1, 1, 1};
  const BallScanArgs args{
      .product = product.data(), .norm = norm.data(), .count = 3, .bound = 1, .hits = nullptr, .num_hits = nullptr};
  EXPECT_EQ(hits_of(kCpuBallScan.scan, args), (std::vector<std::int32_t>{1}));
}

}  // namespace
}  // namespace engram::kernels
