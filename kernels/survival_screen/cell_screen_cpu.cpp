#include <omp.h>

#include <algorithm>
#include <cmath>

#include "kernels/common/parallel.h"
#include "kernels/survival_screen/carriers.h"
#include "kernels/survival_screen/cell_likelihood.h"
#include "kernels/survival_screen/screen_cpu.h"

namespace engram::kernels {
namespace {

constexpr int kCells = 4;  // cell 2 t + g: treated t, carrier g

dim_t padded(dim_t count) {
  return (count + kLanes8d - 1) / kLanes8d * kLanes8d;
}

/// Where things lie in the workspace: shared term weights and totals a cell pair, then for each thread the four cells
/// of its gene and its counts by group.
struct Layout {
  explicit Layout(const RiskSetView& risk) : terms(padded(risk.terms)), groups(risk.groups + 1) {}
  dim_t shared() const { return 3 * terms; }
  dim_t per_thread() const { return kCells * terms + 4 * groups; }
  dim_t terms, groups;
};

/// Fills `cell[t]` (patients at risk less fraction times deaths, per term) of one gene's carriers; `by_group` is
/// scratch of 4 * groups: at risk and died, untreated and treated. Returns the carriers' deaths.
ENGRAM_ALWAYS_INLINE CellDeaths count_carriers(const CellScreenArgs& args, dim_t gene, const Layout& layout,
                                               double* by_group, double* const* cell) {
  std::fill(by_group, by_group + 4 * layout.groups, 0.0);
  CellDeaths deaths = {};
  for_each_carrier(
      args.genes, gene, [&](dim_t i) __attribute__((always_inline)) {
        const dim_t arm = args.treatment[i], group = args.risk.first_group[i];
        by_group[arm * layout.groups + group] += args.theta[i];
        if (args.risk.event[i]) {
          by_group[(2 + arm) * layout.groups + group] += args.theta[i];
          deaths.x[0] += args.risk.weight[i];
          if (arm) deaths.x[2] += args.risk.weight[i];
        }
      });
  for (int arm = 0; arm < 2; ++arm) {
    const double *joined = by_group + arm * layout.groups, *died = by_group + (2 + arm) * layout.groups;
    double at_risk = 0;
    for (dim_t g = 0; g < args.risk.groups; ++g) {
      at_risk += joined[g];
      for (dim_t t = args.risk.group_terms[g]; t < args.risk.group_terms[g + 1]; ++t) {
        cell[arm][t] = at_risk - args.risk.term_fraction[t] * died[g];
      }
    }
  }
  return deaths;
}

/// Sums over all terms at the trial of `at`. cells: [4, terms].
ENGRAM_ALWAYS_INLINE CellSums sum_terms(const double* weights, const double* cells, dim_t terms, const NewtonFit& at) {
  const double ratio_g = std::exp(at.trial(0)), ratio_t = std::exp(at.trial(1)),
               ratio_gt = std::exp(at.trial(0) + at.trial(1) + at.trial(2));
  Vec8d log_sum = {}, mean[3] = {}, second[6] = {};
  for (dim_t k = 0; k < terms; k += kLanes8d) {
    const Vec8d w = load8d(weights + k);
    const Vec8d g = load8d(cells + 1 * terms + k) * ratio_g, t = load8d(cells + 2 * terms + k) * ratio_t,
                gt = load8d(cells + 3 * terms + k) * ratio_gt;
    const Vec8d total = load8d(cells + k) + g + t + gt, inverse = 1. / total;
    const Vec8d m_g = (g + gt) * inverse, m_t = (t + gt) * inverse, m_gt = gt * inverse;
    log_sum += w * log8d(total);
    mean[0] += w * m_g;
    mean[1] += w * m_t;
    mean[2] += w * m_gt;
    second[0] += w * (m_g - m_g * m_g);
    second[1] += w * (m_gt - m_g * m_t);
    second[2] += w * (m_t - m_t * m_t);
    second[3] += w * (m_gt - m_g * m_gt);
    second[4] += w * (m_gt - m_t * m_gt);
    second[5] += w * (m_gt - m_gt * m_gt);
  }
  CellSums out;
  out.log_sum = sum_lanes8d(log_sum);
  for (int a = 0; a < 3; ++a) out.mean[a] = sum_lanes8d(mean[a]);
  for (int k = 0; k < 6; ++k) out.covariance[k] = sum_lanes8d(second[k]);
  return out;
}

/// Newton's method for one gene.
ENGRAM_ALWAYS_INLINE CellFit fit_gene(const CellScreenArgs& args, const double* weights, const double* cells,
                                      dim_t terms, const CellDeaths& deaths, const double* start) {
  double beta[kCellParameters], step[kCellParameters];
  NewtonFit newton(kCellParameters, 0, start, beta, step);
  CellEvaluation now;
  do {
    now = cell_evaluation(sum_terms(weights, cells, terms, newton), deaths, newton, args.offset_sum, args.free);
  } while (newton.take(now.view(), args.rule));
  return cell_fit(newton, now);
}

ENGRAM_MULTIVERSION void fit_genes(const CellScreenArgs& args, const Layout& layout, const double* shared, double* own,
                                   const CellDeaths& all_deaths, dim_t begin, dim_t end) {
  const double *weights = shared, *totals = shared + layout.terms;
  double *cells = own, *by_group = own + kCells * layout.terms;
  double* const carriers[2] = {cells + 1 * layout.terms, cells + 3 * layout.terms};
  for (dim_t j = begin; j < end; ++j) {
    CellDeaths deaths = count_carriers(args, j, layout, by_group, carriers);
    deaths.x[1] = all_deaths.x[1];
    for (int arm = 0; arm < 2; ++arm) {
      for (dim_t t = 0; t < layout.terms; ++t) {
        // Where all are carriers the difference may be a rounding error below 0.
        const double others = totals[arm * layout.terms + t] - carriers[arm][t];
        cells[2 * arm * layout.terms + t] = others > 0 ? others : 0;
      }
    }
    args.fits[j] =
        fit_gene(args, weights, cells, layout.terms, deaths, args.start ? args.start + kCellParameters * j : nullptr);
  }
}

/// Term weights, and the patients at risk in each arm, at every term; lanes beyond the last have weight 0.
void fill_shared(const CellScreenArgs& args, const Layout& layout, double* shared, CellDeaths& deaths) {
  std::fill(shared, shared + layout.shared(), 0.0);
  std::copy_n(args.risk.term_weight, args.risk.terms, shared);
  double* totals[2] = {shared + layout.terms, shared + 2 * layout.terms};
  double at_risk[2] = {0, 0};
  for (dim_t g = 0, i = 0; g < args.risk.groups; ++g) {
    double died[2] = {0, 0};
    for (; i < args.risk.group_end[g]; ++i) {
      at_risk[args.treatment[i]] += args.theta[i];
      if (!args.risk.event[i]) continue;
      died[args.treatment[i]] += args.theta[i];
      if (args.treatment[i]) deaths.x[1] += args.risk.weight[i];
    }
    for (dim_t t = args.risk.group_terms[g]; t < args.risk.group_terms[g + 1]; ++t) {
      for (int arm = 0; arm < 2; ++arm) totals[arm][t] = at_risk[arm] - args.risk.term_fraction[t] * died[arm];
    }
  }
  std::fill(totals[0] + args.risk.terms, totals[0] + layout.terms, 1.0);
}

}  // namespace

dim_t cell_screen_workspace_cpu(const RiskSetView& risk, dim_t) {
  const Layout layout(risk);
  return layout.shared() + omp_get_max_threads() * layout.per_thread();
}

void cell_screen_cpu(Stream, const CellScreenArgs& args) {
  const Layout layout(args.risk);
  CellDeaths deaths = {};
  fill_shared(args, layout, args.workspace, deaths);
  double* const own = args.workspace + layout.shared();
  for (int thread = 0; thread < omp_get_max_threads(); ++thread) {
    // Carriers' cells beyond the last term stay empty.
    std::fill_n(own + thread * layout.per_thread(), layout.per_thread(), 0.0);
  }
  constexpr dim_t kGenes = 4;
  parallel_for((args.genes.genes + kGenes - 1) / kGenes, kGenes * kCells * layout.terms, [&](dim_t block) {
    fit_genes(args, layout, args.workspace, own + omp_get_thread_num() * layout.per_thread(), deaths, block * kGenes,
              std::min(args.genes.genes, (block + 1) * kGenes));
  });
}

}  // namespace engram::kernels
