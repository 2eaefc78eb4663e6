#include "bench/kernel_report/gates.h"

#include <fstream>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

#include "kernels/common/error.h"

namespace engram::bench {
namespace {

using nlohmann::json;

double limit_of(const std::vector<Exception>& exceptions, const std::string& gate, double usual) {
  for (const auto& exception : exceptions) {
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

std::vector<std::string> failures_of(const CaseResult& result, const Exceptions& all) {
  const auto found = all.find(result.name);
  const std::vector<Exception> exceptions = found == all.end() ? std::vector<Exception>() : found->second;
  std::vector<std::string> failures;
  if (!result.findings.empty()) failures.push_back("expected no findings of the checker, got:\n" + result.findings);
  const double min_occupancy = limit_of(exceptions, "occupancy", kMinOccupancy);
  for (const auto& row : result.kernels) check_kernel(row, min_occupancy, failures);
  const auto conflicts = std::uint64_t(limit_of(exceptions, "conflicts", double(result.declared_conflicts)));
  if (result.conflicts > conflicts) {
    failures.push_back(message("expected at most ", conflicts, " bank conflicts (declared), got ", result.conflicts));
  }
  const double min_efficiency = limit_of(exceptions, "sectors", kMinSectorEfficiency);
  if (result.sector_efficiency < min_efficiency) {
    failures.push_back(message("expected a sector efficiency of at least ", rounded(min_efficiency), " of ideal, got ",
                               rounded(result.sector_efficiency)));
  }
  const double max_ratio = limit_of(exceptions, "bytes", kMaxBytesOverMinimum);
  const double ratio = double(result.bytes) / double(result.minimum_bytes());
  if (ratio > max_ratio) {
    failures.push_back(message("expected at most ", rounded(max_ratio), " of the declared minimum of ",
                               result.minimum_bytes(), " bytes, got ", rounded(ratio)));
  }
  return failures;
}

Exceptions read_exceptions(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw IoError(message("[counts] expected a readable file, got ", path));
  const json all = json::parse(in, nullptr, false);
  Exceptions exceptions;
  try {
    for (const auto& [name, entry] : all.at("cases").items())
      for (const auto& e : entry.at("exceptions"))
        exceptions[name].push_back(
            {e.at("gate").get<std::string>(), e.at("limit").get<double>(), e.at("reason").get<std::string>()});
  } catch (const json::exception&) {
    throw DataError(message("[counts] expected exceptions by case, got ", path));
  }
  return exceptions;
}

}  // namespace engram::bench
