#include "models/genes/null_cohorts.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/error.h"
#include "models/genes/base_model.h"
#include "models/genes/confounding.h"
#include "models/genes/portable_math.h"
#include "models/genes/simulator.h"

namespace engram::genes {
namespace {

constexpr double kClinicalEffect = 0.3;
constexpr double kFamilyShare = 0.5;  // of a relative's genes that are the family's

/// Bits of the genes in the order of the patients, from a function of patient and gene.
class GeneTable {
 public:
  GeneTable(const NullSetting& s, std::uint64_t seed)
      : s_(s), own_(seed, "null genes"), family_(seed, "null families") {
    const PurposeStream frequencies(seed, "null frequencies");
    for (dim_t j = 0; j < s.genes; ++j) {
      const double u = frequencies.item(std::uint64_t(j)).uniform();
      frequency_.push_back(s.lowest_frequency + u * (s.highest_frequency - s.lowest_frequency));
    }
    const dim_t words = GeneColumns::words_per_gene(s.patients);
    bits_.assign(std::size_t(words * s.genes), 0);
    for (dim_t i = 0; i < s.patients; ++i) add_patient(i, words);
  }

  bool at(dim_t patient, dim_t gene) const {
    const dim_t words = GeneColumns::words_per_gene(s_.patients);
    return bits_[std::size_t(gene * words + patient / 64)] >> (patient % 64) & 1;
  }
  GeneColumns columns() && { return {s_.patients, s_.genes, std::move(bits_)}; }

 private:
  void add_patient(dim_t i, dim_t words) {
    PurposeStream::Item own = own_.item(std::uint64_t(i)), family = family_.item(std::uint64_t(i / s_.family));
    for (dim_t j = 0; j < s_.genes; ++j) {
      const double f = frequency_[std::size_t(j)];
      const bool inherited = family.uniform() < f, mutated = own.uniform() < f;
      const bool inherits = s_.family > 1 && own.uniform() < kFamilyShare;
      if (inherits ? inherited : mutated) bits_[std::size_t(j * words + i / 64)] |= std::uint64_t{1} << (i % 64);
    }
  }

  const NullSetting& s_;
  PurposeStream own_, family_;
  std::vector<double> frequency_;
  std::vector<std::uint64_t> bits_;
};

/// Ends follow-up at exponential times after the entry, whose scale lets about the wanted share die.
void censor(double deaths, const std::vector<double>& limit, Cohort& cohort) {
  const auto entry = [&](std::size_t i) { return cohort.entry.empty() ? 0.0 : cohort.entry[i]; };
  double low = -30, high = 30;
  const std::vector<double> death = cohort.time;
  for (int step = 0; step < 60; ++step) {
    const double middle = 0.5 * (low + high);
    double seen = 0;
    for (std::size_t i = 0; i < death.size(); ++i) seen += death[i] <= entry(i) + std::exp(middle) * limit[i];
    (seen < deaths * double(death.size()) ? low : high) = middle;
  }
  for (std::size_t i = 0; i < death.size(); ++i) {
    const double end = entry(i) + std::exp(high) * limit[i];
    cohort.event[i] = death[i] <= end;
    cohort.time[i] = std::min(death[i], end);
  }
}

/// Log times without the noise's part; fills clinical variables, treatment and the prognostic genes.
std::vector<double> expected_log_time(const NullSetting& s, const GeneTable& genes, std::uint64_t seed,
                                      NullCohort& out) {
  Cohort& c = out.cohort;
  const PurposeStream clinical(seed, "null clinical"), treatment(seed, "null treatment"), family(seed, "null frailty");
  std::vector<double> log_time(std::size_t(s.patients), 0.0);
  c.clinical.resize(std::size_t(s.patients * s.clinical));
  for (int k = 0; k < s.clinical; ++k) c.clinical_names.push_back("Var" + std::to_string(k + 1));
  for (dim_t i = 0; i < s.patients; ++i) {
    PurposeStream::Item draw = clinical.item(std::uint64_t(i)), lot = treatment.item(std::uint64_t(i));
    double logit = std::log(s.treated / (1 - s.treated)), sum = 0;
    for (int k = 0; k < s.clinical; ++k) {
      const double value = draw.normal();
      c.clinical[std::size_t(k * s.patients + i)] = value;
      logit += s.confounding * value;
      sum += kClinicalEffect * value;
    }
    const bool treated = lot.uniform() < 1 / (1 + std::exp(-logit));
    c.treatment.push_back(treated);
    if (s.family > 1) sum += s.family_deviation * family.item(std::uint64_t(i / s.family)).normal();
    if (treated) sum += s.treatment_effect + (lot.uniform() < s.responders ? s.response : 0);
    for (dim_t j = 0; j < s.prognostic; ++j)
      if (genes.at(i, j)) sum += s.prognostic_effect * double(j + 1) / double(s.prognostic) * (j % 2 ? -1 : 1);
    log_time[std::size_t(i)] = sum;
  }
  return log_time;
}

/// Logarithm of a patient's standard time. Who is observed from an entry on lives until then: the integrated hazard to
/// it and what is drawn after it add up.
double draw_error(const NullSetting& s, PurposeStream::Item draw, double expected, double deviation, double entry) {
  if (!s.hazards) return draw.normal();
  const double before = entry > 0 ? std::exp((std::log(entry) - expected) / deviation) : 0;
  return std::log(before + draw.exponential());
}

NullCohort draw_own(const NullSetting& s, std::uint64_t seed) {
  NullCohort out;
  Cohort& c = out.cohort;
  c.name = s.name;
  GeneTable genes(s, seed);
  const std::vector<double> expected = expected_log_time(s, genes, seed, out);
  const PurposeStream noise(seed, "null noise"), censoring(seed, "null censoring"), late(seed, "null entries");
  std::vector<double> limit;
  for (dim_t i = 0; i < s.patients; ++i) {
    PurposeStream::Item end = censoring.item(std::uint64_t(i)), begin = late.item(std::uint64_t(i));
    const double mean = expected[std::size_t(i)], deviation = s.deviation[c.treatment[std::size_t(i)]];
    const double entry = begin.uniform() < s.late ? std::exp(0.5 * begin.normal() - 0.7) : 0;
    if (s.late > 0) c.entry.push_back(entry);
    const double error = draw_error(s, noise.item(std::uint64_t(i)), mean, deviation, entry);
    c.time.push_back(std::exp(mean + deviation * error));
    limit.push_back(end.exponential());
    if (s.family > 1) c.cluster.push_back(std::int32_t(i / s.family));
  }
  c.event.assign(c.time.size(), 1);
  censor(s.deaths, limit, c);
  for (dim_t j = 0; j < s.genes; ++j) {
    c.gene_names.push_back("G" + std::to_string(j + 1));
    if (!s.prognostic_only || j < s.prognostic) out.null_genes.push_back(j);
  }
  out.effect.assign(std::size_t(s.genes), 0);
  c.genes = std::move(genes).columns();
  c = sort_by_risk(std::move(c));
  return out;
}

NullCohort draw_simulated(const NullSetting& s, std::uint64_t seed) {
  SimulatorSettings settings = scenario(s.scenario);
  settings.patients = s.patients;
  settings.genes = s.genes;
  SimulatedCohort simulated = simulate(settings, seed);
  NullCohort out{std::move(simulated.cohort), {}, {}, std::vector<double>(std::size_t(s.genes), 0.0)};
  const SimulationTruth& truth = simulated.truth;
  for (std::size_t k = 0; k < truth.key.size() && !s.permute_treatment; ++k) {
    out.key_genes.push_back(truth.key[k]);
    out.effect[std::size_t(truth.key[k])] = truth.key_effect[k];
  }
  for (dim_t j = 0; j < s.genes; ++j) {
    const bool role = std::ranges::count(truth.key, j) + std::ranges::count(truth.prognostic, j) > 0;
    if (!role || s.permute_treatment || truth.key.empty()) out.null_genes.push_back(j);
  }
  return out;
}

std::vector<NullSetting> make_settings() {
  NullSetting base;
  base.name = "null-500";
  base.description = "500 patients, 250 deaths";
  const auto with = [&](const char* name, const char* description, const auto& change) {
    NullSetting s = base;
    s.name = name;
    s.description = description;
    change(s);
    return s;
  };
  return {
      with("few-deaths", "200 patients, 40 deaths", [](NullSetting& s) { s.patients = 200, s.deaths = 0.2; }),
      with("null-300", "300 patients, 150 deaths", [](NullSetting& s) { s.patients = 300; }),
      with("prognostic", "300 patients; ten prognostic genes, treatment by clinical state",
           [](NullSetting& s) { s.patients = 300, s.confounding = 0.7, s.prognostic = 10, s.prognostic_effect = 0.7; }),
      base,
      with("null-1000", "1000 patients, 500 deaths", [](NullSetting& s) { s.patients = 1000; }),
      with("responders", "500 patients, a quarter treated, 40 % of them live eight times as long",
           [](NullSetting& s) {
             s.treated = 0.25, s.responders = 0.4, s.response = std::log(8.0), s.treatment_effect = 0, s.deaths = 0.7;
           }),
      with("sd-by-arm", "500 patients, 30 % treated; log-normal, standard deviation 0.4 untreated and 1.6 treated",
           [](NullSetting& s) {
             s.hazards = false, s.deviation[0] = 0.4, s.deviation[1] = 1.6, s.deaths = 0.9, s.treated = 0.3;
           }),
      with("late-entry", "500 patients, half of them observed from an entry on", [](NullSetting& s) { s.late = 0.5; }),
      with("families", "500 patients in families of four that share genes and an effect on survival",
           [](NullSetting& s) { s.family = 4, s.family_deviation = 0.8; }),
      with("prognostic-only", "500 patients; 20 prognostic genes, which alone are looked at",
           [](NullSetting& s) {
             s.genes = 60, s.prognostic = 20, s.prognostic_effect = 1, s.prognostic_only = true, s.deaths = 0.8;
           }),
      with("rare", "100 patients, 50 deaths, genes of 1 to 10 %",
           [](NullSetting& s) { s.patients = 100, s.lowest_frequency = 0.01, s.highest_frequency = 0.1; }),
      with("rare-300", "300 patients, 150 deaths, genes of 2 %",
           [](NullSetting& s) { s.patients = 300, s.lowest_frequency = s.highest_frequency = 0.02; }),
      with("large", "2000 patients, 1000 deaths, genes of 1 to 50 %",
           [](NullSetting& s) { s.patients = 2000, s.lowest_frequency = 0.01; }),
      with("N", "scenario N", [](NullSetting& s) { s.simulator = true, s.scenario = "N", s.patients = 1000; }),
      with("H", "scenario H", [](NullSetting& s) { s.simulator = true, s.scenario = "H", s.patients = 1000; }),
      with("H-1000", "scenario H with 1000 genes",
           [](NullSetting& s) { s.simulator = true, s.scenario = "H", s.patients = s.genes = 1000; }),
      with("C", "scenario C", [](NullSetting& s) { s.simulator = true, s.scenario = "C", s.patients = 1000; }),
      with("D", "scenario D", [](NullSetting& s) { s.simulator = true, s.scenario = "D", s.patients = 1000; }),
      with("W", "scenario W", [](NullSetting& s) { s.simulator = true, s.scenario = "W", s.patients = 1000; }),
      with("S", "scenario S", [](NullSetting& s) { s.simulator = true, s.scenario = "S", s.genes = 2000; }),
      with("permuted", "scenario H, treatment permuted within fifths of the propensity",
           [](NullSetting& s) { s.simulator = s.permute_treatment = true, s.scenario = "H", s.patients = 1000; })};
}

}  // namespace

const std::vector<NullSetting>& null_settings() {
  static const std::vector<NullSetting> settings = make_settings();
  return settings;
}

const NullSetting& null_setting(const std::string& name) {
  std::string names;
  for (const NullSetting& s : null_settings()) {
    if (s.name == name) return s;
    names += (names.empty() ? "" : ", ") + s.name;
  }
  throw UsageError(message("[calibrate] expected a setting of ", names, ", got '", name, "'"));
}

NullCohort draw_null_cohort(const NullSetting& setting, std::uint64_t seed) {
  NullCohort drawn = setting.simulator ? draw_simulated(setting, seed) : draw_own(setting, seed);
  if (setting.permute_treatment) {
    const ConfoundingReport report = confounding_report(drawn.cohort, choose_model(drawn.cohort));
    drawn.cohort.treatment = permuted_treatment(drawn.cohort, report.propensity, seed, 0);
  }
  return drawn;
}

}  // namespace engram::genes
