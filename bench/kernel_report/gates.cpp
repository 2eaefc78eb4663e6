#include "bench/kernel_report/gates.h"

#include <fstream>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

#include "kernels/common/error.h"

namespace engram::bench {
namespace {

using nlohmann::json;

double limit_of(const CaseBaseline* baseline, const std::string& gate, double usual) {
  if (baseline == nullptr) return usual;
  for (const auto& exception : baseline->exceptions) {
    if (exception.gate == gate) return exception.limit;
  }
  return usual;
}

std::string rounded(double value) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(3) << value;
  return out.str();
}

void check_kernel(const KernelRow& row, double min_occupancy, std::vector<std::string>& failures) {
  if (!row.has_resources) return;
  if (row.resources.spill_bytes > 0)
    failures.push_back(message(row.kernel, ": expected no spills, got ", row.resources.spill_bytes, " bytes"));
  if (row.occupancy < min_occupancy) {
    failures.push_back(message(row.kernel, ": expected a theoretical occupancy of at least ", rounded(min_occupancy),
                               ", got ", rounded(row.occupancy), " (bound by ", row.occupancy_bound, ")"));
  }
}

}  // namespace

std::vector<std::string> failures_of(const CaseResult& result, const CaseBaseline* baseline) {
  std::vector<std::string> failures;
  if (!result.findings.empty()) failures.push_back("expected no findings of the checker, got:\n" + result.findings);
  const double min_occupancy = limit_of(baseline, "occupancy", kMinOccupancy);
  for (const auto& row : result.kernels) check_kernel(row, min_occupancy, failures);
  const auto conflicts = std::uint64_t(limit_of(baseline, "conflicts", double(result.declared_conflicts)));
  if (result.conflicts > conflicts) {
    failures.push_back(message("expected at most ", conflicts, " bank conflicts (declared), got ", result.conflicts));
  }
  const double min_efficiency = limit_of(baseline, "sectors", kMinSectorEfficiency);
  if (result.sector_efficiency < min_efficiency) {
    failures.push_back(message("expected a sector efficiency of at least ", rounded(min_efficiency), " of ideal, got ",
                               rounded(result.sector_efficiency)));
  }
  const double max_ratio = limit_of(baseline, "bytes", kMaxBytesOverMinimum);
  const double ratio = double(result.bytes) / double(result.minimum_bytes());
  if (ratio > max_ratio) {
    failures.push_back(message("expected at most ", rounded(max_ratio), " of the declared minimum of ",
                               result.minimum_bytes(), " bytes, got ", rounded(ratio)));
  }
  if (baseline == nullptr) {
    failures.push_back("expected the case in the baseline (--update writes it)");
  } else if (result.launches > baseline->launches) {
    failures.push_back(message("expected at most ", baseline->launches, " launches, got ", result.launches));
  }
  return failures;
}

Baseline read_baseline(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw IoError(message("[kernel-report] expected a readable file, got ", path));
  const json all = json::parse(in, nullptr, false);
  Baseline baseline;
  try {
    for (const auto& [name, entry] : all.at("cases").items()) {
      auto& one = baseline[name];
      one.launches = entry.at("launches").get<int>();
      for (const auto& e : entry.value("exceptions", json::array())) {
        one.exceptions.push_back(
            {e.at("gate").get<std::string>(), e.at("limit").get<double>(), e.at("reason").get<std::string>()});
      }
    }
  } catch (const json::exception&) {
    throw DataError(message("[kernel-report] expected a baseline of cases with launches and exceptions, got ", path));
  }
  return baseline;
}

void write_baseline(const std::string& path, const Baseline& old, const std::vector<CaseResult>& results) {
  json cases = json::object();
  for (const auto& result : results) {
    json& entry = cases[result.name];
    entry["launches"] = result.launches;
    const auto found = old.find(result.name);
    if (found == old.end()) continue;
    for (const auto& e : found->second.exceptions) {
      entry["exceptions"].push_back({{"gate", e.gate}, {"limit", e.limit}, {"reason", e.reason}});
    }
  }
  std::ofstream out(path);
  out << json{{"cases", cases}}.dump(1) << "\n";
  if (!out.flush()) throw IoError(message("[kernel-report] expected to write ", path, ", got an error"));
}

}  // namespace engram::bench
