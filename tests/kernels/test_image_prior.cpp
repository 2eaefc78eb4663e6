/// Total variation and norm of a batch: values and stencil gradient against the double-precision reference.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/image_prior/image_prior.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::at_schedules;
using testing::poisoned;
using testing::random_values;

struct PlaneExtents {
  dim_t planes, h, w;
};
const PlaneExtents kPlaneExtents[] = {{1, 1, 1},   {2, 1, 7},   {2, 7, 1},    {3, 5, 3},     {2, 4, 15},  {1, 9, 16},
                                      {2, 18, 17}, {6, 32, 32}, {1, 65, 100}, {1, 131, 224}, {2, 6, 3001}};

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

TEST(ImagePrior, NormsAndGradientMatchReference) {
  for (const PlaneExtents& e : kPlaneExtents) {
    const dim_t count = e.planes * e.h * e.w;
    const auto x = random_values(count, 1, -2, 2);
    const std::vector<double> wide(x.begin(), x.end());
    const Forward out = run_forward(x, e);
    double expected[kNumImageNorms];
    reference::image_norms(wide.data(), e.planes, e.h, e.w, expected);
    for (int k = 0; k < kNumImageNorms; ++k)
      EXPECT_NEAR(out.norms[k], expected[k], 1e-6 * expected[k]) << k << " of " << e.h << "x" << e.w;
    const double tv = expected[0] + expected[1] + expected[2] + expected[3];
    EXPECT_NEAR(out.tv[0], tv, 1e-6 * tv);
    EXPECT_EQ(out.l2[0], out.norms[4]);

    const float grad_tv = 0.7f, grad_l2 = -1.3f;
    auto grad = poisoned(count);
    backend_under_test().image_prior.backward(
        {}, {x.data(), out.norms.data(), &grad_tv, &grad_l2, e.planes, e.h, e.w, grad.data()});
    std::vector<double> expected_grad(count);
    reference::image_prior_backward(wide.data(), grad_tv, grad_l2, e.planes, e.h, e.w, expected_grad.data());
    for (dim_t i = 0; i < count; ++i)
      ASSERT_NEAR(grad[i], expected_grad[i], 2e-6) << "pixel " << i << " of " << e.h << "x" << e.w;
  }
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

TEST(ImagePrior, BitsDoNotDependOnThreadCount) {
  const PlaneExtents e = {120, 32, 32};
  const auto x = random_values(e.planes * e.h * e.w, 1);
  const auto results = at_schedules([&] {
    const Forward out = run_forward(x, e);
    const float one = 1;
    auto grad = poisoned(dim_t(x.size()));
    backend_under_test().image_prior.backward(
        {}, {x.data(), out.norms.data(), &one, &one, e.planes, e.h, e.w, grad.data()});
    grad.insert(grad.end(), out.norms.begin(), out.norms.end());
    return grad;
  });
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

}  // namespace
}  // namespace engram::kernels
