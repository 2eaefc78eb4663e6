#pragma once
/// Random survival data with ties, strata, weights, offsets and entry times, for tests of the survival models and their
/// kernels.

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "models/survival/outcome.h"

namespace engram::testing {

/// What the data have beside times, events and covariates.
struct RandomSurvivalOptions {
  dim_t rows = 40, columns = 3;
  unsigned seed = 1;
  int distinct_times = 0;  ///< times are rounded to so many values; 0: no ties
  int strata = 1;
  bool weights = false, offset = false, entry = false;
  double censored = 0.3;
};

struct RandomSurvival {
  survival::SurvivalOutcome outcome;
  survival::CovariateMatrix covariates;
};

/// Log-linear times whose scale depends on the first columns; every second column is 0/1.
inline RandomSurvival random_survival(const RandomSurvivalOptions& options) {
  std::mt19937 rng(options.seed);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  RandomSurvival data{.outcome = {}, .covariates = survival::CovariateMatrix(options.rows)};
  std::vector<double> eta(options.rows, 0.);
  for (dim_t j = 0; j < options.columns; ++j) {
    std::vector<double> x(options.rows);
    for (dim_t i = 0; i < options.rows; ++i) {
      x[i] = j % 2 == 0 ? 3 + 2 * normal(rng) : double(uniform(rng) < 0.3);
      eta[i] += (j == 0 ? 0.2 : j == 1 ? -0.5 : 0.02) * x[i];
    }
    data.covariates.add("x" + std::to_string(j), x);
  }
  for (dim_t i = 0; i < options.rows; ++i) {
    double time = std::exp(1 + eta[i] + 0.4 * normal(rng));
    if (options.distinct_times > 0) time = 1 + std::floor(std::min(0.999, time / 12) * options.distinct_times);
    data.outcome.time.push_back(time);
    data.outcome.event.push_back(uniform(rng) >= options.censored);
    if (options.weights) data.outcome.weight.push_back(0.25 + 2 * uniform(rng));
    if (options.offset) data.outcome.offset.push_back(0.3 * normal(rng));
    if (options.strata > 1) data.outcome.stratum.push_back(std::int32_t(rng() % unsigned(options.strata)) * 10 - 5);
    if (options.entry) data.outcome.entry.push_back(time * (uniform(rng) < 0.4 ? 0 : 0.9 * uniform(rng)) - 0.01);
  }
  return data;
}

/// The data of all arrangements that kernels and models must get right.
inline std::vector<RandomSurvivalOptions> survival_arrangements() {
  std::vector<RandomSurvivalOptions> all = {
      {.rows = 37, .columns = 3},
      {.rows = 41, .columns = 8, .seed = 2, .distinct_times = 9},
      {.rows = 64, .columns = 5, .seed = 3, .distinct_times = 7, .weights = true, .offset = true},
      {.rows = 53, .columns = 2, .seed = 4, .distinct_times = 11, .strata = 4},
      {.rows = 47, .columns = 4, .seed = 5, .entry = true},
      {.rows = 59,
       .columns = 9,
       .seed = 6,
       .distinct_times = 8,
       .strata = 3,
       .weights = true,
       .offset = true,
       .entry = true},
      {.rows = 31, .columns = 1, .seed = 7, .distinct_times = 1},
      {.rows = 101, .columns = 17, .seed = 8, .distinct_times = 20, .censored = 0.8},
  };
  return all;
}

}  // namespace engram::testing
