/// engram-genes select

#include <cstdio>
#include <memory>
#include <ostream>
#include <sstream>

#include "apps/common/exit_code.h"
#include "apps/common/main_wrapper.h"
#include "apps/genes/commands.h"
#include "apps/genes/forest_chart.h"
#include "apps/genes/select_settings.h"
#include "apps/genes/selection_report.h"
#include "apps/genes/selection_tables.h"
#include "apps/genes/selection_words.h"

namespace engram::apps {
namespace {

using genes::Cohort;
using genes::Selection;

/// Shows the pipeline's stages, each as a line of its own.
class StageProgress {
 public:
  explicit StageProgress(ProgressOptions options) : options_(std::move(options)) {}

  void update(const std::string& stage, std::int64_t done, std::int64_t total) {
    if (stage != stage_) {
      progress_.reset();
      progress_ = std::make_unique<Progress>(stage, total, options_);
      stage_ = stage;
    }
    progress_->update(done);
  }

 private:
  ProgressOptions options_;
  std::string stage_;
  std::unique_ptr<Progress> progress_;
};

std::string genes_text(const Cohort& cohort, const Selection& s) {
  std::ostringstream out;
  out.exceptions(std::ios::badbit);  // a lack of memory leaves no shorter text
  const bool hazard = s.likelihood == genes::Likelihood::kCox;
  print(out, "%4s  %-10s %-26s %-24s %9s %8s\n", "rank", "gene",
        hazard ? "hazard ratio (95 %) *" : "time ratio (95 %) *", "by the model alone", "family p", "declared");
  int rank = 0;
  for (const genes::SelectedGene& g : s.genes) {
    const std::string model = ratio_text(g.effect, g.effect - 1.96 * g.se, g.effect + 1.96 * g.se);
    const genes::SelectiveEffect& e = g.selective;
    const std::string ratio = e.robust_se > 0 ? ratio_text(e.effect, e.low, e.high) : no_interval_text(s);
    char family_p[16] = "not run";
    if (family_test_ran(s)) std::snprintf(family_p, sizeof family_p, "%.3g", g.family_p);
    print(out, "%4d  %-10s %-26s %-24s %9s %8s\n", ++rank, one_line(cohort.gene_names[std::size_t(g.gene)]).c_str(),
          ratio.c_str(), model.c_str(), family_p, declared_text(g));
  }
  out << "* allows for the gene having been chosen because it looks strong (" << s.reselections
      << " repeats of the whole selection"
      << (s.listing.known ? ")\n" : "; they listed too few genes without an effect to tell how it chooses)\n")
      << headline(cohort, s) << "\n";
  if (const std::string control = control_sentence(s); !control.empty()) out << control << "\n";
  return out.str();
}

void record(RunDir& run, const Cohort& cohort, const Selection& s) {
  for (std::size_t r = 0; r < s.wrapper.runs.size(); ++r)
    run.metrics(std::int64_t(r), {{"wrapper/fitness", s.wrapper.runs[r].fitness},
                                  {"wrapper/evaluations", s.wrapper.runs[r].evaluations},
                                  {"wrapper/genes", std::int64_t(s.wrapper.runs[r].best.size())}});
  std::string list;
  std::int64_t declared = 0, grouped = 0;
  for (const genes::SelectedGene& g : s.genes) {
    list += (list.empty() ? "" : " ") + cohort.gene_names[std::size_t(g.gene)];
    declared += g.declared;
    grouped += g.group_declared;
  }
  run.set_fact("genes", list);
  run.set_fact("genes_declared", declared);
  run.set_fact("genes_of_declared_groups", grouped);
  run.set_fact("negative_control_false_alarms", std::int64_t(s.control.false_alarms));
  run.set_fact("mode", std::string(genes::mode_name(s.mode)));
  run.set_fact("scale", std::string(genes::likelihood_name(s.likelihood)));
  run.set_fact("fitness", s.wrapper.fitness);
}

Outcome work(Program& program, const SelectSettings& s, const genes::LoadedCohort& data, RunDir& run) {
  Selection selection;
  SelectionValidation validation;
  {
    StageProgress stages(program.progress("step"));
    const auto progress = [&](const char* stage, std::int64_t done, std::int64_t total) {
      stages.update(stage, done, total);
    };
    const auto& stop = program.call().stop;
    genes::PipelineOptions options = pipeline_options(s);
    options.filter.device = program.device();
    selection = genes::select_genes(data.cohort, options, progress, stop);
    if (!selection.interrupted) validation = validate_selection(data.cohort, selection, s, progress, stop);
  }
  if (selection.interrupted) return {.stopped = "before the end; nothing was selected", .results = false};
  if (!validation.failure.empty())
    *program.call().err << "note: no cross-validation: " << validation.failure << std::endl;
  write_selection(run, data.cohort, selection, validation);
  record(run, data.cohort, selection);
  return {
      .stopped = validation.interrupted ? "while the selection was repeated on other patients; the list stands" : "",
      .text = genes_text(data.cohort, selection) + "table:  " + (run / "selected_genes.csv").string() + "\n",
      .report = [&run, &s, &data, selection, validation] {
        return write_selection_report(run, data, selection, validation, s.time_unit);
      }};
}

}  // namespace

int run_select(Call& call) {
  SelectSettings s;
  Cli cli(call, "Finds the genes whose mutation increases what the treatment does, checks them, and writes a report.");
  add_select_settings(cli, s);
  if (!cli.parse(Cli::Check::kInputs)) return kExitOk;
  require_device_can(s);
  Program program(cli, s.common);
  program.device();  // one that is not there is refused before a folder appears
  const genes::LoadedCohort data = load_data(s.data);
  print_findings(call, data);
  genes::choose_model(data.cohort);  // what cannot be analysed is refused before a folder appears
  add_data_input(s.data, program);
  if (program.only_checks()) return program.check();
  program.open_anew({"selected_genes.csv", "candidates.csv", "selection.json"});
  return program.run([&](RunDir& run) { return work(program, s, data, run); });
}

}  // namespace engram::apps
