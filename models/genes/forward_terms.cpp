#include "models/genes/forward_terms.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/parallel.h"

namespace engram::genes {
namespace {

struct Term {
  dim_t candidate;
  bool product;
  dim_t column;
};

/// What a term does for the present model.
struct Trial {
  TermFit fit;
  double gain = 0;
  bool usable = false;
};

std::vector<Term> all_terms(const TermDesign& design, const ForwardOptions& options) {
  std::vector<Term> terms;
  for (dim_t j = 0; j < design.num_candidates(); ++j) {
    if (options.main_effects) terms.push_back({j, false, design.main(j)});
    if (options.products) terms.push_back({j, true, design.product(j)});
  }
  return terms;
}

Trial try_term(const TermModel& model, const TermFit& now, const Term& term, bool benefit_only) {
  std::vector<dim_t> columns = now.columns;
  columns.push_back(term.column);
  Trial trial;
  trial.fit = model.fit(columns, model.start_from(now, columns));
  trial.gain = 2 * (trial.fit.loglik - now.loglik);
  const bool right_sign = trial.fit.coefficients.back() * benefit_sign(model.likelihood()) > 0;
  trial.usable = trial.fit.unusable.back() == 0 && (!benefit_only || !term.product || right_sign);
  return trial;
}

}  // namespace

std::vector<ForwardStep> forward_terms(const TermDesign& design, const TermModel& model, const ForwardOptions& options,
                                       const std::function<bool()>& stop) {
  std::vector<Term> terms = all_terms(design, options);
  TermFit now = model.fit(options.base.empty() ? design.base() : options.base);
  std::erase_if(terms, [&](const Term& t) { return std::ranges::find(now.columns, t.column) != now.columns.end(); });
  std::vector<ForwardStep> steps;
  int products = 0;
  while (int(steps.size()) < options.max_steps && products < options.max_products && !(stop && stop())) {
    std::vector<Trial> trials(terms.size());
    kernels::parallel_for(dim_t(terms.size()), kWorkOfFit, [&](dim_t i) {
      trials[std::size_t(i)] = try_term(model, now, terms[std::size_t(i)], options.benefit_only);
    });
    std::size_t best = terms.size(), second = terms.size();
    for (std::size_t i = 0; i < terms.size(); ++i) {
      if (!trials[i].usable) continue;
      if (best == terms.size() || trials[i].gain > trials[best].gain) {
        second = best;
        best = i;
      } else if (second == terms.size() || trials[i].gain > trials[second].gain) {
        second = i;
      }
    }
    if (best == terms.size() || trials[best].gain < options.least_gain) break;
    const Term& term = terms[best];
    ForwardStep step{term.candidate, term.product, trials[best].gain, trials[best].fit.loglik,
                     trials[best].fit.coefficients.back()};
    if (second < terms.size()) {
      step.runner_up = terms[second].candidate;
      step.runner_up_product = terms[second].product;
      step.runner_up_gain = trials[second].gain;
    }
    steps.push_back(step);
    products += term.product;
    now = std::move(trials[best].fit);
    terms.erase(terms.begin() + std::ptrdiff_t(best));
  }
  return steps;
}

std::vector<dim_t> forward_genes(const TermDesign& design, const TermModel& model, std::vector<dim_t> base, int count) {
  ForwardOptions options;
  options.base = std::move(base);
  options.max_products = count;
  options.max_steps = 4 * count;
  options.benefit_only = true;
  std::vector<dim_t> genes;
  for (const ForwardStep& step : forward_terms(design, model, options))
    if (step.product) genes.push_back(design.gene(step.candidate));
  return genes;
}

}  // namespace engram::genes
