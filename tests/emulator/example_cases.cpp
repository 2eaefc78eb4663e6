#include "tests/emulator/example_cases.h"

#include <cmath>
#include <vector>

#include "emulator/examples/examples.h"
#include "tests/emulator/device_array.h"

namespace emu::testing {
namespace {

bool add_is_right() {
  constexpr int kCount4 = 301;
  const auto a = test_values(4 * kCount4), b = test_values(4 * kCount4, 7);
  DeviceArray<float> da(a), db(b), dc(a.size());
  examples::add(da.get(), db.get(), dc.get(), kCount4, nullptr);
  const auto c = dc.values();
  bool right = true;
  for (std::size_t i = 0; i < c.size(); ++i) right &= c[i] == a[i] + b[i];
  return right;
}

bool channel_statistics_are_right(int threads) {
  constexpr int kN = 3, kChannels = 5, kPixels = 49;
  const auto x = test_values(kN * kChannels * kPixels);
  DeviceArray<float> dx(x), dmean(kChannels), dvariance(kChannels);
  examples::channel_statistics(dx.get(), dmean.get(), dvariance.get(), kN, kChannels, kPixels, threads, nullptr);
  const auto mean = dmean.values(), variance = dvariance.values();
  bool right = true;
  for (int c = 0; c < kChannels; ++c) {
    double sum = 0, squares = 0;
    const auto value = [&](int i) {
      return double(x[std::size_t((i / kPixels * kChannels + c) * kPixels + i % kPixels)]);
    };
    for (int i = 0; i < kN * kPixels; ++i) sum += value(i);
    const double m = sum / (kN * kPixels);
    for (int i = 0; i < kN * kPixels; ++i) squares += (value(i) - m) * (value(i) - m);
    right &= std::abs(mean[std::size_t(c)] - m) < 1e-6 &&
             std::abs(variance[std::size_t(c)] - squares / (kN * kPixels)) < 1e-6;
  }
  return right;
}

bool transpose_is_right(bool padded) {
  constexpr int kRows = 45, kColumns = 70;
  const auto x = test_values(kRows * kColumns);
  DeviceArray<float> dx(x), dy(x.size());
  (padded ? examples::transpose : examples::transpose_conflicting)(dx.get(), dy.get(), kRows, kColumns, nullptr);
  const auto y = dy.values();
  bool right = true;
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kColumns; ++c) right &= y[std::size_t(c * kRows + r)] == x[std::size_t(r * kColumns + c)];
  }
  return right;
}

bool softmax_is_right(int lanes) {
  constexpr int kRows = 21, kColumns = 50;
  const auto x = test_values(kRows * kColumns);
  DeviceArray<float> dx(x), dy(x.size());
  examples::softmax(dx.get(), dy.get(), kRows, kColumns, lanes, nullptr);
  const auto y = dy.values();
  bool right = true;
  for (std::size_t r = 0; r < kRows; ++r) {
    double sum = 0;
    for (std::size_t j = 0; j < kColumns; ++j) sum += std::exp(double(x[r * kColumns + j]));
    for (std::size_t j = 0; j < kColumns; ++j) {
      right &= std::abs(y[r * kColumns + j] - std::exp(double(x[r * kColumns + j])) / sum) < 1e-6;
    }
  }
  return right;
}

bool histogram_is_right() {
  std::vector<unsigned char> x(3007);
  std::vector<unsigned> expected(256);
  for (std::size_t i = 0; i < x.size(); ++i) ++expected[x[i] = static_cast<unsigned char>(i * i >> 3)];
  DeviceArray<unsigned char> dx(x);
  DeviceArray<unsigned> dout(std::vector<unsigned>(256));
  examples::histogram(dx.get(), dout.get(), int(x.size()), nullptr);
  return dout.values() == expected;
}

}  // namespace

std::string run_examples() {
  std::string wrong;
  const auto check = [&](bool right, const char* name) { wrong += right ? "" : std::string(name) + " "; };
  check(add_is_right(), "add");
  for (const int threads : {32, 96, 256, 1024}) check(channel_statistics_are_right(threads), "channel_statistics");
  check(transpose_is_right(true), "transpose");
  check(transpose_is_right(false), "transpose_conflicting");
  check(softmax_is_right(32), "softmax32");
  check(softmax_is_right(8), "softmax8");
  check(histogram_is_right(), "histogram");
  return wrong;
}

}  // namespace emu::testing
