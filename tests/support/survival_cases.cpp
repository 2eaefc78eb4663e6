#include "tests/support/survival_cases.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "tests/support/golden.h"

namespace engram::testing {
namespace {

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream in(line);
  for (std::string field; std::getline(in, field, ',');) {
    if (field.size() >= 2 && field.front() == '"') field = field.substr(1, field.size() - 2);
    fields.push_back(field);
  }
  return fields;
}

}  // namespace

bool NumberTable::has(const std::string& name) const {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const std::vector<double>& NumberTable::at(const std::string& name) const {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw std::runtime_error("no column " + name);
  return columns[std::size_t(found - names.begin())];
}

NumberTable read_number_table(const std::string& path) {
  std::ifstream in(golden_path("survival/" + path));
  if (!in) throw std::runtime_error("cannot read " + path);
  NumberTable table;
  std::string line;
  std::getline(in, line);
  table.names = fields_of(line);
  table.columns.resize(table.names.size());
  while (std::getline(in, line)) {
    const std::vector<std::string> fields = fields_of(line);
    for (std::size_t j = 0; j < table.names.size(); ++j) {
      const char* text = j < fields.size() ? fields[j].c_str() : "";
      char* end = nullptr;
      const double value = std::strtod(text, &end);
      while (*end == ' ') ++end;
      table.columns[j].push_back(end != text && *end == 0 ? value : std::nan(""));
    }
  }
  return table;
}

std::string golden_text(const std::string& name) {
  std::ifstream in(golden_path("survival/golden/" + name));
  if (!in) throw std::runtime_error("cannot read " + name);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

nlohmann::json read_golden(const std::string& name) {
  return nlohmann::json::parse(golden_text(name));
}

SurvivalCase case_of_table(const NumberTable& table) {
  SurvivalCase result{.outcome = {}, .covariates = survival::CovariateMatrix(dim_t(table.rows())), .cluster = {}};
  for (std::size_t j = 0; j < table.names.size(); ++j) {
    const std::string& name = table.names[j];
    const std::vector<double>& values = table.columns[j];
    if (name == "time") {
      result.outcome.time = values;
    } else if (name == "status" || name == "event") {
      result.outcome.event.assign(values.begin(), values.end());
    } else if (name == "start") {
      result.outcome.entry = values;
    } else if (name == "w") {
      result.outcome.weight = values;
    } else if (name == "strat") {
      result.outcome.stratum.assign(values.begin(), values.end());
    } else if (name == "id") {
      result.cluster.assign(values.begin(), values.end());
    } else {
      result.covariates.add(name, values);
    }
  }
  return result;
}

SurvivalCase load_survival_case(const std::string& name) {
  return case_of_table(read_number_table("cases/" + name + ".csv"));
}

HackathonData load_hackathon() {
  HackathonData data;
  const NumberTable survival = read_number_table("hackathon/Survival_time_event.csv");
  data.outcome.time = survival.at("time");
  data.outcome.event.assign(survival.at("event").begin(), survival.at("event").end());
  data.treatment = read_number_table("hackathon/Treatment.csv").at("Treatment");
  data.clinical = read_number_table("hackathon/Clinical_Variables.csv");
  data.genes = read_number_table("hackathon/Genetic_alterations.csv");
  for (NumberTable* table : {&data.clinical, &data.genes}) {
    table->names.erase(table->names.begin());  // the patient index
    table->columns.erase(table->columns.begin());
  }
  return data;
}

double relative_error(double a, double b) {
  const double difference = std::abs(a - b);
  return std::abs(b) < 1e-300 ? difference : difference / std::abs(b);
}

}  // namespace engram::testing
