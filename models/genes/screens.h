#pragma once
/// Screens over all genes at once, and the filters made of them (docs/methods/genes.md, "Tests" and "Screens"). All are
/// batched over genes on the kernels of kernels/survival_screen, and give the same bits at any number of threads.
/// `device` is where the kernels run (ScreenDevice); null models are fitted on the CPU.

#include <string>
#include <vector>

#include "engine/device.h"
#include "kernels/common/cox_ties.h"
#include "models/genes/cohort.h"

namespace engram::genes {

using TieMethod = kernels::CoxTies;

/// How an estimate of one gene came out.
enum class FitStatus : std::uint8_t {
  kOk,
  kNotEstimable,  ///< the tested column does not vary, or the others explain it: effect 0, p 1
  kSeparated,     ///< the estimate grows without bound: the p-value is that of the score test
  kNotConverged,  ///< the iterations ran out
  kFewCarriers,   ///< fewer than five carriers in an arm: compared with its own replicates only, in no family
};

/// "ok", "not_estimable", "separated", "not_converged", "few_carriers".
const char* status_name(FitStatus status);

/// One tested effect a gene. Entries are finite for every gene, also for those that cannot be estimated.
struct GeneTests {
  std::string screen;                  ///< "A", "B", "B+offset", "C", "TA", "S1", "S2", "OS", "AFT"
  std::vector<double> effect;          ///< coefficient of the tested column (0 for S2)
  std::vector<double> se;              ///< its standard error (0 where there is none)
  std::vector<double> z;               ///< signed root of the statistic; for S2 the root of the chi-square
  std::vector<double> log10_p;         ///< two-sided; the model's own unless calibrated
  std::vector<double> model_log10_p;   ///< of calibrated tests: the model's own; else empty
  std::vector<double> bh, bonferroni;  ///< adjusted p-values over all genes
  std::vector<FitStatus> status;

  dim_t size() const { return static_cast<dim_t>(z.size()); }
};

/// Fits of one model for each gene. Coefficients that the model has not are 0.
struct GeneFits {
  std::vector<double> coef_g, se_g, coef_t, se_t, coef_gt, se_gt;
  std::vector<double> loglik;    ///< of the model
  std::vector<double> lrt_gt;    ///< 2 (loglik - that without g x treatment); for A the test of g
  std::vector<double> score_gt;  ///< score test of g x treatment at the fit without it; for A of g at the null model
  std::vector<FitStatus> status;
};

/// What the screens adjust for.
struct ScreenOptions {
  TieMethod ties = TieMethod::kEfron;
  bool adjust = true;  ///< for the clinical variables; treatment is in every model but A
  Device device = {};
};

/// The score statistics of (g, g x treatment) at the null model of treatment (and clinical variables), and the tests
/// made of them: S1 (of the product without the gene's main effect: a filter, no test of the product), S2 and the
/// one-step estimate OS. One pass over each gene's carriers.
struct ScoreScreen {
  GeneTests s1, s2, os;
};

/// Fast score screen of 3.4. Throws DataError when everybody or nobody was treated or nobody died.
ScoreScreen score_screen(const Cohort& cohort, const ScreenOptions& options = {});

/// Model A: the gene alone. Exact. This and the other exact screens throw DataError when nobody died.
GeneFits screen_a(const Cohort& cohort, TieMethod ties = TieMethod::kEfron, const Device& device = {});

/// Model B: g + treatment + g x treatment by four-cell Newton. With `offset` (one value a patient) the model B+offset.
GeneFits screen_b(const Cohort& cohort, TieMethod ties = TieMethod::kEfron, const std::vector<double>* offset = nullptr,
                  const Device& device = {});

/// Model C: g + treatment + g x treatment + clinical variables by exact Newton, for the genes listed (all when empty).
/// Results have one entry a listed gene.
GeneFits screen_c(const Cohort& cohort, TieMethod ties = TieMethod::kEfron, const std::vector<dim_t>& only = {},
                  const Device& device = {});

/// Inside the treated arm: g (+ clinical variables).
GeneFits screen_treated_arm(const Cohort& cohort, const ScreenOptions& options = {});

/// One-step test of g x treatment given g under the log-logistic accelerated-failure-time model, as `OS` is for Cox.
GeneTests aft_product_screen(const Cohort& cohort, const Device& device = {});

/// Score test of g x treatment under the log-logistic accelerated-failure-time model with treatment and clinical
/// variables (3.5: the column is residualised on them with the second derivatives as weights); patients with time <= 0
/// are left out. The gene's main effect is not in its null model: a filter, no test of the product. Throws DataError as
/// score_screen.
GeneTests aft_screen(const Cohort& cohort, const Device& device = {});

/// The test of g x treatment (of g for A and the treated arm) that fits contain: by likelihood ratio, and by the score
/// test for separated genes.
GeneTests tests_of(const GeneFits& fits, const std::string& screen);

/// A gene that a filter kept.
struct FilteredGene {
  dim_t gene = 0;
  double cox_z = 0;  ///< signed root of the Cox statistic; negative: more benefit from treatment (J: Wald z of g)
  double aft_z = 0;  ///< positive: more benefit (J: 0)
};

/// Settings of the default filter.
struct FilterOptions {
  TieMethod ties = TieMethod::kEfron;
  dim_t from_cox = 60, from_aft = 40, at_most = 100;
  bool benefit_only = true;  ///< the direction rule: only genes that increase the benefit (Cox < 0, AFT > 0)
  bool exact = true;         ///< rank Cox by the likelihood ratio of model C; else by the one-step estimate
  dim_t shortlist = 500;     ///< `exact` refits only that many genes, the best by the one-step estimate
  Device device = {};
};

/// Union of the best `from_cox` genes of C and `from_aft` of AFT, best first: by the better of a gene's two ranks, then
/// by the other one, then by column. With entry times both statistics are studentised scores (GeneScan), and `exact`
/// changes nothing.
std::vector<FilteredGene> default_filter(const Cohort& cohort, const FilterOptions& options = {});

/// The team's filter: one Cox model of treatment, clinical variables and all genes; the `keep` genes with the largest
/// |Wald z| of their main effect, best first. Throws DataError with fewer than twice as many deaths as terms.
std::vector<FilteredGene> joint_filter(const Cohort& cohort, dim_t keep = 60, TieMethod ties = TieMethod::kEfron);

}  // namespace engram::genes
