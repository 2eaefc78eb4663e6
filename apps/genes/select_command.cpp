/// engram-genes select

#include <cstdio>
#include <iostream>
#include <memory>

#include "apps/common/exit_code.h"
#include "apps/common/progress.h"
#include "apps/common/report.h"
#include "apps/common/signals.h"
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
  explicit StageProgress(bool quiet) : quiet_(quiet) {}

  void update(const std::string& stage, std::int64_t done, std::int64_t total) {
    if (stage != stage_) {
      ProgressOptions options = standard_progress(quiet_);
      options.unit = "step";
      progress_.reset();
      progress_ = std::make_unique<Progress>(stage, total, options);
      stage_ = stage;
    }
    progress_->update(done);
  }

 private:
  bool quiet_;
  std::string stage_;
  std::unique_ptr<Progress> progress_;
};

void print_genes(const Cohort& cohort, const Selection& s) {
  const bool hazard = s.likelihood == genes::Likelihood::kCox;
  std::printf("%4s  %-10s %-26s %-24s %9s %8s\n", "rank", "gene",
              hazard ? "hazard ratio (95 %) *" : "time ratio (95 %) *", "by the model alone", "family p", "declared");
  int rank = 0;
  for (const genes::SelectedGene& g : s.genes) {
    const std::string model = ratio_text(g.effect, g.effect - 1.96 * g.se, g.effect + 1.96 * g.se);
    const genes::SelectiveEffect& e = g.selective;
    const std::string ratio = e.robust_se > 0 ? ratio_text(e.effect, e.low, e.high) : "not estimable";
    char family_p[16] = "not run";
    if (family_test_ran(s)) std::snprintf(family_p, sizeof family_p, "%.3g", g.family_p);
    std::printf("%4d  %-10s %-26s %-24s %9s %8s\n", ++rank, cohort.gene_names[std::size_t(g.gene)].c_str(),
                ratio.c_str(), model.c_str(), family_p, g.declared ? "yes" : "no");
  }
  std::cout << "* allows for the gene having been chosen because it looks strong\n" << headline(cohort, s) << "\n";
  if (const std::string control = control_sentence(s); !control.empty()) std::cout << control << "\n";
}

void record(RunDir& run, const Cohort& cohort, const Selection& s) {
  for (std::size_t r = 0; r < s.wrapper.runs.size(); ++r)
    run.metrics(std::int64_t(r), {{"wrapper/fitness", s.wrapper.runs[r].fitness},
                                  {"wrapper/evaluations", s.wrapper.runs[r].evaluations},
                                  {"wrapper/genes", std::int64_t(s.wrapper.runs[r].best.size())}});
  std::string list;
  std::int64_t declared = 0;
  for (const genes::SelectedGene& g : s.genes) {
    list += (list.empty() ? "" : " ") + cohort.gene_names[std::size_t(g.gene)];
    declared += g.declared;
  }
  run.set_fact("genes", list);
  run.set_fact("genes_declared", declared);
  run.set_fact("negative_control_false_alarms", std::int64_t(s.control.false_alarms));
  run.set_fact("mode", std::string(genes::mode_name(s.mode)));
  run.set_fact("scale", std::string(genes::likelihood_name(s.likelihood)));
  run.set_fact("fitness", s.wrapper.fitness);
}

}  // namespace

int run_select(int argc, const char* const* argv) {
  SelectSettings s;
  s.common.seed = 1;
  Cli cli("engram-genes select",
          "Finds the genes whose mutation increases what the treatment does, checks them, and writes a report.");
  add_select_settings(cli, s);
  if (!cli.parse(argc, argv)) return kExitOk;
  const int threads = apply_threads(s.common);
  const genes::LoadedCohort data = load_data(s.data);
  print_findings(data);
  genes::choose_model(data.cohort);  // what cannot be analysed is refused before a folder appears
  RunInfo info = run_info(cli, s.common, threads);
  info.files = {"selected_genes.csv", "candidates.csv", "selection.json"};
  add_data_input(s.data, info);
  RunDir run = RunDir::create(s.common.out, s.common.force, info);
  Selection selection;
  SelectionValidation validation;
  {
    StageProgress stages(s.common.quiet);
    const auto progress = [&](const char* stage, std::int64_t done, std::int64_t total) {
      stages.update(stage, done, total);
    };
    selection = genes::select_genes(data.cohort, pipeline_options(s), progress, stop_requested);
    if (!selection.interrupted) validation = validate_selection(data.cohort, selection, s, progress, stop_requested);
  }
  if (selection.interrupted) {
    run.set_end("interrupted");
    write_report(run);
    run.finish();
    std::cerr << "stopped before the end; nothing was selected\n";
    return kExitInterrupted;
  }
  if (!validation.failure.empty()) std::cerr << "note: no cross-validation: " << validation.failure << "\n";
  write_selection(run, data.cohort, selection, validation);
  record(run, data.cohort, selection);
  run.set_end(validation.interrupted ? "interrupted" : "complete");
  const std::filesystem::path report = write_selection_report(run, data, selection, validation);
  run.finish();
  print_genes(data.cohort, selection);
  std::cout << "table:  " << (run / "selected_genes.csv").string() << "\n"
            << "report: " << report.string() << "\n";
  if (!validation.interrupted) return kExitOk;
  std::cerr << "stopped while the selection was repeated on other patients; the list stands\n";
  return kExitInterrupted;
}

}  // namespace engram::apps
