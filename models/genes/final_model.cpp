#include "models/genes/final_model.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/parallel.h"
#include "models/genes/forward_terms.h"
#include "models/genes/term_design.h"

namespace engram::genes {
namespace {

std::vector<dim_t> without(std::vector<dim_t> columns, dim_t column) {
  std::erase(columns, column);
  return columns;
}

double signed_root(double statistic, double coefficient, Likelihood likelihood) {
  const double root = std::sqrt(std::max(0.0, statistic));
  return coefficient * benefit_sign(likelihood) >= 0 ? root : -root;
}

}  // namespace

JointModel fit_joint_model(const Cohort& cohort, const std::vector<dim_t>& genes, const std::vector<dim_t>& adjust,
                           Likelihood likelihood, bool robust) {
  const Cohort patients = usable_patients(cohort, likelihood);
  const TermDesign design(patients, genes, adjust);
  const TermModel model(design.design(), likelihood);
  const std::vector<dim_t> columns = design.joint_columns();
  const TermFit fit = model.fit(columns);
  const std::vector<double> errors = model.standard_errors(fit);
  const std::vector<double> robust_errors =
      robust ? model.robust_standard_errors(fit, patients.cluster) : std::vector<double>(columns.size());
  const double rows = double(design.design().rows()), fitted = double(columns.size()) + 1;
  const double growth = rows > fitted ? std::sqrt(rows / (rows - fitted)) : 1;
  const auto place = [&](dim_t column) { return std::size_t(std::ranges::find(columns, column) - columns.begin()); };
  JointModel joint;
  joint.likelihood = likelihood;
  joint.loglik = fit.loglik;
  joint.effects.resize(genes.size());
  kernels::parallel_for(dim_t(genes.size()), kWorkOfFit, [&](dim_t j) {
    JointEffect& e = joint.effects[std::size_t(j)];
    const std::size_t product = place(design.product(j)), main = place(design.main(j));
    e.effect = fit.coefficients[product];
    e.se = errors[product];
    e.robust_se = growth * robust_errors[product];
    e.main_effect = fit.coefficients[main];
    e.main_se = errors[main];
    if (fit.unusable[product] != 0) return;
    const std::vector<dim_t> rest = without(columns, design.product(j));
    e.drop = std::max(0.0, 2 * (fit.loglik - model.fit(rest, model.start_from(fit, rest)).loglik));
    e.signed_root = signed_root(e.drop, e.effect, likelihood);
  });
  return joint;
}

std::vector<dim_t> strongest_genes(const Cohort& cohort, std::vector<dim_t> genes, const std::vector<dim_t>& adjust,
                                   Likelihood likelihood, std::size_t count) {
  const TermDesign design(usable_patients(cohort, likelihood), genes, adjust);
  const TermModel model(design.design(), likelihood);
  std::vector<dim_t> products;  // of `genes`, in their order
  for (dim_t j = 0; j < design.num_candidates(); ++j) products.push_back(design.product(j));
  while (genes.size() > count) {
    std::vector<dim_t> columns = design.base();
    columns.insert(columns.end(), products.begin(), products.end());
    const TermFit fit = model.fit(columns);
    std::vector<double> loglik(products.size());
    kernels::parallel_for(dim_t(products.size()), kWorkOfFit, [&](dim_t j) {
      const std::vector<dim_t> rest = without(columns, products[std::size_t(j)]);
      loglik[std::size_t(j)] = model.fit(rest, model.start_from(fit, rest)).loglik;
    });
    const auto weakest = std::ranges::max_element(loglik) - loglik.begin();
    genes.erase(genes.begin() + weakest);
    products.erase(products.begin() + weakest);
  }
  return genes;
}

std::vector<dim_t> next_genes(const Cohort& cohort, const std::vector<dim_t>& genes, const std::vector<dim_t>& adjust,
                              const std::vector<dim_t>& candidates, Likelihood likelihood, int count) {
  std::vector<dim_t> all = genes;
  for (dim_t gene : candidates)
    if (std::ranges::find(genes, gene) == genes.end()) all.push_back(gene);
  const TermDesign design(usable_patients(cohort, likelihood), all, adjust);
  const TermModel model(design.design(), likelihood);
  std::vector<dim_t> base = design.base();
  for (dim_t j = 0; j < dim_t(genes.size()); ++j) base.push_back(design.product(j));
  return forward_genes(design, model, std::move(base), count);
}

}  // namespace engram::genes
