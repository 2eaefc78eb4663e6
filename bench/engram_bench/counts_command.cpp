/// engram-bench counts: what the CUDA kernels ask of the memory system, counted on the emulator, beside what their
/// families declare as the minimum.

#include <ostream>

#include "apps/common/output_file.h"
#include "bench/engram_bench/commands.h"
#include "bench/engram_bench/counted_calls.h"
#include "bench/engram_bench/emulated_counts.h"
#include "bench/engram_bench/iteration_text.h"
#include "bench/engram_bench/surroundings.h"
#include "bench/kernel_report/cases_examples.h"
#include "bench/kernel_report/gates.h"
#include "bench/kernel_report/table.h"
#include "kernels/common/error.h"

namespace engram::bench {
namespace {

struct CountSettings {
  std::string only, iteration;
  std::filesystem::path ptxas = kBudgetFile, limits = kLimitsFile, out;
  std::string arch = "90";
  std::int64_t batch = 256;
  bool sites = false, enforce = false, instructions = false;
};

void add_settings(apps::Cli& cli, CountSettings& s) {
  cli.option("only", &s.only, "Only cases whose name contains this");
  cli.option("sites", &s.sites, "Also show program points, worst first");
  cli.option("enforce", &s.enforce, "Exit code 1 where a case does not keep its limits");
  cli.option("limits", &s.limits, "Exceptions from the limits");
  cli.option("arch", &s.arch, "Compute capability of the occupancy").choices({"80", "89", "90", "100"});
  cli.option("ptxas", &s.ptxas, "Registers and spills, as bench/gates/ptxas_budget wrote them");
  cli.option("instructions", &s.instructions, "Instead, instructions of the CPU kernels, by callgrind");
  cli.option("iteration", &s.iteration, "Instead, one iteration of NaturalInversion of this network");
  cli.option("batch", &s.batch, "Images of that iteration, for the table").at_least(1);
  cli.group("Output");
  cli.option("out", &s.out, "Also write the counts to this file (JSON)").only_on_command_line().output();
}

std::vector<CaseResult> emulated(const CountSettings& s) {
  const Budget budget = read_budget(s.ptxas.string(), "sm_" + s.arch);
  std::vector<CaseResult> results;
  for (const KernelCase& one : report_cases())
    if (one.name.find(s.only) != std::string::npos) results.push_back(measure(one, budget, std::stoi(s.arch)));
  if (results.empty())
    throw UsageError("[counts] expected a case whose name contains " + s.only + ", got none (list shows all)");
  return results;
}

/// A file of results whose rows have counts and no times.
std::string counts_json(const std::vector<CaseResult>& counted, const char* device) {
  Results results;
  results.machine = this_machine(device);
  results.build = this_build();
  results.conditions.date = utc_now();
  for (const CaseResult& one : counted)
    results.rows.push_back({.name = one.name, .cost = one.minimum, .counts = counts_of(one)});
  return results_json(results);
}

/// Prints each limit that is not kept with the command that shows it again; returns their number.
int print_failures(std::ostream& out, const std::vector<CaseResult>& results, const CountSettings& s) {
  const Exceptions exceptions = read_exceptions(s.limits.string());
  int count = 0;
  for (const CaseResult& result : results) {
    const std::vector<std::string> failures = failures_of(result, exceptions);
    for (const std::string& failure : failures) out << "FAILED " << result.name << ": " << failure << "\n";
    if (!failures.empty()) out << "  reproduce: engram-bench counts --only " << result.name << " --sites --enforce\n";
    count += int(failures.size());
  }
  return count;
}

int print_instructions(const CountSettings& s, apps::Call& call) {
  if (!has_callgrind()) throw UsageError("[counts] expected valgrind, got none installed");
  std::vector<std::string> names;
  for (const BenchCase& one : chosen_cases({.scale = 1}))
    if (one.name.find(s.only) != std::string::npos) names.push_back(one.name);
  if (names.empty()) throw UsageError("[counts] expected a case whose name contains " + s.only + ", got none");
  for (const auto& [name, count] : counted_instructions(names))
    apps::print(*call.out, "%-58s%16lld\n", name.c_str(), static_cast<long long>(count));
  return 0;
}

}  // namespace

int run_counts(apps::Call& call) {
  CountSettings s;
  apps::Cli cli(call, "Counts what kernels do, exactly: CUDA kernels on the emulator, CPU kernels under callgrind.");
  add_settings(cli, s);
  if (!cli.parse()) return 0;
  if (s.instructions) return print_instructions(s, call);
  if (!s.iteration.empty()) return print_iteration(*call.out, s.iteration, s.batch);
  apps::OutputFile file(call, s.out);
  const std::vector<CaseResult> results = emulated(s);
  print_table(file.text(), results, std::stoi(s.arch));
  if (s.sites)
    for (const CaseResult& result : results) print_sites(file.text(), result);
  if (file.is_open()) {
    file.write(counts_json(results, "emulated device"));
    file.commit();
  }
  return s.enforce && print_failures(file.text(), results, s) > 0 ? 1 : 0;
}

int run_counted(apps::Call& call) {
  run_counted_calls(call.words);
  return 0;
}

}  // namespace engram::bench
