#pragma once
/// Elementwise maps: unary, binary on equal extents, binary with broadcasting, fill, conversion between element types.

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// y = f(x). `a` and `b` are the parameters that the comment names.
enum class UnaryOp {
  kCopy,
  kNeg,
  kExp,
  kLog,
  kSqrt,
  kTanh,
  kSigmoid,
  kRelu,
  kLeakyRelu,  ///< x > 0 ? x : a x
  kAbs,
  kSign,       ///< -1, 0, 1
  kClamp,      ///< min(max(x, a), b)
  kInClamp,    ///< 1 where a <= x <= b, else 0: the derivative of kClamp
  kPowScalar,  ///< x^a
  kAddScalar,  ///< x + a
  kMulScalar,  ///< a x
  kReciprocal,
  kStep,  ///< 1 where x > 0, else a
};

/// y = f(x0, x1).
enum class BinaryOp {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kPow,
  kMaximum,
  kMinimum,
  kGreater,  ///< 1 where x0 > x1, else 0
  kEqual,    ///< 1 where x0 == x1, else 0
  kStepMul,  ///< x0 > 0 ? x1 : a x1: the gradient x1 of a (leaky) ReLU with input or output x0
};

/// y[i] = f(x[i]), i in [0, count). y may be x.
struct UnaryArgs {
  UnaryOp op;
  const float* x;
  float* y;
  dim_t count;
  float a = 0, b = 0;
};

/// y[i] = f(x0[i], x1[i]), i in [0, count). y may be x0 or x1.
struct BinaryArgs {
  BinaryOp op;
  const float* x0;
  const float* x1;
  float* y;
  dim_t count;
  float a = 0;
};

/// As BinaryArgs over `shape`, y dense row-major; strides in elements, 0 along broadcast axes.
struct BinaryBroadcastArgs {
  BinaryOp op;
  const float* x0;
  const float* x1;
  float* y;
  int rank;
  dim_t shape[kMaxRank];
  dim_t stride0[kMaxRank];
  dim_t stride1[kMaxRank];
  float a = 0;
};

/// y[i] = value.
struct FillArgs {
  float* y;
  dim_t count;
  float value;
};

/// y[i] = x[i] in another element type. f32 to integers truncates toward zero and saturates; f32 to bf16 rounds to
/// nearest even.
struct ConvertArgs {
  const void* x;
  DType x_dtype;
  void* y;
  DType y_dtype;
  dim_t count;
};

/// Entry points of one back end. Results do not depend on the number of threads.
struct ElementwiseKernels {
  void (*unary)(Stream, const UnaryArgs&);
  void (*binary)(Stream, const BinaryArgs&);
  void (*binary_broadcast)(Stream, const BinaryBroadcastArgs&);
  void (*fill)(Stream, const FillArgs&);
  void (*convert)(Stream, const ConvertArgs&);
};

/// One operand read, one result written; one operation an element.
Cost unary_cost(dim_t count);
/// Two operands read, one result written; one operation an element.
Cost binary_cost(dim_t count);

/// The CPU back end.
extern const ElementwiseKernels kCpuElementwise;
/// The CUDA back end; defined where its kernels are linked.
extern const ElementwiseKernels kCudaElementwise;

/// Plain loops in double: the oracle of the tests.
namespace reference {
void unary(UnaryOp op, const double* x, double* y, dim_t count, double a, double b);
void binary(BinaryOp op, const double* x0, const double* x1, double* y, dim_t count, double a);
}  // namespace reference

}  // namespace engram::kernels
