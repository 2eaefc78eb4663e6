/// Total variation and norm of a batch of special values. Values and gradients: kernel_cases/image_prior.cpp.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/image_prior/image_prior.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::poisoned;
using testing::random_values;

struct PlaneExtents {
  dim_t planes, h, w;
};

struct Forward {
  std::vector<float> norms, tv, l2;
};

Forward run_forward(const std::vector<float>& x, const PlaneExtents& e) {
  Forward out = {poisoned(kNumImageNorms), poisoned(1), poisoned(1)};
  std::vector<double> workspace(backend_under_test().image_prior.workspace_bytes(e.planes, e.h, e.w) / sizeof(double),
                                std::nan(""));
  backend_under_test().image_prior.forward(
      {}, {x.data(), e.planes, e.h, e.w, workspace.data(), out.norms.data(), out.tv.data(), out.l2.data()});
  return out;
}

TEST(ImagePrior, NullGradientsCountAsZero) {
  const PlaneExtents e = {2, 5, 17};
  const auto x = random_values(e.planes * e.h * e.w, 1);
  const Forward out = run_forward(x, e);
  const float one = 1;
  auto grad = poisoned(e.planes * e.h * e.w);
  backend_under_test().image_prior.backward(
      {}, {x.data(), out.norms.data(), nullptr, &one, e.planes, e.h, e.w, grad.data()});
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(grad[i], x[i] / out.norms[4], 1e-6);
}

TEST(ImagePrior, ZeroNormsGiveZeroGradient) {
  const PlaneExtents e = {1, 4, 20};
  for (const float value : {0.f, 3.f}) {  // a constant image: all differences are 0
    const std::vector<float> x(e.h * e.w, value);
    const Forward out = run_forward(x, e);
    EXPECT_EQ(out.tv[0], 0);
    const float one = 1;
    auto grad = poisoned(e.h * e.w);
    backend_under_test().image_prior.backward({},
                                              {x.data(), out.norms.data(), &one, nullptr, 1, e.h, e.w, grad.data()});
    EXPECT_EQ(grad, std::vector<float>(e.h * e.w, 0.f));
    backend_under_test().image_prior.backward({}, {x.data(), out.norms.data(), &one, &one, 1, e.h, e.w, grad.data()});
    EXPECT_NEAR(grad[0], value == 0 ? 0 : 1 / std::sqrt(80.0), 1e-7);
  }
}

}  // namespace
}  // namespace engram::kernels
