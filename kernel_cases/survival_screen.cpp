/// Screens of genes. Cohorts come from the survival tests, which are their cases.

#include "kernels/survival_screen/survival_screen.h"

#include <algorithm>

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

void describe_genes(cases::Operands& o, GeneView& v) {
  const dim_t listed = v.list_offsets[v.genes];
  o.in("bits", v.bits, v.genes * v.words_per_gene);
  o.in("counts", v.counts, v.genes);
  o.in("list_offsets", v.list_offsets, v.genes + 1);
  o.in("lists", v.lists, listed);
}

void describe_risk(cases::Operands& o, RiskSetView& v) {
  o.in("first_group", v.first_group, v.patients);
  o.in("group_end", v.group_end, v.groups);
  o.in("group_terms", v.group_terms, v.groups + 1);
  o.in("term_fraction", v.term_fraction, v.terms);
  o.in("term_weight", v.term_weight, v.terms);
  o.in("event", v.event, v.patients);
  o.in("weight", v.weight, v.patients);
}

void describe(cases::Operands& o, ScoreScreenArgs& a) {
  const dim_t patients = a.genes.patients;
  dim_t groups = 0;  // up to the last with several deaths
  for (dim_t i = 0; a.tied_group && i < patients; ++i) groups = std::max(groups, dim_t(a.tied_group[i]) + 1);
  describe_genes(o, a.genes);
  o.in("panel", a.panel, patients * a.width);
  o.in("tied_group", a.tied_group, patients);
  o.in("first_group", a.first_group, patients);
  o.in("tie_cross", a.tie_cross, groups);
  o.in("tie_square", a.tie_square, groups);
  o.out("stats", a.stats, a.genes.genes * kNumScoreStatistics);
}

void describe(cases::Operands& o, CellScreenArgs& a) {
  const dim_t genes = a.genes.genes;
  const dim_t doubles = o.kernels<SurvivalScreenKernels>().cell_workspace(a.risk, genes);
  o.in("theta", a.theta, a.risk.patients);
  o.in("treatment", a.treatment, a.risk.patients);
  o.in("start", a.start, genes * 3);
  o.scratch(a.workspace, std::size_t(doubles) * sizeof(double));
  o.out("fits", a.fits, genes);
  describe_genes(o, a.genes);
  describe_risk(o, a.risk);
}

void describe(cases::Operands& o, FullScreenArgs& a) {
  const dim_t patients = a.risk.patients, columns = a.num_covariates + a.gene_terms;
  const dim_t doubles = o.kernels<SurvivalScreenKernels>().full_workspace(a.risk, columns);
  o.in("covariates", a.covariates, a.num_covariates * patients);
  o.in("offset", a.offset, patients);
  o.in("treatment", a.treatment, patients);
  o.in("listed", a.listed, a.num_listed);
  o.in("start", a.start, a.num_listed * columns);
  o.scratch(a.workspace, std::size_t(doubles) * sizeof(double));
  o.out("coef", a.coef, a.num_listed * columns);
  o.out("se", a.se, a.num_listed * columns);
  o.out("fits", a.fits, a.num_listed);
  describe_genes(o, a.genes);
  describe_risk(o, a.risk);
}

const SurvivalScreenKernels kStagedSurvivalScreen = {
    cases::staged<&SurvivalScreenKernels::score>, cases::staged<&SurvivalScreenKernels::cells>,
    cases::staged<&SurvivalScreenKernels::full>, cases::staged<&SurvivalScreenKernels::cell_workspace>,
    cases::staged<&SurvivalScreenKernels::full_workspace>};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

void add_survival_screen_cases(CaseList& /*list*/) {}

}  // namespace engram::cases
