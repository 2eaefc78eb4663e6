#include <algorithm>

#include "kernels/survival_screen/survival_screen.h"
#include "tests/kernels/staged/device_under_test.h"
#include "tests/kernels/staged/staged_families.h"
#include "tests/kernels/staged/staging.h"

namespace engram::testing {
namespace {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

GeneView staged_genes(Staging& s, const GeneView& view) {
  GeneView v = view;
  v.bits = s.in(view.bits, view.genes * view.words_per_gene);
  v.counts = s.in(view.counts, view.genes);
  v.list_offsets = s.in(view.list_offsets, view.genes + 1);
  v.lists = s.in(view.lists, view.list_offsets[view.genes]);
  return v;
}

RiskSetView staged_risk(Staging& s, const RiskSetView& view) {
  RiskSetView v = view;
  v.first_group = s.in(view.first_group, view.patients);
  v.group_end = s.in(view.group_end, view.groups);
  v.group_terms = s.in(view.group_terms, view.groups + 1);
  v.term_fraction = s.in(view.term_fraction, view.terms);
  v.term_weight = s.in(view.term_weight, view.terms);
  v.event = s.in(view.event, view.patients);
  v.weight = s.in(view.weight, view.patients);
  return v;
}

void score(Stream stream, const ScoreScreenArgs& args) {
  Staging s;
  const dim_t patients = args.genes.patients;
  dim_t groups = 0;  // up to the last with several deaths
  for (dim_t i = 0; args.tied_group && i < patients; ++i) groups = std::max(groups, dim_t(args.tied_group[i]) + 1);
  ScoreScreenArgs a = args;
  a.genes = staged_genes(s, args.genes);
  a.panel = s.in(args.panel, patients * args.width);
  a.tied_group = s.in(args.tied_group, patients);
  a.first_group = s.in(args.first_group, patients);
  a.tie_cross = s.in(args.tie_cross, groups);
  a.tie_square = s.in(args.tie_square, groups);
  a.stats = s.out(args.stats, args.genes.genes * kNumScoreStatistics);
  device_under_test().kernels.survival_screen.score(stream, a);
}

void cells(Stream stream, const CellScreenArgs& args) {
  Staging s;
  const dim_t genes = args.genes.genes,
              doubles = device_under_test().kernels.survival_screen.cell_workspace(args.risk, genes);
  CellScreenArgs a = args;
  a.genes = staged_genes(s, args.genes);
  a.risk = staged_risk(s, args.risk);
  a.theta = s.in(args.theta, args.risk.patients);
  a.treatment = s.in(args.treatment, args.risk.patients);
  a.start = s.in(args.start, genes * 3);
  a.workspace = static_cast<double*>(s.scratch(std::size_t(doubles) * sizeof(double)));
  a.fits = s.out(args.fits, genes);
  device_under_test().kernels.survival_screen.cells(stream, a);
}

void full(Stream stream, const FullScreenArgs& args) {
  Staging s;
  const dim_t patients = args.risk.patients, columns = args.num_covariates + args.gene_terms;
  FullScreenArgs a = args;
  a.genes = staged_genes(s, args.genes);
  a.risk = staged_risk(s, args.risk);
  a.covariates = s.in(args.covariates, args.num_covariates * patients);
  a.offset = s.in(args.offset, patients);
  a.treatment = s.in(args.treatment, patients);
  a.listed = s.in(args.listed, args.num_listed);
  a.start = s.in(args.start, args.num_listed * columns);
  a.workspace = static_cast<double*>(s.scratch(
      std::size_t(device_under_test().kernels.survival_screen.full_workspace(args.risk, columns)) * sizeof(double)));
  a.coef = s.out(args.coef, args.num_listed * columns);
  a.se = s.out(args.se, args.num_listed * columns);
  a.fits = s.out(args.fits, args.num_listed);
  device_under_test().kernels.survival_screen.full(stream, a);
}

dim_t cell_workspace(const RiskSetView& risk, dim_t genes) {
  return device_under_test().kernels.survival_screen.cell_workspace(risk, genes);
}
dim_t full_workspace(const RiskSetView& risk, dim_t coefficients) {
  return device_under_test().kernels.survival_screen.full_workspace(risk, coefficients);
}

}  // namespace

const SurvivalScreenKernels kStagedSurvivalScreen = {score, cells, full, cell_workspace, full_workspace};

}  // namespace engram::testing
