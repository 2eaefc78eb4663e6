#pragma once
/// Samples of the survival screens' tests, and calls of the kernels under test on them.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/survival_screen/risk_sets.h"
#include "kernels/survival_screen/survival_screen.h"
#include "tests/support/backend_under_test.h"

namespace engram::testing {

using kernels::CellFit;
using kernels::CoxTies;
using kernels::FullFit;
using kernels::GeneView;
using kernels::RiskSets;
using kernels::SurvivalScreenKernels;

/// Those of the back end under test.
inline const SurvivalScreenKernels& survival_kernels() {
  return kernels::backend_under_test().survival_screen;
}

/// A random cohort in risk order with packed genes; gene 0 is frequent, gene 1 has no carriers, gene 2 one.
struct GeneSample {
  GeneSample(dim_t patients, dim_t genes, dim_t covariates, bool ties, bool weighted, unsigned seed)
      : n(patients), p(genes), q(covariates), words((patients + 63) / 64) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> uniform(0, 1);
    for (dim_t i = 0; i < n; ++i) time.push_back(ties ? std::floor(8 * uniform(random)) : uniform(random));
    std::sort(time.rbegin(), time.rend());
    for (dim_t i = 0; i < n; ++i) {
      event.push_back(uniform(random) < 0.7);
      treatment.push_back(uniform(random) < 0.5);
      weight.push_back(weighted ? 0.5 + uniform(random) : 1);
      offset.push_back(uniform(random) - 0.5);
    }
    for (dim_t i = 0; i < n;) {  // deaths first among equal times
      dim_t end = i;
      while (end < n && time[end] == time[i]) ++end;
      std::sort(event.begin() + i, event.begin() + end, std::greater<>());
      i = end;
    }
    for (dim_t k = 0; k < q; ++k) {
      for (dim_t i = 0; i < n; ++i) z.push_back(k == 0 ? treatment[i] - 0.5 : 2 * uniform(random) - 1);
    }
    bits.assign(p * words, 0);
    for (dim_t j = 0; j < p; ++j) {
      const double frequency = j == 0 ? 0.45 : j == 1 ? 0 : 0.03 + 0.15 * uniform(random);
      for (dim_t i = 0; i < n; ++i) {
        if (j == 2 ? i == n / 2 : uniform(random) < frequency) bits[j * words + i / 64] |= std::uint64_t{1} << (i % 64);
      }
    }
    list_offsets.push_back(0);
    for (dim_t j = 0; j < p; ++j) {
      std::vector<std::uint32_t> list;
      for (dim_t i = 0; i < n; ++i) {
        if (carries(i, j)) list.push_back(std::uint32_t(i));
      }
      counts.push_back(dim_t(list.size()));
      if (j > 0) lists.insert(lists.end(), list.begin(), list.end());  // gene 0 has none
      list_offsets.push_back(dim_t(lists.size()));
      listed.push_back(std::int32_t(j));
    }
  }

  bool carries(dim_t i, dim_t j) const { return bits[j * words + i / 64] >> (i % 64) & 1; }
  GeneView view() const { return {n, p, bits.data(), words, counts.data(), list_offsets.data(), lists.data()}; }
  RiskSets risk(CoxTies ties) const {
    return kernels::make_risk_sets(time.data(), event.data(), weight.data(), n, ties);
  }

  dim_t n, p, q, words;
  std::vector<double> time, weight, offset, z;
  std::vector<std::uint8_t> event, treatment;
  std::vector<std::uint64_t> bits;
  std::vector<dim_t> counts, list_offsets;
  std::vector<std::uint32_t> lists;
  std::vector<std::int32_t> listed;
};

/// Runs the four-cell kernel on all genes with poisoned outputs. `start`: [genes, 3].
inline std::vector<CellFit> cell_fits(const GeneSample& s, const RiskSets& sets, unsigned free,
                                      double tolerance = 1e-16, const double* start = nullptr) {
  std::vector<double> theta(s.n), workspace(survival_kernels().cell_workspace(sets.view(), s.p), std::nan(""));
  double offset_sum = 0;
  for (dim_t i = 0; i < s.n; ++i) {
    theta[i] = s.weight[i] * std::exp(s.offset[i]);
    if (s.event[i]) offset_sum += s.weight[i] * s.offset[i];
  }
  std::vector<CellFit> fits(s.p);
  std::memset(static_cast<void*>(fits.data()), 0xff, fits.size() * sizeof(CellFit));
  survival_kernels().cells({}, {.genes = s.view(),
                                .risk = sets.view(),
                                .theta = theta.data(),
                                .offset_sum = offset_sum,
                                .treatment = s.treatment.data(),
                                .free = free,
                                .start = start,
                                .rule = {.tolerance = tolerance},
                                .workspace = workspace.data(),
                                .fits = fits.data()});
  return fits;
}

/// What a call of the full kernel writes.
struct FullResult {
  std::vector<double> coef, se;
  std::vector<FullFit> fits;
};

/// Runs the full kernel on the listed genes with poisoned outputs. `start`: [listed, covariates + gene_terms].
inline FullResult full_fits(const GeneSample& s, const RiskSets& sets, int gene_terms,
                            const std::vector<std::int32_t>& listed, double tolerance = 1e-16,
                            const double* start = nullptr) {
  const dim_t columns = gene_terms + s.q, count = dim_t(listed.size());
  FullResult out = {std::vector<double>(count * columns, std::nan("")),
                    std::vector<double>(count * columns, std::nan("")), std::vector<FullFit>(count)};
  std::memset(static_cast<void*>(out.fits.data()), 0xff, out.fits.size() * sizeof(FullFit));
  std::vector<double> workspace(survival_kernels().full_workspace(sets.view(), columns), std::nan(""));
  survival_kernels().full({}, {.genes = s.view(),
                               .risk = sets.view(),
                               .covariates = s.z.data(),
                               .num_covariates = s.q,
                               .offset = s.offset.data(),
                               .treatment = s.treatment.data(),
                               .gene_terms = gene_terms,
                               .listed = listed.data(),
                               .num_listed = count,
                               .start = start,
                               .rule = {.tolerance = tolerance},
                               .workspace = workspace.data(),
                               .coef = out.coef.data(),
                               .se = out.se.data(),
                               .fits = out.fits.data()});
  return out;
}

}  // namespace engram::testing
