#include "apps/genes/comparison_summary.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/common/html.h"
#include "engine/io/atomic_file.h"
#include "engine/io/csv.h"

namespace engram::apps {
namespace {

using genes::MeanAndError;

/// One method's entry of a cell, or null.
const CellEntry* find(const ComparisonCell& cell, const std::string& method) {
  for (const CellEntry& e : cell.entries)
    if (e.method == method && e.applicable) return &e;
  return nullptr;
}

std::vector<std::string> distinct(const std::vector<ComparisonCell>& cells,
                                  const std::function<std::vector<std::string>(const ComparisonCell&)>& values) {
  std::vector<std::string> result;
  for (const ComparisonCell& cell : cells)
    for (const std::string& value : values(cell))
      if (std::ranges::find(result, value) == result.end()) result.push_back(value);
  return result;
}

using Entries = std::vector<const CellEntry*>;

MeanAndError mean_of(const Entries& entries, const std::function<double(const CellEntry&)>& value) {
  std::vector<double> values;
  for (const CellEntry* e : entries) values.push_back(value(*e));
  return genes::mean_and_error(values);
}

PredictionSummary summarise_predictions(Entries entries) {
  std::erase_if(entries, [](const CellEntry* e) { return !e->prediction; });
  PredictionSummary p;
  p.base_harrell = mean_of(entries, [](const CellEntry& e) { return e.prediction->base.harrell; });
  p.harrell = mean_of(entries, [](const CellEntry& e) { return e.prediction->genes.harrell; });
  p.uno = mean_of(entries, [](const CellEntry& e) { return e.prediction->genes.uno; });
  p.harrell_gain =
      mean_of(entries, [](const CellEntry& e) { return e.prediction->genes.harrell - e.prediction->base.harrell; });
  p.uno_gain = mean_of(entries, [](const CellEntry& e) { return e.prediction->genes.uno - e.prediction->base.uno; });
  p.partial_likelihood_gain = mean_of(entries, [](const CellEntry& e) {
    return e.prediction->genes.partial_likelihood - e.prediction->base.partial_likelihood;
  });
  return p;
}

BenefitSummary summarise_benefits(Entries entries) {
  std::erase_if(entries, [](const CellEntry* e) { return !e->benefit; });
  return {mean_of(entries, [](const CellEntry& e) { return e.benefit->concordance; }),
          mean_of(entries, [](const CellEntry& e) { return e.benefit->gain_of_all; }),
          mean_of(entries, [](const CellEntry& e) { return e.benefit->gain_of_recommended; })};
}

SummaryRow row_of(const std::vector<const ComparisonCell*>& cells, const std::string& method,
                  const std::string& reference) {
  SummaryRow row;
  row.method = method;
  Entries entries;
  std::vector<double> differences;
  for (const ComparisonCell* cell : cells) {
    const CellEntry *e = find(*cell, method), *other = find(*cell, reference);
    if (e == nullptr) continue;
    entries.push_back(e);
    if (other != nullptr) differences.push_back(e->recovery.f1 - other->recovery.f1);
  }
  const auto mean = [&](const std::function<double(const CellEntry&)>& value) { return mean_of(entries, value); };
  row.cohorts = int(entries.size());
  row.hits = mean([](const CellEntry& e) { return double(e.recovery.hits); });
  row.precision = mean([](const CellEntry& e) { return e.recovery.precision; });
  row.recall = mean([](const CellEntry& e) { return e.recovery.recall; });
  row.f1 = mean([](const CellEntry& e) { return e.recovery.f1; });
  row.average_precision = mean([](const CellEntry& e) { return e.recovery.average_precision; });
  row.prognostic = mean([](const CellEntry& e) { return double(e.recovery.prognostic); });
  row.decoys = mean([](const CellEntry& e) { return double(e.recovery.decoys); });
  row.declared = mean([](const CellEntry& e) { return double(e.declared); });
  row.worst_rank = mean([](const CellEntry& e) { return double(e.recovery.worst_rank); });
  row.seconds = mean([](const CellEntry& e) { return e.seconds; });
  row.fitness = mean([](const CellEntry& e) { return e.fitness; });
  row.evaluations = mean([](const CellEntry& e) { return double(e.evaluations); });
  row.f1_difference = genes::mean_and_error(differences).mean;
  row.wilcoxon_p = genes::wilcoxon_signed_rank_p(differences);
  row.prediction = summarise_predictions(entries);
  row.benefit = summarise_benefits(entries);
  return row;
}

/// What not every comparison measures, by name; counts are 0 where it was not.
std::vector<std::pair<std::string, MeanAndError>> optional_means(const SummaryRow& r) {
  return {{"benefit_concordance", r.benefit.concordance},
          {"gain_of_all", r.benefit.gain_of_all},
          {"gain_of_recommended", r.benefit.gain_of_recommended},
          {"base_harrell", r.prediction.base_harrell},
          {"harrell", r.prediction.harrell},
          {"uno", r.prediction.uno},
          {"harrell_gain", r.prediction.harrell_gain},
          {"uno_gain", r.prediction.uno_gain},
          {"partial_likelihood_gain", r.prediction.partial_likelihood_gain}};
}

/// What the lists predict in one scenario; nothing where that was not measured.
std::string use_markdown(const std::vector<SummaryRow>& rows, const std::string& scenario) {
  std::string out;
  for (const SummaryRow& r : rows) {
    if (r.scenario != scenario || !measures_use(r)) continue;
    if (out.empty()) {
      out += "\n| method |";
      for (const std::string& name : use_columns()) out += " " + name + " |";
      out += "\n|---|";
      for (std::size_t i = 0; i < use_columns().size(); ++i) out += "---|";
      out += "\n";
    }
    out += "| " + r.method + " |";
    for (const std::string& cell : use_cells(r)) out += " " + cell + " |";
    out += "\n";
  }
  return out;
}

}  // namespace

std::string with_error(const MeanAndError& value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f ± %.*f", digits, value.mean, digits, value.standard_error);
  return text;
}

bool measures_use(const SummaryRow& row) {
  return row.prediction.harrell.count > 0 || row.benefit.concordance.count > 0;
}

const std::vector<std::string>& use_columns() {
  static const std::vector<std::string> columns = {"concordance of held-out patients (Harrell)",
                                                   "Uno",
                                                   "gain over no genes (Harrell)",
                                                   "gain (Uno)",
                                                   "gain (partial likelihood)",
                                                   "benefit concordance",
                                                   "true gain of those recommended (of all)"};
  return columns;
}

std::vector<std::string> use_cells(const SummaryRow& row) {
  const PredictionSummary& p = row.prediction;
  const BenefitSummary& b = row.benefit;
  const auto text = [](const MeanAndError& value, int digits) {
    return value.count > 0 ? with_error(value, digits) : std::string();
  };
  std::string gain = text(b.gain_of_recommended, 3);
  if (!gain.empty()) gain += " (" + number_text(b.gain_of_all.mean, 3) + ")";
  return {text(p.harrell, 4),
          text(p.uno, 4),
          text(p.harrell_gain, 4),
          text(p.uno_gain, 4),
          text(p.partial_likelihood_gain, 1),
          text(b.concordance, 3),
          gain};
}

std::vector<SummaryRow> summarise(const std::vector<ComparisonCell>& cells, const std::string& reference) {
  const auto scenarios = distinct(cells, [](const ComparisonCell& c) { return std::vector<std::string>{c.scenario}; });
  const auto methods = distinct(cells, [](const ComparisonCell& c) {
    std::vector<std::string> names;
    for (const CellEntry& e : c.entries) names.push_back(e.method);
    return names;
  });
  std::vector<SummaryRow> rows;
  for (const std::string& scenario : scenarios) {
    std::vector<const ComparisonCell*> some;
    for (const ComparisonCell& cell : cells)
      if (cell.scenario == scenario) some.push_back(&cell);
    for (const std::string& method : methods) {
      rows.push_back(row_of(some, method, reference));
      rows.back().scenario = scenario;
    }
  }
  return rows;
}

void write_summary_csv(const std::filesystem::path& file, const std::vector<SummaryRow>& rows) {
  std::vector<std::string> header = {"scenario",
                                     "method",
                                     "cohorts",
                                     "hits",
                                     "hits_se",
                                     "precision",
                                     "precision_se",
                                     "recall",
                                     "recall_se",
                                     "f1",
                                     "f1_se",
                                     "average_precision",
                                     "average_precision_se",
                                     "worst_rank",
                                     "prognostic",
                                     "decoys",
                                     "declared",
                                     "declared_se",
                                     "fitness",
                                     "evaluations",
                                     "seconds",
                                     "f1_difference",
                                     "wilcoxon_p"};
  for (const auto& [name, value] : optional_means(SummaryRow())) {
    header.push_back(name);
    header.push_back(name + "_se");
  }
  io::CsvWriter csv(file, header);
  for (const SummaryRow& r : rows) {
    csv.cell(r.scenario).cell(r.method).cell(std::int64_t(r.cohorts));
    for (const MeanAndError* value : {&r.hits, &r.precision, &r.recall, &r.f1, &r.average_precision})
      csv.cell(value->mean).cell(value->standard_error);
    csv.cell(r.worst_rank.mean).cell(r.prognostic.mean).cell(r.decoys.mean);
    csv.cell(r.declared.mean).cell(r.declared.standard_error).cell(r.fitness.mean).cell(r.evaluations.mean);
    csv.cell(r.seconds.mean).cell(r.f1_difference).cell(r.wilcoxon_p);
    for (const auto& [name, value] : optional_means(r)) {
      if (value.count > 0) {
        csv.cell(value.mean).cell(value.standard_error);
      } else {
        csv.cell("").cell("");
      }
    }
    csv.end_row();
  }
  csv.commit();
}

void write_summary_json(const std::filesystem::path& file, const std::vector<SummaryRow>& rows) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  const auto pair = [](const MeanAndError& v) {
    return nlohmann::ordered_json{{"mean", v.mean}, {"standard_error", v.standard_error}};
  };
  for (const SummaryRow& r : rows) {
    json.push_back({{"scenario", r.scenario},
                    {"method", r.method},
                    {"cohorts", r.cohorts},
                    {"hits", pair(r.hits)},
                    {"precision", pair(r.precision)},
                    {"recall", pair(r.recall)},
                    {"f1", pair(r.f1)},
                    {"average_precision", pair(r.average_precision)},
                    {"worst_rank", pair(r.worst_rank)},
                    {"prognostic", pair(r.prognostic)},
                    {"decoys", pair(r.decoys)},
                    {"declared", pair(r.declared)},
                    {"fitness", pair(r.fitness)},
                    {"evaluations", pair(r.evaluations)},
                    {"seconds", pair(r.seconds)},
                    {"f1_difference", r.f1_difference},
                    {"wilcoxon_p", r.wilcoxon_p}});
    for (const auto& [name, value] : optional_means(r))
      if (value.count > 0) json.back()[name] = pair(value);
  }
  io::write_file(file, json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

std::string summary_markdown(const std::vector<SummaryRow>& rows) {
  std::string out, scenario;
  for (const SummaryRow& r : rows) {
    if (r.scenario != scenario) {
      if (!scenario.empty()) out += use_markdown(rows, scenario);
      scenario = r.scenario;
      out += "\n### " + scenario +
             "\n\n| method | cohorts | hits of 10 | precision | recall | F1 | average precision | "
             "prognostic | decoys | F1 against the pipeline | Wilcoxon p "
             "|\n|---|---|---|---|---|---|---|---|---|---|---|\n";
    }
    if (r.cohorts == 0) {
      out += "| " + r.method + " | 0 | not applicable | | | | | | | | |\n";
      continue;
    }
    char ends[160];
    std::snprintf(ends, sizeof ends, " | %.2f | %.2f | %+.3f | %.2g |\n", r.prognostic.mean, r.decoys.mean,
                  r.f1_difference, r.wilcoxon_p);
    out += "| " + r.method + " | " + std::to_string(r.cohorts) + " | " + with_error(r.hits, 2) + " | " +
           with_error(r.precision, 3) + " | " + with_error(r.recall, 3) + " | " + with_error(r.f1, 3) + " | " +
           with_error(r.average_precision, 3) + ends;
  }
  if (!scenario.empty()) out += use_markdown(rows, scenario);
  return out;
}

}  // namespace engram::apps
