#include "models/genes/term_design.h"

#include <algorithm>

#include "kernels/common/error.h"

namespace engram::genes {
namespace {

void check_genes(const Cohort& cohort, std::span<const dim_t> genes) {
  std::vector<bool> seen(static_cast<std::size_t>(cohort.num_genes()));
  for (dim_t gene : genes) {
    if (gene < 0 || gene >= cohort.num_genes())
      throw UsageError(message("[genes] expected a gene of 0..", cohort.num_genes() - 1, ", got ", gene));
    if (seen[std::size_t(gene)])
      throw UsageError(
          message("[genes] expected each gene once, got ", cohort.gene_names[std::size_t(gene)], " twice"));
    seen[std::size_t(gene)] = true;
  }
}

}  // namespace

survival::SurvivalOutcome outcome_of(const Cohort& cohort) {
  survival::SurvivalOutcome outcome;
  outcome.time = cohort.time;
  outcome.event = cohort.event;
  outcome.weight = cohort.weight;
  outcome.stratum = cohort.stratum;
  outcome.entry = cohort.entry;
  outcome.offset = cohort.offset;
  return outcome;
}

std::vector<double> gene_column(const Cohort& cohort, dim_t gene) {
  std::vector<double> column(cohort.time.size());
  cohort.genes.to_doubles(gene, column.data());
  return column;
}

std::vector<double> product_column(const Cohort& cohort, dim_t gene) {
  std::vector<double> column = gene_column(cohort, gene);
  for (std::size_t i = 0; i < column.size(); ++i) column[i] *= cohort.treatment[i];
  return column;
}

std::vector<double> treatment_column(const Cohort& cohort) {
  return {cohort.treatment.begin(), cohort.treatment.end()};
}

void add_base_columns(const Cohort& cohort, bool with_treatment, survival::CovariateMatrix& matrix) {
  if (with_treatment) matrix.add(cohort.treatment_name, treatment_column(cohort));
  for (dim_t k = 0; k < cohort.num_clinical(); ++k)
    matrix.add(cohort.clinical_names[std::size_t(k)], cohort.clinical_column(k));
}

TermDesign::TermDesign(const Cohort& cohort, std::span<const dim_t> candidates, std::span<const dim_t> adjust,
                       bool with_clinical, bool with_treatment)
    : candidates_(candidates.begin(), candidates.end()) {
  check_genes(cohort, candidates);
  check_genes(cohort, adjust);
  survival::CovariateMatrix matrix(cohort.num_patients());
  matrix.reserve(1 + cohort.num_clinical() + dim_t(adjust.size() + 2 * candidates.size()));
  if (with_clinical) {
    add_base_columns(cohort, with_treatment, matrix);
  } else if (with_treatment) {
    matrix.add(cohort.treatment_name, treatment_column(cohort));
  }
  std::vector<dim_t> column_of(static_cast<std::size_t>(cohort.num_genes()), -1);
  const auto add_main = [&](dim_t gene) {
    dim_t& column = column_of[std::size_t(gene)];
    if (column >= 0) return;
    column = matrix.columns();
    matrix.add(cohort.gene_names[std::size_t(gene)], gene_column(cohort, gene));
  };
  for (dim_t gene : adjust) add_main(gene);
  for (dim_t column = 0; column < matrix.columns(); ++column) base_.push_back(column);
  for (dim_t gene : candidates) add_main(gene);
  for (dim_t gene : candidates) {
    main_.push_back(column_of[std::size_t(gene)]);
    product_.push_back(matrix.columns());
    matrix.add(cohort.gene_names[std::size_t(gene)] + " x treatment", product_column(cohort, gene));
  }
  design_ = std::make_shared<const survival::SurvivalDesign>(outcome_of(cohort), matrix);
}

std::vector<dim_t> TermDesign::joint_columns() const {
  std::vector<dim_t> columns = base_;
  for (dim_t j = 0; j < num_candidates(); ++j)
    if (!main_in_base(j)) columns.push_back(main(j));
  columns.insert(columns.end(), product_.begin(), product_.end());
  return columns;
}

}  // namespace engram::genes
