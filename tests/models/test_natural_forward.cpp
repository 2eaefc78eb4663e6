// One iteration of NaturalInversion, forward and backward, through generator, pyramid and teacher, against the released
// modules in float64 (first iteration of their recorded trajectory; parameters by the formula of
// tests/golden/README.md).
#include <gtest/gtest.h>

#include <cmath>

#include "engine/autograd.h"
#include "models/nets/feature_pyramid.h"
#include "models/nets/generator.h"
#include "models/nets/make_network.h"
#include "tests/support/named_formula.h"

namespace engram {
namespace {

constexpr std::uint64_t kSeed = 20261123;
constexpr dim_t kBatch = 8, kClasses = 10, kNoise = 1024;

double joint_norm(const std::vector<Tensor>& tensors) {
  double squares = 0;
  for (const Tensor& tensor : tensors)
    for (float v : tensor.to_vector()) squares += double(v) * v;
  return std::sqrt(squares);
}

void expect_relative(double found, double expected, double tolerance, const char* what) {
  EXPECT_NEAR(found, expected, tolerance * std::abs(expected)) << what;
}

TEST(NaturalInversion, FirstIterationIsThatOfTheReleasedModules) {
  const auto teacher = make_network("resnet18", kClasses, {.seed = std::nullopt});
  testing::fill_by_formula(*teacher, "teacher.", kSeed);
  teacher->eval();
  teacher->set_requires_grad(false);
  ImageGenerator generator(kNoise + kClasses, {}, {});
  testing::fill_by_formula(generator, "generator.", kSeed);
  FeaturePyramid pyramid(teacher->image(), teacher->taps(), {});
  testing::fill_by_formula(pyramid, "pyramid.", kSeed);

  std::vector<std::int32_t> labels;
  for (dim_t i = 0; i < kBatch; ++i) labels.push_back(std::int32_t(i % kClasses));
  const Tensor targets = Tensor::from(labels, {kBatch});
  const Tensor noise = Tensor::from(testing::formula_normal("z", kSeed, kBatch * kNoise), {kBatch, kNoise});
  const Tensor z = concat({noise, one_hot(targets, kClasses)}, 1);
  Tensor alpha = Tensor::from(testing::formula_normal("alpha", kSeed, kBatch * 3, 5), {kBatch, 3, 1, 1});
  alpha.set_requires_grad();

  const Tensor x0 = generator.forward(z);
  const Tensor x1 = roll_flip(x0, 1, -2, true);
  const FeaturePyramid::Output out = pyramid.forward(x1, teacher->features_inference(x1));
  const Tensor x2 = channel_scale(out.preimage, alpha, make_jitter(0, 0, false));
  const Tensor x3 = channel_scale(out.preimage, alpha, make_jitter(1, 2, false));
  const BnMatching matching = teacher->forward_with_bn_matching(x3);
  Tensor bn_var = Tensor::scalar(0), bn_mean = Tensor::scalar(0);
  for (const NamedBnMismatch& layer : matching.layers) {
    bn_var = bn_var + layer.var_norm;
    bn_mean = bn_mean + layer.mean_norm;
  }
  const Tensor ce = softmax_cross_entropy(matching.logits, targets);
  const ImagePrior prior = image_prior(x3);
  const Tensor loss = ce + 10.f * (bn_var + bn_mean) + 0.006f * prior.tv + 1.5e-5f * prior.l2;

  const std::vector<float> x0_first = {0.1920651333f,  -0.0266740400f, -0.3373538726f,
                                       -0.0435428261f, -0.6370993578f, -0.5918429515f};
  const std::vector<float> x2_first = {-2.7288009671f, -3.9758321657f, -3.1165306485f,
                                       -4.2223683247f, -4.3934055696f, -4.3714109693f};
  const std::vector<float> logits_first = {0.3112947345f,  3.2349259047f,  -3.5963431482f, -0.2355549739f,
                                           -1.9910150420f, -0.6379956946f, -3.7877164448f, -2.5030323356f,
                                           -1.4076021855f, 0.1412389982f};
  for (std::size_t i = 0; i < x0_first.size(); ++i) EXPECT_NEAR(x0.to_vector()[i], x0_first[i], 1e-5);
  for (std::size_t i = 0; i < x2_first.size(); ++i) EXPECT_NEAR(x2.to_vector()[i], x2_first[i], 1e-4);
  for (std::size_t i = 0; i < logits_first.size(); ++i)
    EXPECT_NEAR(matching.logits.to_vector()[i], logits_first[i], 4e-4);
  expect_relative(joint_norm({x2}), 539.4323951160, 1e-5, "norm of x2");
  expect_relative(joint_norm({out.addition}), 189.7578765658, 1e-5, "norm of the addition");
  expect_relative(ce.item(), 4.7399369376, 1e-4, "cross entropy");
  expect_relative(bn_var.item(), 543.3522351547, 1e-4, "variance mismatch");
  expect_relative(bn_mean.item(), 602.6366238679, 1e-4, "mean mismatch");
  expect_relative(matching.layers.front().var_norm.item(), 63.1727607293, 1e-4, "variance mismatch of the stem");
  expect_relative(matching.layers.back().mean_norm.item(), 23.0934201963, 1e-4, "mean mismatch of the last layer");
  expect_relative(loss.item(), 11474.1091236433, 1e-4, "loss");

  backward(loss);
  const auto gradients = [](const Module& module) {
    std::vector<Tensor> result;
    for (const Tensor& parameter : module.parameters()) result.push_back(parameter.grad());
    return result;
  };
  expect_relative(joint_norm(gradients(generator)), 18859.7845448956, 1e-3, "gradient of the generator");
  expect_relative(joint_norm(gradients(pyramid)), 166955.0396085750, 1e-3, "gradient of the pyramid");
  expect_relative(joint_norm({alpha.grad()}), 894.8753471431, 1e-3, "gradient of the channel scales");
  for (const Tensor& parameter : teacher->parameters()) EXPECT_FALSE(parameter.grad().defined());
}

}  // namespace
}  // namespace engram
