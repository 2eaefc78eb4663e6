#include "models/genes/simulator.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "models/genes/simulator_parts.h"

namespace engram::genes {
namespace {

/// U, with the optional leak of genes into it.
void draw_hidden(const GeneColumns& genes, SimulationTruth& truth) {
  const SimulatorSettings& s = truth.settings;
  const PurposeStream stream(truth.seed, "hidden");
  truth.hidden = weighted_carriers(genes, truth.hidden_leak_genes,
                                   std::vector<double>(truth.hidden_leak_genes.size(), s.hidden_gene_leak));
  for (std::size_t i = 0; i < truth.hidden.size(); ++i) truth.hidden[i] = stream.item(i).normal() + truth.hidden[i];
}

/// Clinical variables: floors of gamma variables, to six of which parent genes add.
void draw_clinical(const GeneColumns& genes, const SimulationTruth& truth, Cohort& cohort) {
  const SimulatorSettings& s = truth.settings;
  const PurposeStream stream(truth.seed, "clinical");
  for (int k = 0; k < kNumClinical; ++k) {
    cohort.clinical_names.push_back("Var" + std::to_string(k + 1));
    std::vector<double> added(cohort.time.size());
    if (k < kNumDrivenClinical) {
      const auto& parents = truth.clinical_parents[static_cast<std::size_t>(k)];
      added = weighted_carriers(genes, parents, std::vector<double>(parents.size(), 1));
    }
    for (std::size_t i = 0; i < added.size(); ++i) {
      const double base =
          kClinicalScale * stream.item(i * kNumClinical + static_cast<std::size_t>(k)).gamma(kClinicalShape);
      const double value = std::floor(base + s.clinical_parent_weight * added[i]);
      cohort.clinical.push_back(s.clip_clinical ? std::min(value, kClinicalMax) : value);
    }
  }
}

/// Sum over the clinical variables of weight[k] * V_ik.
std::vector<double> clinical_sum(const Cohort& cohort, const double (&weight)[kNumClinical]) {
  std::vector<double> sum(cohort.time.size());
  for (int k = 0; k < kNumClinical; ++k) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += weight[k] * cohort.clinical_column(k)[i];
  }
  return sum;
}

/// The intercept with which the propensities average `share`.
double intercept_for_share(const std::vector<double>& effects, double share) {
  double low = -50, high = 50;
  for (int step = 0; step < 80; ++step) {
    const double middle = 0.5 * (low + high);
    double sum = 0;
    for (const double effect : effects) sum += portable_logistic(middle + effect);
    (sum < share * static_cast<double>(effects.size()) ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

void draw_treatment(const GeneColumns& genes, SimulationTruth& truth, Cohort& cohort) {
  const SimulatorSettings& s = truth.settings;
  std::vector<double> effects = clinical_sum(cohort, kClinicalOnTreatment);
  const std::vector<double> of_genes = weighted_carriers(
      genes, truth.treatment_genes, std::vector<double>(truth.treatment_genes.size(), s.treatment_gene_effect));
  for (std::size_t i = 0; i < effects.size(); ++i) {
    effects[i] = s.kappa * (effects[i] + s.hidden_on_treatment * truth.hidden[i] + of_genes[i]);
  }
  truth.treatment_intercept = s.treated_share || s.kappa != 1
                                  ? intercept_for_share(effects, s.treated_share.value_or(kRandomisedShare))
                                  : kTreatmentIntercept;
  const PurposeStream stream(truth.seed, "treatment");
  for (std::size_t i = 0; i < effects.size(); ++i) {
    truth.propensity.push_back(portable_logistic(truth.treatment_intercept + effects[i]));
    cohort.treatment.push_back(stream.item(i).uniform() < truth.propensity[i]);
  }
}

double draw_noise(PurposeStream::Item item, Noise law) {
  switch (law) {
    case Noise::kNormal:
      return item.normal();
    case Noise::kLogistic:
      return item.logistic();
    case Noise::kExtremeValue:
      return portable_log(item.exponential());
  }
  return 0;
}

/// log Y, and the truth's individual effects.
std::vector<double> draw_log_time(const GeneColumns& genes, const std::vector<double>& clinical_risk,
                                  SimulationTruth& truth, const Cohort& cohort) {
  const SimulatorSettings& s = truth.settings;
  const PurposeStream stream(truth.seed, "noise");
  const std::vector<double> gain = weighted_carriers(genes, truth.key, truth.key_effect);
  const std::vector<double> prognosis = weighted_carriers(genes, truth.prognostic, truth.prognostic_effect);
  std::vector<double> log_time(clinical_risk.size());
  for (std::size_t i = 0; i < log_time.size(); ++i) {
    truth.individual_effect.push_back(kTreatmentEffect + gain[i]);
    double value = kSurvivalIntercept + clinical_risk[i];
    if (cohort.treatment[i]) value += truth.individual_effect[i];
    value += prognosis[i];
    value += s.hidden_on_survival * truth.hidden[i];
    log_time[i] = value + s.sigma * draw_noise(stream.item(i), s.noise);
  }
  return log_time;
}

/// Treated patients of the worst quarter by b.V whom the left-over bias takes out; the others' rows.
std::vector<dim_t> kept_rows(const std::vector<double>& clinical_risk, const SimulationTruth& truth,
                             const Cohort& cohort) {
  std::vector<double> sorted = clinical_risk;
  std::sort(sorted.begin(), sorted.end());
  const double worst_quarter = sorted[sorted.size() / 4];
  const PurposeStream stream(truth.seed, "left over");
  std::vector<dim_t> kept;
  for (std::size_t i = 0; i < clinical_risk.size(); ++i) {
    const bool at_risk = cohort.treatment[i] && clinical_risk[i] < worst_quarter;
    if (!at_risk || stream.item(i).uniform() >= truth.settings.left_over_bias) kept.push_back(static_cast<dim_t>(i));
  }
  return kept;
}

void keep_rows(const std::vector<dim_t>& rows, std::vector<double>& values) {
  for (std::size_t i = 0; i < rows.size(); ++i) values[i] = values[static_cast<std::size_t>(rows[i])];
  values.resize(rows.size());
}

/// Leaves out what kept_rows does not name; the rest gets rows and indices from 0.
void leave_out(const std::vector<dim_t>& rows, SimulatedCohort& simulated) {
  for (auto* values : {&simulated.truth.individual_effect, &simulated.truth.propensity, &simulated.truth.hidden,
                       &simulated.truth.uncensored_time}) {
    keep_rows(rows, *values);
  }
  std::vector<dim_t> new_row(static_cast<std::size_t>(simulated.truth.settings.patients), -1);
  for (std::size_t i = 0; i < rows.size(); ++i) new_row[static_cast<std::size_t>(rows[i])] = static_cast<dim_t>(i);
  std::vector<dim_t> keep;
  for (dim_t i = 0; i < simulated.cohort.num_patients(); ++i) {
    if (new_row[static_cast<std::size_t>(simulated.cohort.row[static_cast<std::size_t>(i)])] >= 0) keep.push_back(i);
  }
  simulated.cohort = select_patients(simulated.cohort, keep);
  for (std::size_t i = 0; i < simulated.cohort.row.size(); ++i) {
    simulated.cohort.row[i] = new_row[static_cast<std::size_t>(simulated.cohort.row[i])];
    simulated.cohort.patient_id[i] = std::to_string(simulated.cohort.row[i]);
  }
}

}  // namespace

SimulatedCohort simulate(const SimulatorSettings& settings, std::uint64_t seed) {
  check_settings(settings);
  SimulatedCohort out;
  out.truth.seed = seed;
  out.truth.settings = settings;
  Cohort& cohort = out.cohort;
  cohort.name = "scenario " + settings.scenario;
  cohort.time.resize(static_cast<std::size_t>(settings.patients));
  draw_roles(out.truth);
  cohort.genes = draw_genes(out.truth);
  for (dim_t j = 0; j < settings.genes; ++j) cohort.gene_names.push_back("G" + std::to_string(j + 1));
  draw_hidden(cohort.genes, out.truth);
  draw_clinical(cohort.genes, out.truth, cohort);
  draw_treatment(cohort.genes, out.truth, cohort);
  const std::vector<double> clinical_risk = clinical_sum(cohort, kClinicalOnSurvival);
  draw_follow_up(draw_log_time(cohort.genes, clinical_risk, out.truth, cohort), clinical_risk, out.truth, cohort);
  const std::vector<dim_t> kept = kept_rows(clinical_risk, out.truth, cohort);
  cohort = sort_by_risk(std::move(cohort));
  if (static_cast<dim_t>(kept.size()) < settings.patients) leave_out(kept, out);
  return out;
}

}  // namespace engram::genes
