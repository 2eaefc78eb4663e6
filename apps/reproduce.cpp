/// engram-reproduce: runs the cells of a paper's table that are missing, and writes the table.

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "apps/common/cli.h"
#include "apps/common/common_options.h"
#include "apps/common/exit_code.h"
#include "apps/common/experiment/board.h"
#include "apps/common/experiment/measure_check.h"
#include "apps/common/experiment/program_call.h"
#include "apps/common/experiment/scheduler.h"
#include "apps/common/experiment/shard.h"
#include "apps/common/experiment/table.h"
#include "apps/common/scratch_folder.h"
#include "apps/programs.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"
#include "models/suggest.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;

struct Settings {
  fs::path plan, out;
  std::string scale, shard, only, device;
  std::vector<std::string> data;
  int jobs = 1, threads = 0;
  double memory_limit_mib = 0;
  bool dry_run = false, quiet = false;
};

/// What belongs to one call of the program.
struct Run {
  Settings settings;
  Plan plan;
  std::vector<Cell> cells;
  std::vector<std::size_t> chosen;
  std::map<std::string, fs::path> data;
  int threads = 1;  ///< of a cell
};

void add_settings(Cli& cli, Settings& s) {
  cli.positional("PLAN", &s.plan, "JSON file that lists the cells of a table, as those in apps/plans").required();
  cli.option("out", &s.out, "Folder of the cells and the table; one that is there is continued").required();
  cli.option("scale", &s.scale, "Which of the plan's scales; the first one unless given");
  cli.option("data", &s.data, "Where the plan's data sets are: NAME=FOLDER,...").only_on_command_line();
  cli.option("jobs", &s.jobs, "Cells that run side by side").at_least(1).at_most(256);
  cli.option("threads", &s.threads, "Threads of each cell; 0 shares the processor's among the jobs").at_least(0);
  cli.option("device", &s.device, "Device of each cell; the programs' own choice unless given");
  add_memory_limit_option(cli, s.memory_limit_mib,
                          "Most MiB that the tensors of each cell take on its device; 0 leaves it to the plan");
  cli.option("shard", &s.shard, "I/N: run the I-th of N shares of the cells; SLURM's array task unless given");
  cli.option("only", &s.only, "Run only cells with such a name (* and ? stand for any characters), and their needs");
  cli.option("dry-run", &s.dry_run, "List the cells and their command lines, and run nothing");
  cli.option("quiet", &s.quiet, "Show nothing but the result");
  cli.footer(
      "Example: engram-reproduce apps/plans/cifar10_teachers.json --scale short --data cifar10=FOLDER --out OUT --jobs "
      "2");
}

std::map<std::string, fs::path> read_data(const std::vector<std::string>& words, const Plan& plan) {
  std::map<std::string, fs::path> folders;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == word.size())
      throw UsageError(message("--data: expected NAME=FOLDER, got '", word, "'"));
    const std::string name = word.substr(0, equals);
    if (std::ranges::find(plan.data_names, name) == plan.data_names.end())
      throw UsageError(
          message("--data: expected a data set of the plan, got '", name, "'", did_you_mean(name, plan.data_names)));
    const fs::path folder = word.substr(equals + 1);
    std::error_code ignored;
    if (!fs::is_directory(folder, ignored))
      throw DataError(message("--data: expected a folder for ", name, ", found none at ", folder.string()));
    folders[name] = folder;
  }
  return folders;
}

/// The programs that a plan may name.
const std::map<std::string, ProgramFunction>& known_programs() {
  static const std::map<std::string, ProgramFunction> programs = {
      {"engram-train", run_train}, {"engram-distill", run_distill}, {"engram-invert", run_invert},
      {"engram-eval", run_eval},   {"engram-prune", run_prune},     {"engram-score", run_score},
      {"engram-ood", run_ood}};
  return programs;
}

/// The program of a cell. Throws UsageError for one that there is not.
const ProgramFunction& program_of(const Cell& cell) {
  const auto found = known_programs().find(cell.program);
  if (found != known_programs().end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [name, program] : known_programs()) names.push_back(name);
  throw UsageError(message("cell '", cell.name, "': expected the name of a program, got '", cell.program, "'",
                           did_you_mean(cell.program, names)));
}

/// The most memory that a cell may take: as the command line says, else the plan.
std::string memory_limit(const Run& run, const Cell& cell) {
  if (run.settings.memory_limit_mib > 0) return message(run.settings.memory_limit_mib);
  const auto planned = std::ranges::find(cell.settings, "memory_limit", &PlanSetting::key);
  return planned == cell.settings.end() ? "0" : planned->json;
}

/// The command line of a cell's attempt, without the program. A run that is continued knows its settings; its limit of
/// memory is told again, so that one which ran out of it may get more.
std::vector<std::string> command_line(const Run& run, const CellAttempt& attempt, const fs::path& cells) {
  std::vector<std::string> words = cell_arguments(attempt.cell, run.cells, run.plan, run.data, cells);
  if (attempt.resume) {
    words.push_back("--resume=" + attempt.folder.string());
    words.push_back("--memory-limit=" + memory_limit(run, attempt.cell));
    return words;
  }
  words.push_back("--config=" + attempt.config.string());
  words.push_back("--out=" + attempt.folder.string());
  words.push_back("--threads=" + std::to_string(run.threads));
  if (!run.settings.device.empty()) words.push_back("--device=" + run.settings.device);
  if (run.settings.memory_limit_mib > 0) words.push_back("--memory-limit=" + memory_limit(run, attempt.cell));
  return words;
}

/// Lets each program read its cells' settings, so that a mistake shows before anything runs.
void check_settings(const Run& run) {
  const ScratchFolder scratch("engram-plan");
  std::set<std::string> checked;
  for (std::size_t index : run.chosen) {
    const Cell& cell = run.cells[index];
    if (!checked.insert(cell.name).second) continue;  // seeds differ in nothing that could be wrong
    const ProgramFunction& program = program_of(cell);
    const fs::path config = scratch.path() / "config.json";
    io::write_file(config, cell_config(cell));
    std::vector<std::string> words =
        command_line(run, {cell, config, scratch.path() / cell.hash, false}, scratch.path());
    words.push_back("--check");
    const CallResult result = call_program(
        cell.program, program, words, {}, [] { return false; }, fs::absolute(scratch.path()));
    // The file with the settings is gone when this is read.
    std::string said = message("cell '", cell.name, "': ", result.last_line);
    if (const auto at = said.find(config.string()); at != std::string::npos)
      said.replace(at, config.string().size(), "settings");
    if (result.exit_code == kExitDevice) throw DeviceError(said);
    if (result.exit_code == kExitData) throw DataError(said);
    if (result.exit_code != kExitOk) throw UsageError(said);
  }
}

void print_cells(const Run& run, const CellStore& store, std::ostream& out) {
  for (std::size_t index : run.chosen) {
    const Cell& cell = run.cells[index];
    const CellStatus status = store.status(cell);
    const CellStatus::Kind kind = status.kind;
    const char* state = kind == CellStatus::Kind::kComplete  ? "complete"
                        : kind == CellStatus::Kind::kMissing ? "missing"
                        : kind == CellStatus::Kind::kFailed  ? "failed"
                                                             : "unfinished";
    out << cell.hash << "  " << state << "  " << cell_title(cell) << "\n  " << cell.program;
    for (const std::string& word :
         command_line(run, {cell, store.config_file(cell), store.run_folder(cell), status.begun}, store.cells_folder()))
      out << " " << word;
    out << "\n";
  }
}

int count_complete(const Run& run, const CellStore& store) {
  int complete = 0;
  for (std::size_t index : run.chosen) complete += store.status(run.cells[index]).kind == CellStatus::Kind::kComplete;
  return complete;
}

int reproduce(const Run& run, const CellStore& store, const Call& call) {
  const Settings& s = run.settings;
  SchedulerResult result;
  MeasureCheck measure(run.plan, store);
  for (const std::size_t index : run.chosen)
    if (store.status(run.cells[index]).kind == CellStatus::Kind::kComplete) measure.look(run.cells[index]);
  const auto stop = [&] { return call.stop() || !measure.mistake().empty(); };
  {
    Board board(int(run.chosen.size()), count_complete(run, store), s.jobs, standard_progress(call, s.quiet));
    const RunCell run_cell = [&](const CellAttempt& attempt) -> AttemptResult {
      const CallResult result = call_program(
          attempt.cell.program, program_of(attempt.cell), command_line(run, attempt, store.cells_folder()),
          [&](const std::string& line) { board.said(attempt.cell, line); }, stop);
      if (result.exit_code == kExitOk) measure.look(attempt.cell);
      return {result.exit_code, result.exit_code == kExitOk ? "" : result.last_line};
    };
    result = run_cells(run.cells, run.chosen, store, run_cell, board,
                       {.jobs = s.jobs, .poll_seconds = 1, .stop_requested = stop});
  }
  const Table table = make_table(run.plan, run.cells, store);
  write_table(store.folder(), table);
  *call.out << table_markdown(table) << "\ntable: " << (store.folder() / "table.html").string() << "\n";
  if (const std::string mistake = measure.mistake(); !mistake.empty()) {
    *call.err << call.program << ": " << one_line(mistake) << "\n";
    return kExitFailure;
  }
  if (result.left > 0 && call.stop()) {
    *call.err << "stopped with " << result.left << " cells to do; the same command continues\n";
    return kExitInterrupted;
  }
  if (result.failed > 0) *call.err << result.failed << " cells failed or need one that did; the table says why\n";
  return result.failed > 0 ? kExitFailure : kExitOk;
}

}  // namespace

int run_reproduce(Call& call) {
  Run run;
  Settings& s = run.settings;
  Cli cli(call,
          "Runs the cells of a table that are not there yet, each a program with its settings and a seed, and writes "
          "published beside measured values. Ends with 1 when a cell failed.");
  add_settings(cli, s);
  if (!cli.parse(Cli::Check::kInputs)) return kExitOk;
  run.plan = load_plan(s.plan, s.scale);
  run.cells = expand_cells(run.plan);
  const Shard shard = read_shard(s.shard);
  run.chosen = choose_cells(run.cells, s.only, shard.index, shard.count);
  run.data = read_data(s.data, run.plan);
  run.threads = s.threads > 0 ? s.threads : std::max(1, int(std::thread::hardware_concurrency()) / s.jobs);
  const fs::path out = fs::absolute(s.out);
  const CellStore::Mode mode = s.dry_run ? CellStore::Mode::kLook : CellStore::Mode::kCreate;
  CellStore(out, run.plan, CellStore::Mode::kLook);  // a folder of others is refused before programs start
  check_settings(run);
  if (cli.only_checks()) return kExitOk;
  const CellStore store(out, run.plan, mode);
  if (s.dry_run) {
    print_cells(run, store, *call.out);
    return kExitOk;
  }
  return reproduce(run, store, call);
}

}  // namespace engram::apps
