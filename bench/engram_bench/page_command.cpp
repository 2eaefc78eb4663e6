/// engram-bench page

#include <algorithm>

#include "apps/common/output_file.h"
#include "bench/engram_bench/bench_page.h"
#include "bench/engram_bench/commands.h"

namespace engram::bench {

int run_page(apps::Call& call) {
  std::filesystem::path in, out = "bench.html";
  std::vector<std::string> history;
  apps::Cli cli(call,
                "Writes a page about a file of run --out: the roofline with every kernel, and the history over earlier "
                "files.");
  cli.positional("RESULTS", &in, "File to show").input().required();
  cli.option("history", &history, "Earlier files, in any order").only_on_command_line();
  cli.option("out", &out, "Page to write").only_on_command_line().output();
  if (!cli.parse()) return 0;
  std::vector<Results> results;
  for (const std::string& path : history) results.push_back(read_results(path));
  std::ranges::stable_sort(results, {}, [](const Results& r) { return r.conditions.date; });
  results.push_back(read_results(in));
  apps::OutputFile file(call, out);
  file.write(bench_page(results));
  file.commit();
  file.text() << "wrote " << out.string() << ": " << results.back().rows.size() << " rows, " << history.size()
              << " earlier files\n";
  return 0;
}

}  // namespace engram::bench
