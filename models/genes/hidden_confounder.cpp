#include "models/genes/hidden_confounder.h"

#include <algorithm>
#include <cmath>

#include "models/genes/final_model.h"
#include "models/genes/portable_math.h"
#include "models/genes/term_model.h"

namespace engram::genes {
namespace {

std::vector<double> standardized(std::vector<double> x) {
  double mean = 0, squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double from_mean = x[i] - mean;
    mean += from_mean / double(i + 1);
    squares += from_mean * (x[i] - mean);
  }
  const double deviation = std::sqrt(squares / double(x.size()));
  for (double& v : x) v = deviation > 0 ? (v - mean) / deviation : 0;
  return x;
}

/// Log times; positions in risk order, latest first, where some times have no log.
std::vector<double> follow_up(const Cohort& cohort) {
  const bool positive = std::ranges::all_of(cohort.time, [](double t) { return t > 0; });
  std::vector<double> y;
  for (std::size_t i = 0; i < cohort.time.size(); ++i) y.push_back(positive ? std::log(cohort.time[i]) : -double(i));
  return standardized(std::move(y));
}

}  // namespace

Cohort with_hidden_factor(const Cohort& cohort, double correlation, std::uint64_t seed) {
  const std::vector<double> treatment =
                                standardized(std::vector<double>(cohort.treatment.begin(), cohort.treatment.end())),
                            time = follow_up(cohort);
  const std::size_t n = time.size();
  double tie = 0;
  for (std::size_t i = 0; i < n; ++i) tie += treatment[i] * time[i] / double(n);
  // a (treatment + time) + b noise of variance 1 has correlation a (1 + tie) with both.
  const double a = std::min(correlation / std::max(1 + tie, 1e-6), std::sqrt(0.5 / std::max(1 + tie, 1e-6)));
  const double b = std::sqrt(std::max(0.0, 1 - 2 * a * a * (1 + tie)));
  const PurposeStream stream(seed, "hidden factor");
  Cohort with = cohort;
  with.clinical_names.emplace_back("hidden factor");
  for (std::size_t i = 0; i < n; ++i) {
    PurposeStream::Item item = stream.item(std::uint64_t(cohort.row[i]));
    with.clinical.push_back(a * (treatment[i] + time[i]) + b * item.normal());
  }
  return with;
}

std::vector<double> weakest_effects(const Cohort& cohort, const std::vector<dim_t>& genes,
                                    const std::vector<dim_t>& adjust, Likelihood likelihood, std::uint64_t seed) {
  std::vector<double> weakest;
  for (int tenths = 1; tenths <= 5; ++tenths) {
    const JointModel joint =
        fit_joint_model(with_hidden_factor(cohort, tenths / 10.0, seed), genes, adjust, likelihood);
    if (weakest.empty())
      for (const JointEffect& e : joint.effects) weakest.push_back(e.effect);
    for (std::size_t j = 0; j < genes.size(); ++j)
      if (benefit_sign(likelihood) * (joint.effects[j].effect - weakest[j]) < 0) weakest[j] = joint.effects[j].effect;
  }
  return weakest;
}

}  // namespace engram::genes
