#include "bench/kernels/family_bench.h"

#include "kernels/backend.h"
#include "kernels/elementwise/elementwise.h"

namespace engram::bench {

void copy_of(benchmark::State& state, dim_t bytes) {
  const dim_t count = bytes / 8;
  const std::vector<float> x = values(count);
  std::vector<float> y(x.size());
  run(state, kernels::unary_cost(count), [&] {
    kernels::cpu_backend().elementwise.unary({}, {kernels::UnaryOp::kCopy, x.data(), y.data(), count});
  });
}

}  // namespace engram::bench
