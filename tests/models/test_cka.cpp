/// Centred kernel alignment against stored values and brute force, eigenvalues, and counts of active neurons.

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/ops.h"
#include "models/methods/metrics/active_neurons.h"
#include "models/methods/metrics/cka.h"
#include "models/methods/metrics/layer_features.h"
#include "models/methods/metrics/symmetric_eigenvalues.h"
#include "models/nets/make_network.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden.h"
#include "tests/support/named_formula.h"

namespace engram {
namespace {

using nlohmann::json;
using testing::expect_relative;
using testing::formula_between;
using testing::formula_normal;

double single_value(const Tensor& x, const Tensor& y, CkaEstimator estimator) {
  CkaMatrix matrix(1, 1, estimator);
  matrix.add({gram_matrix(x)}, {gram_matrix(y)});
  return matrix.values()[0][0];
}

/// An input of an entry: a formula, or written out as rows.
Tensor input_of(const json& entry, std::size_t index, std::uint64_t seed) {
  const json& first = entry["inputs"][0];
  if (first.contains("X")) {
    std::vector<float> values;
    const json& rows = first[index == 0 ? "X" : "Y"];
    for (const json& row : rows)
      for (const float v : row) values.push_back(v);
    return Tensor::from(values, {dim_t(rows.size()), dim_t(rows[0].size())});
  }
  const json& input = entry["inputs"][index];
  const Shape shape = input["shape"].get<Shape>();
  return Tensor::from(formula_between(input["name"], seed, numel(shape), input["lo"], input["hi"]), shape);
}

TEST(Cka, BiasedFormMatchesTheReleasedCode) {
  const json stored = testing::golden_json("distillation_losses.json");
  int found = 0;
  for (const json& entry : stored["entries"]) {
    const std::string id = entry["id"];
    if (!id.starts_with("cka.") || id.starts_with("cka.rbf")) continue;
    ++found;
    expect_relative(
        single_value(input_of(entry, 0, stored["seed"]), input_of(entry, 1, stored["seed"]), CkaEstimator::kBiased),
        entry["loss"], 1e-5, id);
  }
  EXPECT_GE(found, 1);
}

Tensor gaussian(const std::string& name, dim_t n, dim_t features) {
  return Tensor::from(formula_normal(name, 3, n * features), {n, features});
}

TEST(Cka, NeitherScaleNorOffsetMatters) {
  const Tensor x = gaussian("x", 12, 6);
  for (const CkaEstimator estimator : {CkaEstimator::kBiased, CkaEstimator::kUnbiased, CkaEstimator::kMinibatch})
    EXPECT_NEAR(single_value(x, add(mul(x, 3), 5), estimator), 1, 1e-5);
}

/// Song et al. 2012, equation 5.
double unbiased_product(std::vector<double> k, std::vector<double> l, dim_t n) {
  double trace = 0, sum_k = 0, sum_l = 0, cross = 0;
  for (dim_t i = 0; i < n; ++i) k[i * n + i] = l[i * n + i] = 0;
  for (dim_t i = 0; i < n; ++i) {
    double row_k = 0, row_l = 0;
    for (dim_t j = 0; j < n; ++j) {
      trace += k[i * n + j] * l[i * n + j];
      row_k += k[i * n + j];
      row_l += l[i * n + j];
    }
    sum_k += row_k;
    sum_l += row_l;
    cross += row_k * row_l;
  }
  return (trace + sum_k * sum_l / double((n - 1) * (n - 2)) - 2 * cross / double(n - 2)) / double(n * (n - 3));
}

TEST(Cka, UnbiasedFormIsThatOfSong) {
  const dim_t n = 9;
  const Tensor x = gaussian("a", n, 5), y = add(gaussian("b", n, 4), slice(x, 1, 0, 4));
  const auto doubles = [](const Tensor& gram) {
    const std::vector<float> values = gram.to_vector();
    return std::vector<double>(values.begin(), values.end());
  };
  const auto k = doubles(gram_matrix(x)), l = doubles(gram_matrix(y));
  const double expected = unbiased_product(k, l, n) / std::sqrt(unbiased_product(k, k, n) * unbiased_product(l, l, n));
  EXPECT_NEAR(single_value(x, y, CkaEstimator::kUnbiased), expected, 1e-9);
  EXPECT_NEAR(single_value(x, y, CkaEstimator::kMinibatch), expected, 1e-9);  // one batch
}

TEST(Cka, IndependentFeaturesAlignOnlyInTheBiasedForm) {
  const Tensor x = gaussian("x", 24, 300), y = gaussian("y", 24, 300);
  EXPECT_GT(single_value(x, y, CkaEstimator::kBiased), 0.8);
  EXPECT_LT(std::abs(single_value(x, y, CkaEstimator::kUnbiased)), 0.1);
  CkaMatrix batches(1, 1, CkaEstimator::kMinibatch);
  for (dim_t b = 0; b < 3; ++b)
    batches.add({gram_matrix(slice(x, 0, 8 * b, 8 * b + 8))}, {gram_matrix(slice(y, 0, 8 * b, 8 * b + 8))});
  EXPECT_LT(std::abs(batches.values()[0][0]), 0.2);
}

TEST(Cka, RefusesWhatDoesNotFit) {
  EXPECT_ERROR(gram_matrix(Tensor::zeros({3, 0})), ShapeError, "features of examples");
  EXPECT_ERROR(debiased_gram(Tensor::zeros({3, 3})), ShapeError, "4 or more examples");
  CkaMatrix matrix(1, 1, CkaEstimator::kUnbiased);
  EXPECT_ERROR(matrix.values(), UsageError, "examples before values");
  matrix.add({Tensor::full({4, 4}, 1)}, {Tensor::full({4, 4}, 1)});
  EXPECT_TRUE(std::isnan(matrix.values()[0][0]));  // constant features
  EXPECT_ERROR(matrix.add({Tensor::zeros({4, 4})}, {Tensor::zeros({4, 4})}), UsageError, "a second batch");
}

TEST(SymmetricEigenvalues, AreThoseOfKnownMatrices) {
  EXPECT_EQ(symmetric_eigenvalues({}, 0), std::vector<double>{});
  EXPECT_EQ(symmetric_eigenvalues({3}, 1), std::vector<double>{3});
  // -1 beside a diagonal of 2: 2 - 2 cos(k pi / (n + 1)).
  for (const dim_t n : {2, 3, 8, 65}) {
    std::vector<double> matrix(std::size_t(n * n), 0.0);
    for (dim_t i = 0; i < n; ++i) {
      matrix[i * n + i] = 2;
      if (i > 0) matrix[i * n + i - 1] = -1;
    }
    const auto values = symmetric_eigenvalues(matrix, n);
    for (dim_t k = 1; k <= n; ++k)
      EXPECT_NEAR(values[n - k], 2 - 2 * std::cos(double(k) * M_PI / double(n + 1)), 1e-13 * double(n));
  }
}

TEST(SymmetricEigenvalues, OfARotatedDiagonalAreTheDiagonal) {
  // Q D Q with Q = 1 - 2 v v^T, v a unit vector; several values are equal, and one is 0.
  const dim_t n = 12;
  std::vector<double> diagonal, v, matrix;
  double length = 0;
  for (dim_t i = 0; i < n; ++i) {
    diagonal.push_back(double((n - i) / 3));
    v.push_back(double(i % 5) - 1.3);
    length += v.back() * v.back();
  }
  const auto q = [&](dim_t i, dim_t j) { return double(i == j) - 2 * v[i] * v[j] / length; };
  for (dim_t i = 0; i < n; ++i)
    for (dim_t j = 0; j < n; ++j) {
      double sum = 0;
      for (dim_t k = 0; k < n; ++k) sum += q(i, k) * diagonal[k] * q(k, j);
      matrix.push_back(sum);
    }
  const auto values = symmetric_eigenvalues(matrix, n);
  for (dim_t i = 0; i < n; ++i) EXPECT_NEAR(values[i], diagonal[i], 1e-13);
  EXPECT_ERROR(symmetric_eigenvalues({1, 2, 3}, 2), ShapeError, "2 x 2 values");
  EXPECT_ERROR(symmetric_eigenvalues({NAN}, 1), DataError, "finite values");
}

TEST(ActiveNeurons, CountWhatIsThere) {
  // Channel 0 varies with standard deviation 3, channel 1 with 1, channel 2 is a constant, channel 3 is never active.
  ChannelValues values = {{}, 4};
  for (int i = 0; i < 4; ++i)
    values.values.insert(values.values.end(), {i < 2 ? 10.f : 16.f, i % 2 ? 10.f : 12.f, 5.f, 0.f});
  EXPECT_EQ(active_channels(values), 3);
  EXPECT_EQ(active_channels(values, 0.5), 2);
  const ActiveDirections directions = active_directions(values);
  EXPECT_EQ(directions.rank, 2);
  EXPECT_EQ(active_directions(values, 0.9).rank, 1);  // 9 of 10
  EXPECT_NEAR(directions.participation, 100.0 / 82.0, 1e-9);
  EXPECT_NEAR(directions.entropy_rank, std::exp(-0.9 * std::log(0.9) - 0.1 * std::log(0.1)), 1e-9);
  EXPECT_EQ(active_directions(values.part(2, 4)).rank, 0);
  EXPECT_EQ(active_channels(values.part(2, 4)), 1);
}

TEST(ActiveNeurons, RefuseWhatDoesNotFit) {
  const ChannelValues one = {{1, 2, 3}, 3};
  EXPECT_ERROR(active_directions(one), ShapeError, "two or more examples");
  EXPECT_ERROR(active_channels({{}, 3}), ShapeError, "at least one example");
  EXPECT_ERROR(active_channels(one, 1), UsageError, "threshold in [0, 1)");
  EXPECT_ERROR(one.part(2, 4), UsageError, "range of the 3 channels");
}

TEST(LayerFeatures, HaveTheNamesOfTheLayers) {
  const auto network = make_network("resnet8", 10, {.seed = 1});
  const Tensor x = Tensor::from(formula_between("x", 1, 2 * 3 * 32 * 32, -1, 1), {2, 3, 32, 32});
  const LayerFeatures stages = layer_features(*network, x, LayerSelection::kStages);
  EXPECT_EQ(stages.names, (std::vector<std::string>{"stage1", "stage2", "stage3", "pooled", "logits"}));
  EXPECT_EQ(stages.values[2].shape(), (Shape{2, 64, 8, 8}));
  const LayerFeatures all = layer_features(*network, x, LayerSelection::kAll);
  EXPECT_EQ(all.names.front(), "bn1");
  EXPECT_EQ(all.names.size(), all.values.size());
  EXPECT_TRUE(network->is_training());
}

}  // namespace
}  // namespace engram
