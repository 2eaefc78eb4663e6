/// engram-genes evaluate

#include <algorithm>
#include <cstdio>
#include <functional>

#include "apps/common/exit_code.h"
#include "apps/genes/commands.h"
#include "apps/genes/comparison_report.h"
#include "apps/genes/data_settings.h"
#include "apps/genes/fitness_settings.h"
#include "engine/io/atomic_file.h"
#include "engine/io/csv.h"
#include "kernels/common/error.h"
#include "models/genes/base_model.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;
using genes::AnswerKey;
using genes::Cohort;

constexpr const char* kReference = "pipeline";

struct EvaluateSettings {
  CommonOptions common;
  CohortSettings data;
  fs::path key;
  bool inferred = false;
  std::vector<std::string> scenarios, methods;
  FitnessSettings fitness;
  std::int64_t cohorts = 20, evaluations = 1500, pipeline_seeds = 1, report = 10, folds = 0;
};

void add_settings(Cli& cli, EvaluateSettings& s) {
  cli.group("Against what");
  cli.option("scenarios", &s.scenarios, "Simulated cohorts").choices(genes::scenario_names());
  cli.option("cohorts", &s.cohorts, "Cohorts of each scenario, or repetitions with other seeds on given data")
      .at_least(1)
      .at_most(100000);
  cli.option("key", &s.key, "With --data: CSV with columns gene and role (treatment_interaction, prognostic_only...)")
      .input();
  cli.option("inferred", &s.inferred, "The key is a re-analysis, not an official answer: say so everywhere");
  add_cohort_settings(cli, s.data);
  cli.group("Methods");
  cli.option("methods", &s.methods, "Methods; none takes all").choices(genes::method_names());
  cli.option("evaluations", &s.evaluations, "Sets that each search evaluates").at_least(1);
  cli.option("pipeline-seeds", &s.pipeline_seeds, "Searches within the default pipeline").at_least(1).at_most(1000);
  cli.option("report", &s.report, "Genes that each method reports").at_least(1).at_most(128);
  add_fitness_settings(cli, s.fitness);
  cli.option("folds", &s.folds,
             "Folds of a cross-validation in which every method selects anew: how well its genes predict survival; 0 "
             "skips it")
      .at_least(0)
      .at_most(1000);
  add_filter_settings(cli, s.fitness);
  add_seed_option(cli, s.common);
  add_running_options(cli, s.common);
  add_resumable_run_options(cli, s.common);
}

/// Cohorts to compare on, each made when its turn comes.
struct Task {
  std::string scenario;
  std::uint64_t seed = 0;
};

AnswerKey read_key(const fs::path& file, const Cohort& cohort, bool inferred) {
  io::CsvReader reader = io::CsvReader::open(file);
  const std::ptrdiff_t gene = reader.find_column("gene"), role = reader.find_column("role");
  if (gene < 0 || role < 0) throw DataError(message("[evaluate] expected columns gene and role in ", file.string()));
  AnswerKey key;
  key.inferred = inferred;
  while (reader.next()) {
    const std::string name(reader.cells()[std::size_t(gene)]), what(reader.cells()[std::size_t(role)]);
    const auto found = std::ranges::find(cohort.gene_names, name);
    if (found == cohort.gene_names.end())
      throw DataError(message("[evaluate] expected genes of the cohort in ", file.string(), ", got '", name, "'"));
    const dim_t index = dim_t(found - cohort.gene_names.begin());
    (what == "treatment_interaction" ? key.key : key.prognostic).push_back(index);
  }
  if (key.key.empty())
    throw DataError(message("[evaluate] expected genes of the role treatment_interaction in ", file.string()));
  return key;
}

std::vector<Task> tasks_of(const EvaluateSettings& s) {
  std::vector<Task> tasks;
  if (!s.data.data.empty()) {
    for (std::int64_t i = 0; i < s.cohorts; ++i) tasks.push_back({"data", s.common.seed + std::uint64_t(i)});
    return tasks;
  }
  for (const std::string& scenario : s.scenarios)
    for (std::int64_t i = 0; i < s.cohorts; ++i) tasks.push_back({scenario, s.common.seed + std::uint64_t(i)});
  return tasks;
}

fs::path cell_file(const fs::path& run, const Task& task) {
  char name[64];
  std::snprintf(name, sizeof name, "%s_%05llu.json", task.scenario.c_str(), static_cast<unsigned long long>(task.seed));
  return run / "cells" / name;
}

void check(const EvaluateSettings& s) {
  if (s.data.data.empty() == s.scenarios.empty()) throw UsageError("expected either --scenarios or --data with --key");
  if (s.folds == 1) throw UsageError("--folds: expected 0 or at least 2, got 1");
  if (s.data.data.empty() != s.key.empty()) throw UsageError("expected --data and --key together");
}

ComparisonCell run_task(const EvaluateSettings& s, const Task& task, const Cohort* given, const AnswerKey* given_key,
                        const std::function<bool()>& stop) {
  genes::ComparisonOptions options;
  options.seed = task.seed;
  options.evaluations = s.evaluations;
  options.pipeline_seeds = int(s.pipeline_seeds);
  options.genes = int(s.report);
  options.filter = filter_options(s.fitness);
  options.fitness = chosen_fitness(s.fitness);
  options.weighting = genes::parse_weighting(s.fitness.weights);
  options.adjust_prognostic = s.fitness.adjust_prognostic;
  options.methods = s.methods;
  const auto finish = [&](const Cohort& cohort, const AnswerKey& key) {
    ComparisonCell cell = make_cell(task.scenario, task.seed, cohort, genes::compare_methods(cohort, options, {}, stop),
                                    key, int(s.report));
    if (s.folds == 0) return cell;
    const genes::PredictionOptions folds{.repeats = 1, .folds = int(s.folds), .seed = task.seed};
    add_predictions(cell, genes::cross_validate_methods(cohort, options, folds, stop));
    return cell;
  };
  if (given != nullptr) return finish(*given, *given_key);
  const genes::SimulatedCohort simulated = genes::simulate(genes::scenario(task.scenario), task.seed);
  return finish(simulated.cohort, AnswerKey::of(simulated.truth));
}

/// Tables of all cells; the report is written when the run ends.
Outcome finish(const EvaluateSettings& s, RunDir& run, const std::vector<ComparisonCell>& cells) {
  const std::vector<SummaryRow> rows = summarise(cells, kReference);
  write_summary_csv(run / "evaluation.csv", rows);
  write_summary_json(run / "evaluation.json", rows);
  io::write_file(run / "evaluation.md", summary_markdown(rows));
  run.set_fact("cohorts", std::int64_t(cells.size()));
  const std::string key =
      s.scenarios.empty()
          ? (s.inferred ? "the inferred key (no official one is known), " : "the key ") + s.key.filename().string()
          : std::string("the simulator's truth");
  return {.text = "table:  " + (run / "evaluation.csv").string() + "\n",
          .report = [&run, cells, rows, key] { return write_comparison_report(run, cells, rows, key); }};
}

/// Makes the cells that are missing. What is given is the cohort of --data with its key, if any.
Outcome work(const Program& program, const EvaluateSettings& s, const Cohort* given, const AnswerKey* key,
             RunDir& run) {
  fs::create_directories(run / "cells");
  const std::vector<Task> tasks = tasks_of(s);
  Progress progress("evaluate", std::int64_t(tasks.size()), program.progress("cohort"));
  std::vector<ComparisonCell> cells;
  for (const Task& task : tasks) {
    const fs::path file = cell_file(run.path(), task);
    if (!fs::exists(file)) {
      const ComparisonCell cell = run_task(s, task, given, key, program.call().stop);
      if (program.stop_requested())  // a cell that lacks methods is not kept
        return {.stopped = message("after ", cells.size(), " cohorts"), .results = false};
      save_cell(file, cell);
    }
    cells.push_back(load_cell(file, task.scenario, task.seed));
    progress.update(std::int64_t(cells.size()), {{"hits", double(cells.back().entries.front().recovery.hits)}});
  }
  progress.finish();
  return finish(s, run, cells);
}

}  // namespace

int run_evaluate(Call& call) {
  EvaluateSettings s;
  Cli cli(call, "Compares methods of gene selection where the answer is known.");
  add_settings(cli, s);
  if (!cli.parse(Cli::Check::kInputs)) return kExitOk;
  check(s);
  Program program(cli, s.common);
  genes::LoadedCohort data;
  AnswerKey key;
  const bool given = !s.data.data.empty();
  if (given) {
    data = load_data(s.data);
    print_findings(call, data);
    key = read_key(s.key, data.cohort, s.inferred);
    genes::choose_model(data.cohort);  // what cannot be analysed is refused before a folder appears
    add_data_input(s.data, program);
    program.add_input("key", s.key);
  }
  if (program.only_checks()) return program.check();
  RunDir& run = program.open({"evaluation.csv", "evaluation.json", "evaluation.md", "cells/*.json"});
  if (program.resumes()) run.continue_after(std::int64_t{1} << 40);
  return program.run([&](RunDir& dir) { return work(program, s, given ? &data.cohort : nullptr, &key, dir); });
}

}  // namespace engram::apps
