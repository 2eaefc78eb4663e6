#include "kernels/elementwise/elementwise.h"
#include "kernels/elementwise/elementwise_formulas.h"

namespace engram::kernels::reference {

void unary(UnaryOp op, const double* x, double* y, dim_t count, double a, double b) {
  visit_unary(op, [&]<UnaryOp kOp>() {
    for (dim_t i = 0; i < count; ++i) y[i] = unary_formula<kOp>(x[i], a, b);
  });
}

void binary(BinaryOp op, const double* x0, const double* x1, double* y, dim_t count, double a) {
  visit_binary(op, [&]<BinaryOp kOp>() {
    for (dim_t i = 0; i < count; ++i) y[i] = binary_formula<kOp>(x0[i], x1[i], a);
  });
}

}  // namespace engram::kernels::reference
