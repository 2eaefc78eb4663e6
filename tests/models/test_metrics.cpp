/// Metrics of image sets: stored values of the reference programs, and what holds of any data.

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <regex>

#include "kernels/common/parallel.h"
#include "models/methods/metrics/bootstrap.h"
#include "models/methods/metrics/channel_statistics.h"
#include "models/methods/metrics/fid.h"
#include "models/methods/metrics/inception_score.h"
#include "models/methods/metrics/nearest.h"
#include "models/methods/metrics/prdc.h"
#include "models/nets/make_network.h"
#include "tests/support/bright_images.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden.h"
#include "tests/support/named_formula.h"

namespace engram {
namespace {

using nlohmann::json;
using testing::expect_relative;

constexpr double kTolerance = 1e-6;

/// The file, and the vectors that it describes by name.
class Golden {
 public:
  Golden() : file(testing::golden_json("metrics.json")), seed(file["seed"]) {}

  /// Normal vectors times a triangular matrix, and a mean; with `step` rounded to its multiples.
  FeatureMatrix features(const std::string& tag, dim_t rows, dim_t columns, double mean = 0, double step = 0) const {
    const std::vector<float> x = testing::formula_normal(tag, seed, rows * columns);
    const std::vector<float> mix = testing::formula_between(tag + ".mix", seed, columns * columns, -0.5, 0.5);
    FeatureMatrix result{rows, columns, {}};
    for (dim_t i = 0; i < rows; ++i)
      for (dim_t j = 0; j < columns; ++j) {
        double y = double(x[std::size_t(i * columns + j)]);
        for (dim_t k = 0; k <= j; ++k)
          y += double(x[std::size_t(i * columns + k)]) * double(mix[std::size_t(j * columns + k)]);
        y += mean;
        result.values.push_back(step > 0 ? std::nearbyint(y / step) * step : y);
      }
    return result;
  }

  /// Rows of softmax(between(tag, -range, range)).
  FeatureMatrix probabilities(const std::string& tag, dim_t rows, dim_t classes, double range) const {
    const std::vector<float> logits = testing::formula_between(tag, seed, rows * classes, -range, range);
    FeatureMatrix result{rows, classes, std::vector<double>(logits.begin(), logits.end())};
    for (dim_t i = 0; i < rows; ++i) {
      double total = 0;
      for (dim_t c = 0; c < classes; ++c) {
        double& value = result.values[std::size_t(i * classes + c)];
        total += value = std::exp(value);
      }
      for (dim_t c = 0; c < classes; ++c) result.values[std::size_t(i * classes + c)] /= total;
    }
    return result;
  }

  /// The sets of each "feats('fid.fake',N-20,D,0.25)" of a text, with so many rows and, where it says D, columns.
  std::vector<FeatureMatrix> described(const std::string& text, dim_t rows, dim_t columns) const {
    const std::regex call("feats\\('([^']+)',[^,]+,(D|\\d+)(?:,(-?[0-9.]+))?(?:,([0-9.]+))?\\)");
    std::vector<FeatureMatrix> sets;
    for (std::sregex_iterator m(text.begin(), text.end(), call), end; m != end; ++m) {
      const auto number = [&](std::size_t group) { return (*m)[group].matched ? std::stod((*m)[group]) : 0.; };
      sets.push_back(
          features((*m)[1], rows, (*m)[2] == "D" ? columns : dim_t(std::stoll((*m)[2])), number(3), number(4)));
    }
    return sets;
  }

  /// "softmax of between('is.sharp',(N+7,10),-40,40)", of N rows.
  FeatureMatrix described_probabilities(const std::string& text, dim_t rows) const {
    std::smatch m;
    if (!std::regex_search(text, m, std::regex("between\\('([^']+)',\\(N(\\+\\d+)?,(\\d+)\\),-([0-9.]+),([0-9.]+)\\)")))
      throw std::runtime_error("no probabilities in " + text);
    return probabilities(m[1], rows + (m[2].matched ? std::stoll(m[2]) : 0), std::stoll(m[3]), std::stod(m[5]));
  }

  json file;
  std::uint64_t seed;
};

FeatureMatrix columns_of(const FeatureMatrix& all, dim_t columns) {
  FeatureMatrix result{all.rows, columns, {}};
  for (dim_t i = 0; i < all.rows; ++i)
    for (dim_t j = 0; j < columns; ++j) result.values.push_back(j < all.columns ? all.row(i)[j] : 1.);
  return result;
}

FeatureMatrix rows_of(const FeatureMatrix& all, dim_t rows) {
  return {rows, all.columns, {all.values.begin(), all.values.begin() + rows * all.columns}};
}

/// Against numpy's eigenvalues tightly; against the matrix root as closely as that agrees with them.
void expect_distance(const FeatureMatrix& a, const FeatureMatrix& b, const json& expected, const std::string& name) {
  ASSERT_EQ(a.rows, expected["N"][0].get<dim_t>()) << name;
  ASSERT_EQ(b.rows, expected["N"][1].get<dim_t>()) << name;
  const Moments first = moments(a), second = moments(b);
  const FrechetDistance got = frechet_distance(first, second);
  const double value = expected["by_eigenvalues"], scale = expected["trace1"];
  expect_relative(got.value, value, kTolerance, name, 1e-6 * scale);
  expect_relative(got.mean_term, expected["mean_term"], kTolerance, name + " means", 1e-9);
  expect_relative(got.trace_a, expected["trace1"], kTolerance, name + " trace");
  expect_relative(got.trace_b, expected["trace2"], kTolerance, name + " trace");
  expect_relative(got.trace_root, expected["trace_sqrt_by_eigenvalues"], kTolerance, name + " root");
  if (expected.contains("value")) {
    const double apart = std::abs(expected["value"].get<double>() - value);
    EXPECT_LE(std::abs(got.value - expected["value"].get<double>()), 2 * apart + kTolerance * std::abs(value) + 1e-9)
        << name;
  }
  for (std::size_t i = 0; i < expected["mean1"].size(); ++i)
    expect_relative(first.mean[i], expected["mean1"][i], kTolerance, name + " mean", 1e-6);
  if (expected.contains("cov1_first"))
    for (std::size_t i = 0; i < expected["cov1_first"].size(); ++i)
      expect_relative(first.covariance[i], expected["cov1_first"][i], kTolerance, name + " covariance", 1e-6);
}

TEST(MetricsGolden, FrechetDistance) {
  const Golden golden;
  const json& all = golden.file["fid"];
  const json& full = all["full_rank"];
  const dim_t width = full["D"];
  const FeatureMatrix real = golden.described(full["a"], full["N"][0], width)[0],
                      fake = golden.described(full["b"], full["N"][1], width)[0];
  for (const auto& [name, entry] : all.items()) {
    if (name == "full_rank")
      expect_distance(real, fake, entry, name);
    else if (name == "same")
      expect_distance(real, real, entry, name);
    else if (name == "reversed")
      expect_distance(fake, real, entry, name);
    else if (name == "rank_deficient")
      expect_distance(golden.described(entry["a"], entry["N"][0], width)[0],
                      golden.described(entry["b"], entry["N"][1], width)[0], entry, name);
    else if (name == "one_deficient")
      expect_distance(real, golden.described(entry["b"], entry["N"][1], width)[0], entry, name);
    else if (name == "constant_channel" || name == "one_dimension")
      expect_distance(columns_of(real, entry["D"]), columns_of(fake, entry["D"]), entry, name);
    else
      ADD_FAILURE() << "no sets for " << name;
  }
}

void expect_score(const FeatureMatrix& probabilities, const json& expected, const std::string& name) {
  const InceptionScore got = inception_score(probabilities, expected["splits"]);
  expect_relative(got.mean, expected["mean"], kTolerance, name);
  expect_relative(got.deviation, expected["std"], kTolerance, name + " deviation", 1e-6);
  ASSERT_EQ(got.per_split.size(), expected["per_split"].size()) << name;
  for (std::size_t s = 0; s < got.per_split.size(); ++s)
    expect_relative(got.per_split[s], expected["per_split"][s], kTolerance, name + " split");
}

TEST(MetricsGolden, InceptionScore) {
  const Golden golden;
  const json& all = golden.file["inception_score"];
  const dim_t rows = golden.file["fid"]["full_rank"]["N"][0];
  dim_t classes = 0;
  for (const auto& [name, entry] : all.items()) {
    if (!entry.is_object() || !entry.contains("rows")) continue;
    const FeatureMatrix probabilities = golden.described_probabilities(entry["rows"], rows);
    classes = probabilities.columns;
    for (const json& score : entry["scores"]) expect_score(probabilities, score, name);
  }
  ASSERT_GT(classes, 0);
  for (const auto& [name, entry] : all.items()) {
    if (!entry.is_object() || entry.contains("rows")) continue;
    ASSERT_TRUE(name == "uniform" || name == "one_hot_balanced") << name;
    FeatureMatrix given{rows, classes, std::vector<double>(std::size_t(rows * classes), 0.)};
    for (dim_t i = 0; i < rows * classes; ++i)
      given.values[std::size_t(i)] = name == "uniform" ? 1. / double(classes) : i % classes == i / classes % classes;
    expect_score(given, entry, name);
  }
}

/// Counts are whole numbers, so equality is that of the shares up to the last bit of their division.
void expect_prdc(const FeatureMatrix& real, const FeatureMatrix& fake, const json& expected, const std::string& name) {
  ASSERT_EQ(real.rows, expected["N"][0].get<dim_t>()) << name;
  ASSERT_EQ(fake.rows, expected["N"][1].get<dim_t>()) << name;
  const Prdc got = precision_recall(real, fake, expected["k"]);
  const json& exact = expected["with_exact_distances"];
  EXPECT_NEAR(got.precision(), exact["precision"].get<double>(), 1e-14) << name;
  EXPECT_NEAR(got.recall(), exact["recall"].get<double>(), 1e-14) << name;
  EXPECT_NEAR(got.density(), exact["density"].get<double>(), 1e-14) << name;
  EXPECT_NEAR(got.coverage(), exact["coverage"].get<double>(), 1e-14) << name;
  for (std::size_t i = 0; i < expected["radii_real_first"].size(); ++i)
    expect_relative(got.real_radii[i], expected["radii_real_first"][i], kTolerance, name + " radius", 1e-6);
  for (std::size_t i = 0; i < expected["radii_fake_first"].size(); ++i)
    expect_relative(got.fake_radii[i], expected["radii_fake_first"][i], kTolerance, name + " radius", 1e-6);
}

TEST(MetricsGolden, PrecisionRecallDensityCoverage) {
  const Golden golden;
  const json& all = golden.file["prdc"];
  const std::string inputs = all["inputs"];
  const std::size_t ties = inputs.find("ties:"), duplicates = inputs.find("duplicates:");
  const dim_t width = golden.file["fid"]["full_rank"]["D"];
  const json& sizes = all["plain"][0]["N"];
  const FeatureMatrix real = golden.described(inputs.substr(0, ties), sizes[0], width)[0],
                      fake = golden.described(inputs.substr(0, ties), sizes[1], width)[1];
  for (const json& entry : all["plain"]) expect_prdc(real, fake, entry, "plain");
  for (const json& entry : all["ties_quantised"])
    expect_prdc(golden.described(inputs.substr(ties, duplicates - ties), entry["N"][0], width)[0],
                golden.described(inputs.substr(ties, duplicates - ties), entry["N"][1], width)[1], entry, "ties");
  // "real rows 10..10+k+1 set to row 10 (radius zero), fake rows 0..14 set to real rows 20..34"
  std::smatch m;
  const std::string copied = inputs.substr(duplicates);
  ASSERT_TRUE(
      std::regex_search(copied, m,
                        std::regex("real rows (\\d+)\\.\\..* set to row (\\d+).* fake rows (\\d+)\\.\\.(\\d+) set to "
                                   "real rows (\\d+)\\.\\.")))
      << copied;
  const auto number = [&](std::size_t group) { return dim_t(std::stoll(m[group])); };
  FeatureMatrix same_real = real, same_fake = fake;
  const dim_t copies = all["duplicates"]["k"].get<dim_t>() + 2, rows = number(4) - number(3) + 1;
  for (dim_t i = 0; i < copies; ++i)
    std::copy_n(real.row(number(2)), width, same_real.values.begin() + (number(1) + i) * width);
  std::copy_n(same_real.row(number(5)), rows * width, same_fake.values.begin() + number(3) * width);
  expect_prdc(same_real, same_fake, all["duplicates"], "duplicates");
  expect_prdc(real, real, all["identical_sets"], "identical");
  const json& tiny = all["tiny"];
  expect_prdc(rows_of(real, tiny["N"][0]), rows_of(fake, tiny["N"][1]), tiny, "tiny");
}

FeatureMatrix normal_features(dim_t rows, dim_t columns, unsigned seed, double step = 0) {
  std::mt19937 rng(seed);
  std::normal_distribution<double> normal;
  FeatureMatrix result{rows, columns, {}};
  for (dim_t i = 0; i < rows * columns; ++i) {
    const double x = normal(rng);
    result.values.push_back(step > 0 ? std::round(x / step) * step : x);
  }
  return result;
}

TEST(Moments, AreThoseOfRepeatedRowsAndOfAnyNumberOfThreads) {
  const FeatureMatrix f = normal_features(301, 13, 1);
  std::vector<double> counts = resample_counts(f.rows, 3, 0);
  FeatureMatrix repeated{0, f.columns, {}};
  for (dim_t i = 0; i < f.rows; ++i)
    for (int n = 0; n < int(counts[std::size_t(i)]); ++n, ++repeated.rows)
      repeated.values.insert(repeated.values.end(), f.row(i), f.row(i) + f.columns);
  const Moments weighted = moments(f, counts), plain = moments(repeated);
  for (std::size_t i = 0; i < plain.covariance.size(); ++i)
    EXPECT_NEAR(weighted.covariance[i], plain.covariance[i], 1e-12);
  const int threads = kernels::num_threads();
  kernels::set_num_threads(1);
  const Moments alone = moments(f, counts);
  kernels::set_num_threads(threads);
  EXPECT_EQ(alone.covariance, weighted.covariance);
  EXPECT_EQ(alone.mean, weighted.mean);
}

TEST(Fid, RidgeMovesASingularPairLittleAndAFullOneLess) {
  const Moments a = moments(normal_features(9, 20, 1)), b = moments(normal_features(11, 20, 2));
  const double plain = frechet_distance(a, b).value, with_ridge = frechet_distance(a, b, kFidRidge).value;
  EXPECT_GT(std::abs(plain - with_ridge), 1e-6);
  EXPECT_NEAR(plain, with_ridge, 0.01 * plain);
}

TEST(Fid, RefusesOtherLengthsAndSingleImages) {
  const Moments a = moments(normal_features(9, 4, 1)), b = moments(normal_features(9, 5, 2));
  EXPECT_THROW(frechet_distance(a, b), ShapeError);
  EXPECT_THROW(moments(normal_features(1, 4, 1)), DataError);
  FeatureMatrix broken = normal_features(4, 4, 1);
  broken.values[5] = std::nan("");
  EXPECT_THROW(moments(broken), DataError);
}

/// All distances, one by one.
Prdc plain_prdc(const FeatureMatrix& real, const FeatureMatrix& fake, dim_t k) {
  const auto distance = [](const FeatureMatrix& a, dim_t i, const FeatureMatrix& b, dim_t j) {
    double sum = 0;
    for (dim_t c = 0; c < a.columns; ++c) sum += std::pow(a.row(i)[c] - b.row(j)[c], 2);
    return sum;
  };
  const auto radii = [&](const FeatureMatrix& set) {
    std::vector<double> result;
    for (dim_t i = 0; i < set.rows; ++i) {
      std::vector<double> others;
      for (dim_t j = 0; j < set.rows; ++j)
        if (j != i) others.push_back(distance(set, i, set, j));
      std::sort(others.begin(), others.end());
      result.push_back(others[std::size_t(k - 1)]);
    }
    return result;
  };
  Prdc result;
  result.real_radii = radii(real);
  result.fake_radii = radii(fake);
  result.balls.resize(std::size_t(fake.rows));
  result.covered.resize(std::size_t(real.rows));
  result.recalled.resize(std::size_t(real.rows));
  for (dim_t i = 0; i < real.rows; ++i)
    for (dim_t j = 0; j < fake.rows; ++j) {
      const double d = distance(real, i, fake, j);
      if (d < result.real_radii[std::size_t(i)]) ++result.balls[std::size_t(j)], result.covered[std::size_t(i)] = 1;
      if (d < result.fake_radii[std::size_t(j)]) result.recalled[std::size_t(i)] = 1;
    }
  return result;
}

// Coarse values make most distances equal to others, far beyond what single precision could tell apart; tiles are 1024
// rows high.
TEST(Prdc, CountsAreExactWhereDistancesAreEqualOrNearlySo) {
  for (const double step : {0., 0.5, 1.}) {
    const FeatureMatrix real = normal_features(1030, 6, 1, step), fake = normal_features(150, 6, 2, step);
    const Prdc got = precision_recall(real, fake, 3), expected = plain_prdc(real, fake, 3);
    EXPECT_EQ(got.balls, expected.balls) << step;
    EXPECT_EQ(got.covered, expected.covered) << step;
    EXPECT_EQ(got.recalled, expected.recalled) << step;
    for (std::size_t i = 0; i < got.real_radii.size(); ++i)
      ASSERT_EQ(got.real_radii[i] * got.real_radii[i] - expected.real_radii[i] < 1e-12, true) << i;
  }
}

// Far from the origin single precision keeps nothing of the differences, unless a centre is taken off first.
TEST(Prdc, DoesNotDependOnWhereTheOriginIs) {
  FeatureMatrix real = normal_features(120, 5, 1, 0.25), fake = normal_features(90, 5, 2, 0.25);
  const Prdc near = precision_recall(real, fake, 4);
  for (FeatureMatrix* set : {&real, &fake})
    for (double& v : set->values) v += 1 << 20;
  const Prdc far = precision_recall(real, fake, 4);
  EXPECT_EQ(near.balls, far.balls);
  EXPECT_EQ(near.recalled, far.recalled);
}

TEST(Prdc, IsTheSameOnADevice) {
  const FeatureMatrix real = normal_features(40, 5, 1, 0.25), fake = normal_features(30, 5, 2, 0.25);
  const Prdc host = precision_recall(real, fake, 3), device = precision_recall(real, fake, 3, parse_device("emu"));
  EXPECT_EQ(host.balls, device.balls);
  EXPECT_EQ(host.covered, device.covered);
  EXPECT_EQ(host.recalled, device.recalled);
}

TEST(Prdc, NeedsTwoImagesMoreThanNeighbors) {
  const FeatureMatrix few = normal_features(6, 3, 1), many = normal_features(9, 3, 2);
  EXPECT_THROW(precision_recall(few, many, 5), UsageError);
  EXPECT_NO_THROW(precision_recall(few, many, 4));
  EXPECT_THROW(precision_recall(few, many, 0), UsageError);
}

TEST(Nearest, AreInOrderAndEqualOnesByIndex) {
  const FeatureMatrix base{4, 1, {0, 2, 2, 7}}, queries{1, 1, {2.5}};
  const auto found = nearest_neighbors(queries, base, 3);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0][0].index, 1);
  EXPECT_EQ(found[0][1].index, 2);
  EXPECT_EQ(found[0][2].index, 0);
  EXPECT_EQ(found[0][0].distance, 0.25);
  EXPECT_THROW(nearest_neighbors(queries, base, 5), UsageError);
}

TEST(Nearest, FeaturesWhoseDistancesOverflowAreRefused) {
  const FeatureMatrix huge{6, 1, {-1e30, 1e30, 2e30, 3e30, 4e30, 5e30}}, small = normal_features(6, 1, 1);
  EXPECT_ERROR(nearest_neighbors(small, huge, 1), DataError, "expected features whose squared distances");
  EXPECT_ERROR(nearest_neighbors(huge, small, 1), DataError, "expected features whose squared distances");
  EXPECT_ERROR(precision_recall(huge, small, 1), DataError, "expected features whose squared distances");
}

TEST(Bootstrap, IntervalOfAMeanHasTheLengthOfItsStandardError) {
  const FeatureMatrix f = normal_features(400, 1, 1);
  const Interval interval = bootstrap_mean(f.values, {.resamples = 400, .seed = 1});
  EXPECT_NEAR(interval.high - interval.low, 2 * 1.96 / 20, 0.03);
  EXPECT_EQ(interval, bootstrap_mean(f.values, {.resamples = 400, .seed = 1}));
  EXPECT_THROW(bootstrap_mean(f.values, {.resamples = 1}), UsageError);
}

TEST(Bootstrap, IntervalOfADistanceIsAboutItsValue) {
  const FeatureMatrix real = normal_features(200, 5, 1), fake = normal_features(60, 5, 2);
  const FrechetReference reference(moments(real));
  const double value = reference.distance_to(moments(fake)).value;
  const Interval interval = bootstrap_statistic(
      value, fake.rows, {.resamples = 40, .seed = 1},
      [&](const std::vector<double>& counts) { return reference.distance_to(moments(fake, counts)).value; });
  EXPECT_LT(interval.low, value);
  EXPECT_GT(interval.high, value);
}

TEST(ChannelStatistics, AreThoseOfTheBytes) {
  ImageDataset set;
  set.pixels = {0, 255, 51, 51, 102, 102, 0, 0};
  set.labels = {0, 1};
  set.count = 2, set.channels = 2, set.height = 1, set.width = 2, set.num_classes = 3;
  const ChannelStatistics all = channel_statistics(set);
  EXPECT_NEAR(all.mean[0], (0 + 1 + 0.4 + 0.4) / 4, 1e-12);
  EXPECT_NEAR(all.mean[1], 0.1, 1e-12);
  EXPECT_NEAR(all.deviation[1], 0.1, 1e-12);
  const auto by_class = class_channel_statistics(set);
  EXPECT_NEAR(by_class[0].mean[0], 0.5, 1e-12);
  EXPECT_EQ(by_class[2].images, 0);
  EXPECT_NEAR(class_color_distance({by_class[0]}, {by_class[1]}), (0.1 + 0.2) / 2, 1e-12);
  EXPECT_THROW(class_color_distance({by_class[2]}, {by_class[0]}), DataError);
}

TEST(ImageFeatures, AreOneRowAnImageInTheOrderOfTheSet) {
  const ImageDataset images = testing::bright_images(7);
  const auto network = make_network("wrn-10-1", 2, {.seed = 3, .image = images.shape()});
  network->eval();
  const ImageFeatures all = image_features(*network, images, {.batch_size = 3});
  EXPECT_EQ(all.features.rows, images.count);
  EXPECT_EQ(all.features.columns, 64);
  EXPECT_EQ(all.labels, images.labels);
  const ImageFeatures alone = image_features(*network, select(images, {4}));
  for (dim_t j = 0; j < 64; ++j) EXPECT_NEAR(all.features.row(4)[j], alone.features.row(0)[j], 1e-5);
  for (dim_t i = 0; i < images.count; ++i)
    EXPECT_NEAR(all.probabilities.row(i)[0] + all.probabilities.row(i)[1], 1, 1e-12);
}

}  // namespace
}  // namespace engram
