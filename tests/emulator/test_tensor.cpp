/// Fragments, ldmatrix and asynchronous copies as the PTX ISA has them.

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "emulator/dialect/half.h"
#include "emulator/emulator.h"
#include "tests/emulator/device_array.h"
#include "tests/emulator/orders.h"
#include "tests/emulator/tensor_kernels.h"

namespace emu::testing {
namespace {

constexpr Copies kCopies[] = {Copies::kLate, Copies::kEarly, Copies::kRandom};

// Small whole numbers, exact in every format.
float whole(int i, int j) {
  return float((7 * i + 5 * j + i * j) % 17 - 8);
}

std::uint32_t encode(Mma kind, float low, float high) {
  if (kind == Mma::kBf16) return bfloat16_bits(low) | std::uint32_t{bfloat16_bits(high)} << 16;
  if (kind == Mma::kF16) return half_bits(low) | std::uint32_t{half_bits(high)} << 16;
  return std::bit_cast<std::uint32_t>(low);
}

struct Registers {
  std::vector<std::uint32_t> a, b;
  std::vector<float> c;
};

// Row and column of each register, written from the figures of the PTX ISA: quarters of A by register, halves of B.
Registers fill(Mma kind, float (*left)(int, int), float (*right)(int, int), float (*start)(int, int)) {
  Registers registers{std::vector<std::uint32_t>(128), std::vector<std::uint32_t>(64), std::vector<float>(128)};
  const bool pairs = kind == Mma::kBf16 || kind == Mma::kF16;
  const int wide = pairs ? 2 : 1;
  for (int lane = 0; lane < 32; ++lane) {
    const int group = lane / 4, in_group = lane % 4;
    for (int r = 0; r < 4; ++r) {
      const int row = group + (r % 2 == 1 ? 8 : 0), column = wide * (in_group + (r >= 2 ? 4 : 0));
      registers.a[std::size_t(32 * r + lane)] = encode(kind, left(row, column), left(row, column + 1));
      const int c_row = group + (r >= 2 ? 8 : 0), c_column = 2 * in_group + r % 2;
      registers.c[std::size_t(32 * r + lane)] = start(c_row, c_column);
    }
    for (int r = 0; r < 2; ++r) {
      const int row = wide * (in_group + 4 * r);
      registers.b[std::size_t(32 * r + lane)] = encode(kind, right(row, group), right(row + 1, group));
    }
  }
  return registers;
}

std::vector<float> multiplied(Mma kind, const Registers& registers) {
  DeviceArray<std::uint32_t> a(registers.a), b(registers.b);
  DeviceArray<float> c(registers.c), d(128);
  run_mma(kind, a.get(), b.get(), c.get(), d.get());
  return d.values();
}

int k_of(Mma kind) {
  return kind == Mma::kTf32K4 ? 4 : kind == Mma::kTf32 ? 8 : 16;
}

TEST(Tensor, ProductsThroughFragments) {
  for (const Order order : kOrders) {
    const ScopedOptions scope(order);
    for (const Mma kind : {Mma::kTf32, Mma::kTf32K4, Mma::kBf16, Mma::kF16}) {
      const auto d = multiplied(kind, fill(kind, whole, whole, whole));
      for (int lane = 0; lane < 32; ++lane) {
        for (int i = 0; i < 4; ++i) {
          const int row = lane / 4 + 8 * (i / 2), column = 2 * (lane % 4) + i % 2;
          float sum = whole(row, column);
          for (int k = 0; k < k_of(kind); ++k) sum += whole(row, k) * whole(k, column);
          EXPECT_EQ(d[std::size_t(32 * i + lane)], sum) << "kind " << int(kind) << " lane " << lane << " value " << i;
        }
      }
    }
    EXPECT_EQ(describe(take_reports()), "");
  }
}

TEST(Tensor, ArithmeticIsAnOption) {
  const auto small = [](int, int) { return std::ldexp(1.0f, -12); };
  const auto smaller = [](int, int) { return std::ldexp(1.0f, -13); };
  const auto one = [](int, int) { return 1.0f; };
  const ScopedOptions scope;
  const auto first = [&](Arithmetic arithmetic) {
    options().arithmetic = arithmetic;
    return multiplied(Mma::kBf16, fill(Mma::kBf16, small, smaller, one))[0];
  };
  EXPECT_EQ(first(Arithmetic::kHopper), 1.0f + std::ldexp(1.0f, -21));
  EXPECT_EQ(first(Arithmetic::kAmpere), 1.0f);
}

TEST(Tensor, OperandsThatWereNotRoundedAreReportedOnRequest) {
  const auto third = [](int, int) { return 1.0f / 3.0f; };
  const ScopedOptions scope;
  multiplied(Mma::kTf32, fill(Mma::kTf32, third, whole, whole));
  EXPECT_EQ(num_reports(), 0u);
  options().check_tf32 = true;
  multiplied(Mma::kTf32, fill(Mma::kTf32, third, whole, whole));
  const auto reports = take_reports();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].what, "Operand at mma was not rounded to TF32");
  EXPECT_EQ(reports[0].times, 32);
}

// Element h of register m of a lane: row lane / 4, column 2 (lane % 4) + h, or the other way round.
void check_ldmatrix(int matrices, bool transposed) {
  std::vector<std::uint16_t> in(512);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = std::uint16_t(40503 * i);
  std::vector<int> pieces(32);
  for (int lane = 0; lane < 32; ++lane) pieces[std::size_t(lane)] = (lane * 11 + 5) % 64;
  // Lanes beyond the matrices' rows give addresses that nobody may follow.
  for (int lane = 8 * matrices; lane < 32; ++lane) pieces[std::size_t(lane)] = -1000;
  DeviceArray<std::uint16_t> device_in(in);
  DeviceArray<int> device_pieces(pieces);
  DeviceArray<std::uint32_t> out(128);
  run_ldmatrix(matrices, transposed, device_in.get(), device_pieces.get(), out.get());
  const auto values = out.values();
  for (int lane = 0; lane < 32; ++lane) {
    for (int matrix = 0; matrix < matrices; ++matrix) {
      for (int h = 0; h < 2; ++h) {
        const int along = lane / 4, across = 2 * (lane % 4) + h;
        const int row = transposed ? across : along, column = transposed ? along : across;
        const auto expected = in[std::size_t(8 * pieces[std::size_t(8 * matrix + row)] + column)];
        const auto word = values[std::size_t(32 * matrix + lane)];
        EXPECT_EQ(std::uint16_t(word >> 16 * h), expected) << matrices << " " << transposed << " lane " << lane;
      }
    }
  }
}

TEST(Tensor, LdmatrixOfEachForm) {
  for (const Order order : kOrders) {
    const ScopedOptions scope(order);
    for (const int matrices : {1, 2, 4}) {
      check_ldmatrix(matrices, false);
      check_ldmatrix(matrices, true);
    }
    EXPECT_EQ(describe(take_reports()), "");
  }
}

TEST(Tensor, CopiesFillTheirTargets) {
  const auto in = test_values(32);
  for (const Copies copies : kCopies) {
    for (const int valid : {0, 4, 8, 16}) {
      const ScopedOptions scope;
      options().copies = copies;
      DeviceArray<float> device_in(in), out(64);
      run_copies(device_in.get(), out.get(), valid);
      const auto values = out.values();
      for (std::size_t i = 0; i < 32; ++i) {
        EXPECT_EQ(values[i], in[31 - i]);
        const bool copied = i / 4 % 2 == 0 || int(i % 4 * 4) < valid;
        EXPECT_EQ(values[32 + i], copied ? in[i] : 0.0f) << "valid " << valid << " word " << i;
      }
      EXPECT_EQ(describe(take_reports()), "");
    }
  }
}

TEST(Tensor, PipelinedProductIsExactInEveryOrder) {
  for (const int k : {8, 64, 136, 320}) {
    std::vector<std::uint16_t> a(std::size_t(32 * k)), b(std::size_t(16 * k));
    for (int i = 0; i < 32 * k; ++i) a[std::size_t(i)] = bfloat16_bits(whole(i / k, i % k));
    for (int i = 0; i < 16 * k; ++i) b[std::size_t(i)] = bfloat16_bits(whole(i % k, i / k));
    DeviceArray<std::uint16_t> device_a(a), device_b(b);
    for (const Order order : kOrders) {
      for (const Copies copies : kCopies) {
        const ScopedOptions scope(order);
        options().copies = copies;
        DeviceArray<float> c(32 * 16);
        run_product(device_a.get(), device_b.get(), c.get(), k);
        EXPECT_EQ(describe(take_reports()), "");
        const auto values = c.values();
        for (int row = 0; row < 32; ++row) {
          for (int column = 0; column < 16; ++column) {
            float sum = 0;
            for (int i = 0; i < k; ++i) sum += whole(row, i) * whole(i, column);
            ASSERT_EQ(values[std::size_t(row * 16 + column)], sum) << "k " << k << " row " << row;
          }
        }
      }
    }
  }
}

TEST(Tensor, RoundingToTf32) {
  const std::vector<std::uint32_t> bits = {0x3f801000, 0x3f800fff, 0xbf801000, 0x7f7fffff, 0x7f800000,
                                           0xff800000, 0x7fc00001, 0x00000fff, 0x80001000};
  const std::vector<std::uint32_t> rounded = {0x3f802000, 0x3f800000, 0xbf802000, 0x7f800000, 0x7f800000,
                                              0xff800000, 0x7fffffff, 0x00000000, 0x80002000};
  std::vector<float> x(32);
  for (std::size_t i = 0; i < bits.size(); ++i) x[i] = std::bit_cast<float>(bits[i]);
  const ScopedOptions scope;
  DeviceArray<float> device_x(x);
  DeviceArray<std::uint32_t> out(64);
  run_rounding(device_x.get(), out.get());
  const auto values = out.values();
  for (std::size_t i = 0; i < bits.size(); ++i) {
    EXPECT_EQ(values[i], rounded[i]) << std::hex << bits[i];
    EXPECT_EQ(values[32 + i], bits[i] + 0x1000u);
  }
}

}  // namespace
}  // namespace emu::testing
