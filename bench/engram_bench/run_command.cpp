/// engram-bench run

#include "apps/common/output_file.h"
#include "bench/engram_bench/commands.h"

namespace engram::bench {

int run_run(apps::Call& call) {
  RunOptions options;
  std::filesystem::path out;
  bool table = true;
  apps::Cli cli(call,
                "Times kernel cases beside a copy of as many bytes, in random order with pinned threads, and says when "
                "the machine was not quiet.");
  add_case_options(cli, options.cases);
  add_timing_options(cli, options);
  cli.option("session", &options.session, "Name of the runs that this one alternates with").only_on_command_line();
  cli.group("Output");
  cli.option("out", &out, "Also write the samples to this file (JSON); - is standard output")
      .only_on_command_line()
      .output();
  cli.option("table", &table, "Print the table").only_on_command_line();
  if (!cli.parse()) return 0;
  apps::OutputFile file(call, out);
  const Results results = measure_cases(options);
  if (table) print_results(file.text(), results);
  if (!file.is_open()) return 0;
  file.write(results_json(results));
  file.commit();
  return 0;
}

}  // namespace engram::bench
