#include "models/genes/prognostic.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "models/genes/term_design.h"

namespace engram::genes {
namespace {

/// Genes per design, so that the dense columns of many genes never are in memory together.
constexpr dim_t kBlock = 512;

std::vector<dim_t> strongest(const std::vector<double>& scores, dim_t count) {
  std::vector<dim_t> order(scores.size());
  std::iota(order.begin(), order.end(), dim_t{0});
  std::stable_sort(order.begin(), order.end(), [&](dim_t a, dim_t b) {
    return std::abs(scores[std::size_t(a)]) > std::abs(scores[std::size_t(b)]);
  });
  order.resize(std::size_t(std::min<dim_t>(count, dim_t(order.size()))));
  return order;
}

}  // namespace

std::vector<double> main_effect_scores(const Cohort& cohort) {
  const Cohort positive = select_patients(cohort, positive_times(cohort));
  std::vector<double> scores(std::size_t(cohort.num_genes()));
  for (dim_t begin = 0; begin < cohort.num_genes(); begin += kBlock) {
    const dim_t end = std::min(begin + kBlock, cohort.num_genes());
    survival::CovariateMatrix matrix(positive.num_patients());
    add_base_columns(positive, true, matrix);
    std::vector<dim_t> base(std::size_t(matrix.columns())), tested(std::size_t(end - begin));
    std::iota(base.begin(), base.end(), dim_t{0});
    std::iota(tested.begin(), tested.end(), matrix.columns());
    for (dim_t gene = begin; gene < end; ++gene)
      matrix.add(positive.gene_names[std::size_t(gene)], gene_column(positive, gene));
    const survival::SurvivalDesign design(outcome_of(positive), matrix);
    const TermModel model(design, Likelihood::kWeibull);
    const auto tests = model.score_tests(model.fit(base), tested);
    for (std::size_t j = 0; j < tests.size(); ++j) scores[std::size_t(begin) + j] = tests[j].z;
  }
  return scores;
}

PrognosticGenes prognostic_genes(const Cohort& cohort, const std::vector<dim_t>& candidates, Likelihood likelihood,
                                 const PrognosticOptions& options, const std::function<bool()>& stop) {
  PrognosticGenes result;
  std::vector<dim_t> genes = candidates;
  for (dim_t gene : strongest(main_effect_scores(cohort), options.screened))
    if (std::ranges::find(genes, gene) == genes.end()) genes.push_back(gene);
  const Cohort usable = likelihood == Likelihood::kCox ? cohort : select_patients(cohort, positive_times(cohort));
  const TermDesign design(usable, genes);
  const TermModel model(design.design(), likelihood);
  ForwardOptions forward;
  forward.least_gain =
      std::log(double(count_events(usable))) + 2 * options.xi * std::log(2.0 * double(cohort.num_genes()));
  result.steps = forward_terms(design, model, forward, stop);
  for (const ForwardStep& step : result.steps) {
    result.terms.push_back(design.gene(step.candidate));
    if (!step.product) result.genes.push_back(result.terms.back());
  }
  return result;
}

}  // namespace engram::genes
