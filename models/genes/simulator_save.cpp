#include <nlohmann/json.hpp>

#include "engine/io/atomic_file.h"
#include "models/genes/cohort_io.h"
#include "models/genes/simulator.h"

namespace engram::genes {
namespace {

using Json = nlohmann::ordered_json;

const char* name_of(Noise noise) {
  switch (noise) {
    case Noise::kNormal:
      return "normal";
    case Noise::kLogistic:
      return "logistic";
    case Noise::kExtremeValue:
      return "extreme_value";
  }
  return "?";
}

const char* name_of(Censoring censoring) {
  switch (censoring) {
    case Censoring::kShift:
      return "shift";
    case Censoring::kRandom:
      return "random";
    case Censoring::kInformative:
      return "informative";
  }
  return "?";
}

Json settings_json(const SimulatorSettings& s) {
  return {{"scenario", s.scenario},
          {"patients", s.patients},
          {"genes", s.genes},
          {"gene_frequency", s.gene_frequency},
          {"beta_frequencies", s.beta_frequencies},
          {"beta_a", s.beta_a},
          {"beta_b", s.beta_b},
          {"decoys_per_key_gene", s.decoys_per_key_gene},
          {"decoy_rho", s.decoy_rho},
          {"linkage_block", s.linkage_block},
          {"linkage_correlation", s.linkage_correlation},
          {"hidden_gene_leak", s.hidden_gene_leak},
          {"hidden_leak_genes", s.hidden_leak_genes},
          {"clinical_parents", s.clinical_parents},
          {"clinical_parent_weight", s.clinical_parent_weight},
          {"clip_clinical", s.clip_clinical},
          {"kappa", s.kappa},
          {"hidden_on_treatment", s.hidden_on_treatment},
          {"treatment_key_genes", s.treatment_key_genes},
          {"treatment_gene_effect", s.treatment_gene_effect},
          {"treated_share", s.treated_share ? Json(*s.treated_share) : Json()},
          {"key_scale", s.key_scale},
          {"hidden_on_survival", s.hidden_on_survival},
          {"sigma", s.sigma},
          {"noise", name_of(s.noise)},
          {"censoring", name_of(s.censoring)},
          {"censoring_rate", s.censoring_rate},
          {"censoring_shift", s.censoring_shift},
          {"redraw_negative_times", s.redraw_negative_times},
          {"censoring_spread", s.censoring_spread},
          {"time_grid", s.time_grid},
          {"left_over_bias", s.left_over_bias}};
}

Json names_json(const Cohort& cohort, const std::vector<dim_t>& genes) {
  Json names = Json::array();
  for (const dim_t j : genes) names.push_back(cohort.gene_names[static_cast<std::size_t>(j)]);
  return names;
}

/// What each gene is; a gene may have several roles, and one without any is "null".
Json roles_json(const SimulatedCohort& simulated) {
  const SimulationTruth& truth = simulated.truth;
  std::vector<Json> roles(static_cast<std::size_t>(simulated.cohort.num_genes()), Json::array());
  const auto add = [&](const std::vector<dim_t>& genes, const auto& role_of) {
    for (std::size_t k = 0; k < genes.size(); ++k) roles[static_cast<std::size_t>(genes[k])].push_back(role_of(k));
  };
  add(truth.key, [](std::size_t) { return std::string("key"); });
  add(truth.prognostic, [](std::size_t) { return std::string("prognostic"); });
  add(truth.decoy, [&](std::size_t k) {
    return "decoy of " + simulated.cohort.gene_names[static_cast<std::size_t>(truth.decoy_of[k])];
  });
  for (std::size_t v = 0; v < truth.clinical_parents.size(); ++v) {
    add(truth.clinical_parents[v], [&](std::size_t) { return "parent of " + simulated.cohort.clinical_names[v]; });
  }
  add(truth.treatment_genes, [](std::size_t) { return std::string("parent of treatment"); });
  add(truth.hidden_leak_genes, [](std::size_t) { return std::string("parent of the hidden factor"); });
  Json out = Json::object();
  for (std::size_t j = 0; j < roles.size(); ++j) {
    if (roles[j].empty()) roles[j].push_back("null");
    out[simulated.cohort.gene_names[j]] = roles[j];
  }
  return out;
}

}  // namespace

std::string truth_json(const SimulatedCohort& simulated) {
  const SimulationTruth& truth = simulated.truth;
  Json parents = Json::object();
  for (std::size_t v = 0; v < truth.clinical_parents.size(); ++v) {
    parents[simulated.cohort.clinical_names[v]] = names_json(simulated.cohort, truth.clinical_parents[v]);
  }
  const Json out = {{"seed", truth.seed},
                    {"settings", settings_json(truth.settings)},
                    {"key", names_json(simulated.cohort, truth.key)},
                    {"key_effect", truth.key_effect},
                    {"prognostic", names_json(simulated.cohort, truth.prognostic)},
                    {"prognostic_effect", truth.prognostic_effect},
                    {"decoy", names_json(simulated.cohort, truth.decoy)},
                    {"decoy_of", names_json(simulated.cohort, truth.decoy_of)},
                    {"clinical_parents", parents},
                    {"treatment_genes", names_json(simulated.cohort, truth.treatment_genes)},
                    {"hidden_leak_genes", names_json(simulated.cohort, truth.hidden_leak_genes)},
                    {"treatment_intercept", truth.treatment_intercept},
                    {"gene_frequency", truth.gene_frequency},
                    {"roles", roles_json(simulated)},
                    {"individual_effect", truth.individual_effect},
                    {"propensity", truth.propensity},
                    {"hidden", truth.hidden},
                    {"uncensored_time", truth.uncensored_time}};
  return out.dump(1) + "\n";
}

void save_simulation(const SimulatedCohort& simulated, const std::filesystem::path& folder) {
  save_cohort_folder(simulated.cohort, folder);
  io::write_file(folder / "truth.json", truth_json(simulated));
}

}  // namespace engram::genes
