/// engram-bench gate

#include <algorithm>
#include <ostream>

#include "bench/engram_bench/commands.h"
#include "bench/engram_bench/gate_sections.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"
#include "models/suggest.h"

namespace engram::bench {
namespace {

std::vector<std::string> section_names() {
  std::vector<std::string> names;
  for (const GateSectionKind& kind : gate_sections()) names.push_back(kind.name);
  return names;
}

/// The words of a command line that were given, for the command that accepts.
std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += " " + word;
  return text;
}

/// What the sections say together.
struct Judgement {
  std::vector<FigureChange> changes;
  std::vector<std::string> failures;
};

void judge(const GateSectionKind& kind, const GateState& state, const GateBaseline& baseline, std::ostream& out,
           Judgement& all) {
  const auto found = baseline.find(kind.name);
  const GateSection was = found == baseline.end() ? GateSection{state.now.made_by, {}} : found->second;
  for (const std::string& failure : state.failures) all.failures.push_back(kind.name + ": " + failure);
  if (!state.not_run.empty()) {
    apps::print(out, "%-13snot looked at: %s\n", kind.name.c_str(), state.not_run.c_str());
  } else if (was.made_by != state.now.made_by) {
    apps::print(out, "%-13snot compared: the baseline is by %s, this build by %s\n", kind.name.c_str(),
                was.made_by.c_str(), state.now.made_by.c_str());
  } else {
    const std::vector<FigureChange> found_here = changes(kind.name, was.figures, state.now.figures, kind.tolerance);
    apps::print(out, "%-13s%zu figures, %zu changed\n", kind.name.c_str(), state.now.figures.size(), found_here.size());
    all.changes.insert(all.changes.end(), found_here.begin(), found_here.end());
  }
}

int report(std::ostream& out, const Judgement& all, const std::string& accept) {
  if (!all.changes.empty()) {
    print_changes(out, all.changes);
    apps::print(out, "if that is meant: %s\n", accept.c_str());
  }
  for (const std::string& failure : all.failures) out << "FAILED " << failure << "\n";
  return all.changes.empty() && all.failures.empty() ? 0 : 1;
}

void write(const std::filesystem::path& path, const GateBaseline& baseline) {
  io::AtomicFile file(path);
  file.write(baseline_json(baseline));
  file.commit();
}

}  // namespace

int run_gate(apps::Call& call) {
  std::vector<std::string> sections;
  std::filesystem::path path = ENGRAM_SOURCE_DIR "/bench/gates/baseline.json";
  bool accept = false, quiet = false;
  apps::Cli cli(
      call,
      "Looks at everything that is exact, and compares it with the baseline of the repository. Exit code 1: a "
      "figure changed, or a limit is not kept.");
  cli.positional("SECTION", &sections, "steps, iteration, kernels, ptxas, instructions; all without one");
  cli.option("baseline", &path, "File of figures").only_on_command_line();
  cli.option("accept", &accept, "Write the present figures of the sections into it").only_on_command_line();
  cli.option("quiet", &quiet, "Show no progress").only_on_command_line();
  if (!cli.parse()) return 0;
  const std::vector<std::string> known = section_names();
  for (const std::string& name : sections)
    if (std::ranges::find(known, name) == known.end())
      throw UsageError(message("[gate] expected a section, got '", name, "'", did_you_mean(name, known)));
  GateBaseline baseline;
  if (!accept || std::filesystem::exists(path)) baseline = read_gate_baseline(path);
  Judgement all;
  for (const GateSectionKind& kind : gate_sections()) {
    if (!sections.empty() && std::ranges::find(sections, kind.name) == sections.end()) continue;
    if (!quiet) *call.err << "gate: looks at " << kind.name << ", " << kind.what << std::endl;  // takes minutes
    const GateState state = kind.look();
    if (accept && state.not_run.empty() && !state.now.figures.empty()) baseline[kind.name] = state.now;
    judge(kind, state, baseline, *call.out, all);
  }
  if (accept) write(path, baseline);
  return report(*call.out, all, call.program + " --accept" + joined(sections));
}

}  // namespace engram::bench
