#include <algorithm>

#include "engine/io/bytes.h"
#include "kernels/common/error.h"
#include "models/genes/simulator.h"
#include "models/genes/simulator_parts.h"

namespace engram::genes {
namespace {

void require(bool condition, const char* expected, double got) {
  if (!condition) throw UsageError(message("[simulate] expected ", expected, ", got ", got));
}

void require_share(const char* what, double value) {
  if (!(value > 0 && value < 1))
    throw UsageError(message("[simulate] expected ", what, " between 0 and 1, got ", value));
}

void require_probability(const char* what, double value) {
  if (!(value >= 0 && value <= 1)) throw UsageError(message("[simulate] expected ", what, " in [0, 1], got ", value));
}

}  // namespace

const std::vector<std::string>& scenario_names() {
  static const std::vector<std::string> names = {"H", "R", "C", "D", "W", "S", "L", "N", "X"};
  return names;
}

SimulatorSettings scenario(const std::string& name) {
  const auto& names = scenario_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    throw UsageError(
        message("[simulate] expected a scenario H, R, C, D, W, S, L, N or X, got ", io::quoted_name(name)));
  }
  SimulatorSettings s;
  s.scenario = name;
  switch (name[0]) {
    case 'R':
      s.kappa = 0;
      s.hidden_on_survival = 0;
      break;
    case 'C':
      s.kappa = 2;
      s.treatment_key_genes = 5;
      s.hidden_on_treatment = 1;
      s.hidden_on_survival = 0.12;
      break;
    case 'D':
      s.decoys_per_key_gene = 2;
      break;
    case 'W':
      s.noise = Noise::kExtremeValue;
      break;
    case 'S':
      s.patients = 500;
      s.genes = 2000;
      break;
    case 'L':
      s.patients = 5000;
      s.genes = 20000;
      s.key_scale = 0.5;
      break;
    case 'N':
      s.key_scale = 0;
      break;
    case 'X':
      s.patients = 50000;
      s.genes = 20000;
      s.key_scale = 0.25;
      s.gene_frequency = 0.05;
      break;
    default:
      break;
  }
  return s;
}

void check_settings(const SimulatorSettings& s) {
  constexpr dim_t kMaxPatients = dim_t{1} << 24, kMaxGenes = dim_t{1} << 30;
  require(s.patients >= 2 && s.patients <= kMaxPatients, "2 to 2^24 patients", static_cast<double>(s.patients));
  const dim_t roles = kNumKeyGenes * (1 + s.decoys_per_key_gene) + kNumPrognosticGenes;
  require(s.decoys_per_key_gene >= 0, "a number of decoys from 0", static_cast<double>(s.decoys_per_key_gene));
  if (s.genes < roles || s.genes > kMaxGenes) {
    throw UsageError(
        message("[simulate] expected ", roles, " (key, prognostic and decoy genes) to 2^30 genes, got ", s.genes));
  }
  require(s.clinical_parents >= 0 && s.clinical_parents <= s.genes,
          "a number of parent genes from 0 to that of the genes", static_cast<double>(s.clinical_parents));
  require(s.hidden_leak_genes >= 0 && s.hidden_leak_genes <= s.genes,
          "a number of leak genes from 0 to that of the genes", static_cast<double>(s.hidden_leak_genes));
  require(s.treatment_key_genes >= 0 && s.treatment_key_genes <= kNumKeyGenes,
          "0 to 10 key genes in the treatment decision", static_cast<double>(s.treatment_key_genes));
  require_share("a gene frequency", s.gene_frequency);
  require(s.beta_a > 0 && s.beta_b > 0, "shapes of the beta law above 0", std::min(s.beta_a, s.beta_b));
  require_probability("a probability that a decoy copies", s.decoy_rho);
  require(s.linkage_block >= 0, "a linkage block from 0", static_cast<double>(s.linkage_block));
  require(s.linkage_correlation >= 0 && s.linkage_correlation < 1, "a linkage correlation in [0, 1)",
          s.linkage_correlation);
  if (s.treated_share) require_share("a treated share", *s.treated_share);
  require(s.sigma > 0, "a sigma above 0", s.sigma);
  require_share("a censoring rate", s.censoring_rate);
  require(s.censoring_shift > 0, "a mean censoring shift above 0", s.censoring_shift);
  require(s.censoring_spread > 0, "a censoring spread above 0", s.censoring_spread);
  require(s.time_grid >= 0, "a time grid from 0", s.time_grid);
  require_probability("a left-over bias", s.left_over_bias);
}

}  // namespace engram::genes
