#include <cstring>

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/elementwise/elementwise_formulas.h"

namespace engram::kernels {
namespace {

constexpr dim_t kChunk = 1 << 15;

// The loops below are simple enough for the compiler to vectorise in each clone. The library functions (exp, log, tanh,
// pow) stay scalar: the hot networks use them on small tensors only, and channel_scale has its own vector tanh.

ENGRAM_MULTIVERSION void unary_range(UnaryOp op, const float* x, float* y, dim_t count, float a, float b) {
  visit_unary(
      op, [&]<UnaryOp kOp>() __attribute__((always_inline)) {
        for (dim_t i = 0; i < count; ++i) y[i] = unary_formula<kOp>(x[i], a, b);
      });
}

ENGRAM_MULTIVERSION void binary_range(BinaryOp op, const float* x0, const float* x1, float* y, dim_t count, float a) {
  visit_binary(
      op, [&]<BinaryOp kOp>() __attribute__((always_inline)) {
        for (dim_t i = 0; i < count; ++i) y[i] = binary_formula<kOp>(x0[i], x1[i], a);
      });
}

/// One innermost row of a broadcast operation; stride 0 or 1 is the common case.
ENGRAM_MULTIVERSION void binary_row(BinaryOp op, const float* x0, dim_t s0, const float* x1, dim_t s1, float* y,
                                    dim_t count, float a) {
  visit_binary(
      op, [&]<BinaryOp kOp>() __attribute__((always_inline)) {
        if (s0 == 1 && s1 == 0) {
          const float right = *x1;
          for (dim_t i = 0; i < count; ++i) y[i] = binary_formula<kOp>(x0[i], right, a);
        } else if (s0 == 0 && s1 == 1) {
          const float left = *x0;
          for (dim_t i = 0; i < count; ++i) y[i] = binary_formula<kOp>(left, x1[i], a);
        } else {
          for (dim_t i = 0; i < count; ++i) y[i] = binary_formula<kOp>(x0[i * s0], x1[i * s1], a);
        }
      });
}

void unary(Stream, const UnaryArgs& args) {
  parallel_chunks(args.count, kChunk, [&](dim_t begin, dim_t end, dim_t) {
    unary_range(args.op, args.x + begin, args.y + begin, end - begin, args.a, args.b);
  });
}

void binary(Stream, const BinaryArgs& args) {
  parallel_chunks(args.count, kChunk, [&](dim_t begin, dim_t end, dim_t) {
    binary_range(args.op, args.x0 + begin, args.x1 + begin, args.y + begin, end - begin, args.a);
  });
}

void binary_broadcast(Stream, const BinaryBroadcastArgs& args) {
  if (args.rank == 0) {
    binary_range(args.op, args.x0, args.x1, args.y, 1, args.a);
    return;
  }
  const int last = args.rank - 1;
  const dim_t row = args.shape[last];
  dim_t rows = 1;
  for (int i = 0; i < last; ++i) rows *= args.shape[i];
  parallel_for(rows, row, [&](dim_t r) {
    dim_t rest = r, offset0 = 0, offset1 = 0;
    for (int i = last - 1; i >= 0; --i) {
      const dim_t index = rest % args.shape[i];
      rest /= args.shape[i];
      offset0 += index * args.stride0[i];
      offset1 += index * args.stride1[i];
    }
    binary_row(args.op, args.x0 + offset0, args.stride0[last], args.x1 + offset1, args.stride1[last], args.y + r * row,
               row, args.a);
  });
}

void fill(Stream, const FillArgs& args) {
  parallel_chunks(args.count, kChunk,
                  [&](dim_t begin, dim_t end, dim_t) { std::fill(args.y + begin, args.y + end, args.value); });
}

float bf16_to_f32(std::uint16_t bits) {
  const std::uint32_t wide = std::uint32_t(bits) << 16;
  float value;
  std::memcpy(&value, &wide, 4);
  return value;
}

std::uint16_t f32_to_bf16(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if (value != value) return std::uint16_t((bits >> 16) | 0x40);  // stays a NaN
  return std::uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

double load(const void* data, DType dtype, dim_t i) {
  switch (dtype) {
    case DType::kF32:
      return static_cast<const float*>(data)[i];
    case DType::kI32:
      return static_cast<const std::int32_t*>(data)[i];
    case DType::kU8:
      return static_cast<const std::uint8_t*>(data)[i];
    case DType::kBF16:
      return bf16_to_f32(static_cast<const std::uint16_t*>(data)[i]);
  }
  return 0;
}

template <class T>
T saturate(double value, double low, double high) {
  if (value != value) return 0;
  return T(std::min(std::max(std::trunc(value), low), high));
}

void store(void* data, DType dtype, dim_t i, double value) {
  switch (dtype) {
    case DType::kF32:
      static_cast<float*>(data)[i] = float(value);
      return;
    case DType::kI32:
      static_cast<std::int32_t*>(data)[i] = saturate<std::int32_t>(value, INT32_MIN, INT32_MAX);
      return;
    case DType::kU8:
      static_cast<std::uint8_t*>(data)[i] = saturate<std::uint8_t>(value, 0, 255);
      return;
    case DType::kBF16:
      static_cast<std::uint16_t*>(data)[i] = f32_to_bf16(float(value));
      return;
  }
}

/// The same between the two types that indices are computed in.
ENGRAM_MULTIVERSION void truncate(const float* x, std::int32_t* y, dim_t begin, dim_t end) {
  constexpr float kBound = 2147483648.f;
  for (dim_t i = begin; i < end; ++i) {
    const float v = x[i];
    y[i] = v >= kBound ? INT32_MAX : v <= -kBound ? INT32_MIN : v != v ? 0 : std::int32_t(v);
  }
}

ENGRAM_MULTIVERSION void as_floats(const std::int32_t* x, float* y, dim_t begin, dim_t end) {
  for (dim_t i = begin; i < end; ++i) y[i] = float(x[i]);
}

void convert(Stream, const ConvertArgs& args) {
  parallel_chunks(args.count, kChunk, [&](dim_t begin, dim_t end, dim_t) {
    if (args.x_dtype == DType::kF32 && args.y_dtype == DType::kI32)
      return truncate(static_cast<const float*>(args.x), static_cast<std::int32_t*>(args.y), begin, end);
    if (args.x_dtype == DType::kI32 && args.y_dtype == DType::kF32)
      return as_floats(static_cast<const std::int32_t*>(args.x), static_cast<float*>(args.y), begin, end);
    for (dim_t i = begin; i < end; ++i) store(args.y, args.y_dtype, i, load(args.x, args.x_dtype, i));
  });
}

}  // namespace

Cost unary_cost(dim_t count) {
  return {count * 4, count * 4, count};
}
Cost binary_cost(dim_t count) {
  return {count * 8, count * 4, count};
}

const ElementwiseKernels kCpuElementwise = {unary, binary, binary_broadcast, fill, convert};

}  // namespace engram::kernels
