/// engram-kernel-report: what the CUDA kernels ask of the memory system, counted on the emulator, beside what their
/// families declare as the minimum; and the gates of CI on it.

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <stdexcept>

#include "bench/kernel_report/cases_examples.h"
#include "bench/kernel_report/gates.h"
#include "bench/kernel_report/table.h"
#include "emulator/model/occupancy.h"
#include "kernels/common/error.h"

namespace {

using namespace engram;
using namespace engram::bench;

struct Arguments {
  std::string only, check, update, ptxas;
  int capability = 90;
  bool sites = false, list = false;
};

// Prints each failure with the command that shows it again; returns their number.
int print_failures(const std::vector<CaseResult>& results, const Baseline& baseline, const Arguments& arguments,
                   const std::string& program) {
  int count = 0;
  for (const auto& result : results) {
    const auto found = baseline.find(result.name);
    const auto failures = failures_of(result, found == baseline.end() ? nullptr : &found->second);
    for (const auto& failure : failures) std::cout << "FAILED " << result.name << ": " << failure << "\n";
    count += int(failures.size());
    if (failures.empty()) continue;
    std::cout << "  reproduce: " << program << " --only " << result.name << " --sites --check " << arguments.check
              << (arguments.ptxas.empty() ? "" : " --ptxas " + arguments.ptxas) << "\n";
  }
  return count;
}

int run(const Arguments& arguments, const std::string& program) {
  emu::limits_of(arguments.capability);
  const Budget budget =
      arguments.ptxas.empty() ? Budget{} : read_budget(arguments.ptxas, "sm_" + std::to_string(arguments.capability));
  const std::string& file = arguments.check.empty() ? arguments.update : arguments.check;
  Baseline baseline;
  if (!arguments.check.empty() || (!file.empty() && std::ifstream(file))) baseline = read_baseline(file);
  std::vector<CaseResult> results;
  for (const auto& kernel_case : report_cases()) {
    if (kernel_case.name.find(arguments.only) == std::string::npos) continue;
    if (arguments.list) {
      std::cout << kernel_case.name << "\n";
      continue;
    }
    results.push_back(measure(kernel_case, budget, arguments.capability));
  }
  if (arguments.list) return 0;
  if (results.empty())
    throw UsageError("[kernel-report] expected a case whose name contains " + arguments.only +
                     ", got none (--list shows all)");
  print_table(std::cout, results, arguments.capability);
  if (arguments.sites)
    for (const auto& result : results) print_sites(std::cout, result);
  if (!arguments.update.empty()) write_baseline(arguments.update, baseline, results);
  return arguments.check.empty() || print_failures(results, baseline, arguments, program) == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Counts of the CUDA kernels on the emulator, against declared minimums");
  app.add_option("--only", arguments.only, "Only cases whose name contains this");
  auto* check = app.add_option("--check", arguments.check, "Baseline file: exit code 1 if a gate fails");
  app.add_option("--update", arguments.update, "Write the launches into this baseline file")->excludes(check);
  app.add_option("--ptxas", arguments.ptxas, "Registers and spills: bench/gates/ptxas_budget.json");
  app.add_option("--arch", arguments.capability, "Compute capability of the occupancy: 80, 89, 90, 100");
  app.add_flag("--sites", arguments.sites, "Also the program points of each kernel, worst first");
  app.add_flag("--list", arguments.list, "Only the names of the cases");
  try {
    app.parse(argc, argv);
    return run(arguments, argv[0]);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const UsageError& error) {
    std::cerr << error.what() << "\n";
    return 2;
  } catch (const std::out_of_range& error) {
    std::cerr << "[kernel-report] expected --arch 80, 89, 90 or 100, got " << arguments.capability << "\n";
    return 2;
  } catch (const Error& error) {
    std::cerr << error.what() << "\n";
    return 3;
  }
}
