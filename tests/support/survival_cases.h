#pragma once
/// The stored survival data sets and the results that R gave for them (tests/golden/survival).

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "models/survival/outcome.h"

namespace engram::testing {

/// A CSV file of numbers, by column. Fields that are no numbers (gene names) are NaN.
struct NumberTable {
  std::vector<std::string> names;
  std::vector<std::vector<double>> columns;

  std::size_t rows() const { return columns.empty() ? 0 : columns[0].size(); }
  bool has(const std::string& name) const;
  const std::vector<double>& at(const std::string& name) const;
};

/// Reads the stored table survival/`path` (golden_path).
NumberTable read_number_table(const std::string& path);

/// The text of the stored file survival/golden/`name` (golden_path).
std::string golden_text(const std::string& name);
/// The same, parsed.
nlohmann::json read_golden(const std::string& name);

/// One of the cases, with its special columns put in their places.
struct SurvivalCase {
  survival::SurvivalOutcome outcome;
  survival::CovariateMatrix covariates;
  std::vector<std::int32_t> cluster;
};
SurvivalCase load_survival_case(const std::string& name);

/// The outcome columns (start, time, status, w, strat) of a table, and all its other columns.
SurvivalCase case_of_table(const NumberTable& table);

/// Competition data: treatment, clinical variables (`with_clinical`), then the genes G1..G300 if wanted.
struct HackathonData {
  survival::SurvivalOutcome outcome;
  std::vector<double> treatment;
  NumberTable clinical, genes;
};
HackathonData load_hackathon();

/// |a - b| relative to |b|, absolute where |b| < 1e-300.
double relative_error(double a, double b);

}  // namespace engram::testing
