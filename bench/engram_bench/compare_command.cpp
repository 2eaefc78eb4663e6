/// engram-bench compare OLD NEW

#include <unistd.h>

#include <algorithm>

#include "apps/common/output_file.h"
#include "bench/engram_bench/commands.h"
#include "bench/engram_bench/comparison.h"
#include "bench/engram_bench/side.h"
#include "bench/engram_bench/surroundings.h"
#include "bench/engram_bench/turns.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"

namespace engram::bench {
namespace {

struct CompareSettings {
  std::string old_side, new_side;
  RunOptions run;
  CompareRules rules;
  int rounds = 0;
  bool force = false;
  std::filesystem::path save;
};

void add_settings(apps::Cli& cli, CompareSettings& s) {
  cli.positional("OLD", &s.old_side, "Results file, build folder, or commit").required();
  cli.positional("NEW", &s.new_side, "Likewise").required();
  add_case_options(cli, s.run.cases);
  s.run.rounds = 5;
  add_timing_options(cli, s.run);
  cli.group("Comparison");
  cli.option("rounds", &s.rounds, "Pairs of processes; 0 takes what the number of rows needs").at_least(0);
  cli.option("level", &s.rules.level, "Probability of a false word among all rows").at_least(1e-9).at_most(0.5);
  cli.option("confidence", &s.rules.confidence, "Of the intervals").at_least(0.5).at_most(0.999);
  cli.option("least", &s.rules.least,
             "Relative change below which no word is said; 0 takes 0.02 in turns, 0.15 for runs apart")
      .at_least(0);
  cli.option("force", &s.force, "Compare also results of different machines or builds, marked").only_on_command_line();
  cli.group("Output");
  cli.option("save", &s.save, "Also write old.json and new.json into this folder").only_on_command_line();
}

/// The rounds of two builds.
std::pair<Results, Results> run_builds(const Side& a, const Side& b, CompareSettings& s, apps::Call& call) {
  const std::string session = message(utc_now(), " ", getpid());
  s.run.session = session;
  if (s.rounds == 0) s.rounds = usual_rounds(int(chosen_cases(s.run.cases).size()), s.rules.level);
  apps::print(*call.err, "compare: %d pairs of processes in turns\n", s.rounds);
  return run_in_turns(s.rounds, session, [&](bool is_new, std::uint64_t seed) {
    s.run.seed = seed;
    return run_side(is_new ? b : a, s.run);
  });
}

void save(const std::filesystem::path& folder, const char* name, const Results& results) {
  std::filesystem::create_directories(folder);
  io::AtomicFile file(folder / name);
  file.write(results_json(results));
  file.commit();
}

}  // namespace

int run_compare(apps::Call& call) {
  CompareSettings s;
  apps::Cli cli(call,
                "Runs two builds in turns on this machine, or reads two files of results, and says regression, "
                "improvement or unknown of each row. Exit code 1: a regression, a count that differs, a row that is "
                "gone, or its times.");
  add_settings(cli, s);
  if (!cli.parse()) return 0;
  const Side a = find_side(s.old_side, *call.err), b = find_side(s.new_side, *call.err);
  if (a.is_file() != b.is_file()) throw UsageError("[compare] expected two files or two builds, got one of each");
  const auto [old_results, new_results] =
      a.is_file() ? std::pair(read_results(a.file), read_results(b.file)) : run_builds(a, b, s, call);
  if (!s.save.empty()) {
    save(s.save, "old.json", old_results);
    save(s.save, "new.json", new_results);
  }
  const Comparison comparison = compare(old_results, new_results, s.rules, s.force);
  print_comparison(*call.out, comparison);
  if (!old_results.conditions.is_quiet() || !new_results.conditions.is_quiet())
    apps::print(*call.out, "the machine was NOT QUIET; intervals are wider for it\n");
  return comparison.is_worse() ? 1 : 0;
}

}  // namespace engram::bench
