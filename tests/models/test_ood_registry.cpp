/// Methods for out-of-distribution generalisation by name: what they refuse, and what the registry says of them.

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "models/methods/ood/beta_draw.h"
#include "models/methods/ood/late_selection.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/order_statistic.h"
#include "models/nets/make_network.h"
#include "tests/support/expect_error.h"
#include "tests/support/given_environments.h"

namespace engram::testing {
namespace {

/// `environments` of `images` grey pixels each, of two classes.
GivenEnvironments pixels(int environments, int images, int contexts) {
  std::vector<GivenImages> step;
  for (int e = 0; e < environments; ++e) {
    GivenImages given;
    for (int n = 0; n < images; ++n) {
      given.images.push_back(float(n + e) / 8);
      given.labels.push_back(n % 2);
      given.contexts.push_back(n % 2);
    }
    step.push_back(given);
  }
  return GivenEnvironments({step}, {1, 1, 1}, 2, contexts);
}

std::unique_ptr<Network> network(const std::string& arch = R"({"name": "mlp", "hidden": [3]})", int classes = 2) {
  return make_network(arch, classes, {.image = {1, 1, 1}});
}

/// Makes the method on such pixels.
std::unique_ptr<OodTask> make(const std::string& method, int environments, int images, int contexts,
                              const OodOptions& options = {}) {
  GivenEnvironments source = pixels(environments, images, contexts);
  const auto net = network(ood_network(method, R"({"name": "mlp", "hidden": [3]})", 2, images));
  return ood_registry().make(method, {*net, source, options});
}

TEST(OodRegistry, OneEnvironmentIsRefusedWhereAMethodComparesThem) {
  for (const RegistryEntry& entry : ood_registry().entries())
    if (ood_registry().needs(entry.name).environments)
      EXPECT_ERROR(make(entry.name, 1, 4, 2), UsageError,
                   "[" + entry.name + "] expected images of at least 2 environments, got 1");
}

TEST(OodRegistry, ABatchOfOneIsRefusedWhereAMethodNeedsMore) {
  EXPECT_ERROR(make("irm", 2, 1, 0), UsageError,
               "[irm] expected at least 2 images of each environment in a step, got 1");
  EXPECT_ERROR(make("coral", 2, 1, 0), UsageError, "at least 2 images of each environment in a step, got 1");
  EXPECT_ERROR(make("decaug", 1, 1, 2), UsageError, "[decaug] expected at least 2 images a step, got 1");
}

TEST(OodRegistry, DecAugWithoutContextsIsRefused) {
  EXPECT_ERROR(make("decaug", 2, 4, 0), UsageError,
               "[decaug] expected images with context labels of at least 2 kinds, got 0");
  EXPECT_NO_THROW(make(R"({"name": "decaug", "context": "environment"})", 2, 4, 0));
}

TEST(OodRegistry, NetworksThatDoNotFitAreRefused) {
  GivenEnvironments source = pixels(2, 4, 2);
  const auto plain = network(), many = network(R"({"name": "mlp", "hidden": [3]})", 5);
  const OodOptions options;
  EXPECT_ERROR(ood_registry().make("decaug", {*plain, source, options}), UsageError,
               "[decaug] expected a two-branch network, got {\"name\": \"mlp\"");
  EXPECT_ERROR(ood_registry().make("arm", {*plain, source, options}), UsageError, "expected a context network");
  EXPECT_ERROR(ood_registry().make("miro", {*plain, source, options}), UsageError, "a network with feature maps");
  EXPECT_ERROR(ood_registry().make("erm", {*many, source, options}), UsageError,
               "expected a network of 2 classes, or of one output, for these images, got 5");
  const auto three =
      network(R"({"name": "two-branch", "body": "{\"name\": \"mlp\", \"hidden\": [3]}", "contexts": 3})");
  EXPECT_ERROR(ood_registry().make("decaug", {*three, source, options}), UsageError,
               "expected a network of 2 contexts, got 3");
  EXPECT_ERROR(network(R"({"name": "two-branch", "body": "mlpp"})"), UsageError, "did you mean");
  EXPECT_ERROR(network(R"({"name": "two-branch", "contexts": 1})"), UsageError, "2 to 65536 contexts, got 1");
}

TEST(OodRegistry, WrongNamesAndSettingsAreRefusedWithTheRightOnes) {
  EXPECT_ERROR(make("irn", 2, 4, 0), UsageError, "irm");
  EXPECT_ERROR(make(R"({"name": "irm", "lamda": 1})", 2, 4, 0), UsageError, "lambda");
  EXPECT_ERROR(make(R"({"name": "irm", "lambda": -1})", 2, 4, 0), UsageError, "lambda of at least 0, got -1");
  EXPECT_ERROR(make(R"({"name": "vrex", "spread": "wide"})", 2, 4, 0), UsageError, "wide");
  EXPECT_ERROR(make("mm-rex", 3, 4, 0), UsageError, "expected 2 environments for the absolute difference, got 3");
  EXPECT_ERROR(make(R"({"name": "mldg", "meta_test": 2})", 2, 4, 0), UsageError,
               "1 to 1 environments to test on, got 2");
  EXPECT_ERROR(make(R"({"name": "eqrm", "quantile": 1.5})", 2, 4, 0), UsageError, "quantile in (0,1)");
  EXPECT_ERROR(make(R"({"name": "decaug", "orth_grad": "all"})", 2, 4, 2), UsageError, "all");
  EXPECT_ERROR(make(R"({"name": "jigen", "grid": 2, "permutations": 24})", 2, 4, 0), UsageError,
               "at most 23 permutations of 4 tiles");
}

TEST(OodRegistry, OptionsThatMakeNoSenseAreRefused) {
  const auto with = [](const auto& change) {
    OodOptions options;
    change(options);
    return make("erm", 2, 4, 0, options);
  };
  EXPECT_ERROR(with([](OodOptions& o) { o.total_steps = 0; }), UsageError, "at least 1 step, got 0");
  EXPECT_ERROR(with([](OodOptions& o) { o.l2 = -1; }), UsageError, "l2 of at least 0");
  EXPECT_ERROR(with([](OodOptions& o) { o.average.kind = "mean"; }), UsageError,
               "expected none, uniform, ema, swad or best, got 'mean'");
}

TEST(OodRegistry, MethodsAreListedInTheDocumentation) {
  std::ifstream file(ENGRAM_SOURCE_DIR "/docs/methods/ood.md");
  std::stringstream text;
  text << file.rdbuf();
  for (const RegistryEntry& entry : ood_registry().entries())
    EXPECT_NE(text.str().find("`" + entry.name + "`"), std::string::npos) << "docs/methods/ood.md lacks " << entry.name;
}

TEST(OodNetworks, AreThoseThatTheMethodsTrain) {
  EXPECT_EQ(ood_network("erm", "resnet20", 2, 8), "resnet20");
  const std::string branches = ood_network("decaug", "resnet20", 3, 8);
  EXPECT_EQ(branches, R"({"name": "two-branch", "body": "resnet20", "contexts": 3})");
  EXPECT_EQ(ood_network("decaug-paper", branches, 3, 8), branches);
  EXPECT_EQ(ood_network("arm", "resnet20", 0, 4), R"({"name": "context", "body": "resnet20", "support": 4})");
}

TEST(LateSelection, TakesTheBestOfTheLastEpochsAndTheLaterOfEquals) {
  LateSelection selection(5, 3);
  EXPECT_FALSE(selection.takes(1, 0.9));
  EXPECT_TRUE(selection.takes(2, 0.5));
  EXPECT_TRUE(selection.takes(3, 0.5));
  EXPECT_FALSE(selection.takes(4, 0.4));
}

TEST(BetaDraws, HaveTheMomentsOfTheDistribution) {
  for (const auto& [a, b] : {std::pair(0.2, 0.2), std::pair(2.0, 5.0)}) {
    Generator generator(3);
    double sum = 0, squares = 0;
    const int count = 20000;
    for (int i = 0; i < count; ++i) {
      const double x = beta_draw(generator, a, b);
      ASSERT_TRUE(x >= 0 && x <= 1);
      sum += x, squares += x * x;
    }
    const double mean = sum / count, variance = squares / count - mean * mean;
    EXPECT_NEAR(mean, a / (a + b), 0.01);
    EXPECT_NEAR(variance, a * b / ((a + b) * (a + b) * (a + b + 1)), 0.01);
  }
}

TEST(OrderStatistics, AreThoseOfSortedRowsWithTies) {
  const Tensor x = Tensor::from(std::vector<float>{3, 1, 1, 2, 0, 5, 5, 5, 5, 5}, {2, 5});
  EXPECT_EQ(order_statistic(x, 0).to_vector(), (std::vector<float>{0, 5}));
  EXPECT_EQ(order_statistic(x, 1).to_vector(), (std::vector<float>{1, 5}));
  EXPECT_EQ(order_statistic(x, 2).to_vector(), (std::vector<float>{1, 5}));
  EXPECT_EQ(order_statistic(x, 4).to_vector(), (std::vector<float>{3, 5}));
  EXPECT_EQ(row_percentile(x, 62.5).to_vector(), (std::vector<float>{1.5, 5}));
  EXPECT_ERROR(order_statistic(x, 5), UsageError, "position in [0,5), got 5");
}

}  // namespace
}  // namespace engram::testing
