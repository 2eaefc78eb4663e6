/// engram-bench export

#include "apps/common/output_file.h"
#include "bench/engram_bench/commands.h"
#include "bench/engram_bench/export.h"

namespace engram::bench {

int run_export(apps::Call& call) {
  std::filesystem::path in, out = "-";
  std::string format;
  apps::Cli cli(call, "Writes a file of engram-bench run --out in the format of another tool.");
  cli.positional("RESULTS", &in, "File to read").input().required();
  cli.option("format", &format, "Format to write").choices(export_formats()).required();
  cli.option("out", &out, "File to write; - is standard output").only_on_command_line().output();
  if (!cli.parse()) return 0;
  const std::string text = exported(read_results(in), format);
  apps::OutputFile file(call, out);
  file.write(text);
  file.commit();
  return 0;
}

}  // namespace engram::bench
