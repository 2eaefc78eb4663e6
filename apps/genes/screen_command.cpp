/// engram-genes screen

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "apps/common/exit_code.h"
#include "apps/common/main_wrapper.h"
#include "apps/genes/commands.h"
#include "apps/genes/data_settings.h"
#include "apps/genes/screen_report.h"
#include "engine/io/atomic_file.h"
#include "engine/io/csv.h"
#include "kernels/common/error.h"
#include "models/genes/base_model.h"
#include "models/genes/calibrated_screen.h"
#include "models/genes/cohort_checks.h"
#include "models/genes/entry_screen.h"
#include "models/genes/robust_screen.h"

namespace engram::apps {
namespace {

using genes::Cohort;
using genes::GeneTests;

struct ScreenSettings {
  CommonOptions common;
  CohortSettings data;
  std::string model = "C", ties = "efron";
  bool adjust = true, robust = false, stratify_treatment = false;
  std::int64_t replicates = 1000;

  /// Whether the screen is one full fit a gene instead of the batched kernels. Of clusters the other screens'
  /// replicates take care.
  bool fits_each_gene() const {
    const bool full_model = model == "A" || model == "B" || model == "C";
    return robust || stratify_treatment || (full_model && !data.cluster.empty());
  }
};

void add_settings(Cli& cli, ScreenSettings& s) {
  add_cohort_settings(cli, s.data);
  cli.group("Screen");
  cli.option("model", &s.model,
             "Of the product with treatment, given the gene: B: Cox; C: B adjusted for the clinical variables; OS: one "
             "step of C; S1: its robust score test; AFT: one step on log time. A: gene alone; TA: gene in the treated "
             "arm; S2: gene and product together")
      .choices(genes::screen_names());
  cli.option("ties", &s.ties, "Equal death times").choices({"efron", "breslow"});
  cli.option("adjust", &s.adjust, "S1, S2, OS, TA: adjust for the clinical variables");
  cli.option("replicates", &s.replicates, "Permutations within the arms from which p-values come")
      .at_least(100)
      .at_most(1000000);
  cli.option("robust", &s.robust, "A, B, C: sandwich standard errors and their Wald test");
  cli.option("stratify-treatment", &s.stratify_treatment, "B, C: a baseline hazard for each arm");
  add_entry_role(cli, s.data);
  add_cluster_role(cli, s.data);
  add_seed_option(cli, s.common);
  add_running_options(cli, s.common);
  add_screen_device(cli, s.common);
  add_resumable_run_options(cli, s.common);
}

GeneTests screen(const Cohort& cohort, const ScreenSettings& s, const Device& device) {
  const genes::TieMethod ties = s.ties == "efron" ? genes::TieMethod::kEfron : genes::TieMethod::kBreslow;
  if (s.fits_each_gene()) {
    return genes::robust_screen(cohort, {.ties = ties,
                                         .product = s.model != "A",
                                         .adjust = s.model == "C",
                                         .robust = s.robust || !cohort.cluster.empty(),
                                         .stratify_treatment = s.stratify_treatment});
  }
  genes::CalibratedScreenOptions options;
  options.screen = s.model;
  options.ties = ties;
  options.adjust = s.adjust;
  options.replicates = int(s.replicates);
  options.seed = s.common.seed;
  options.device = device;
  return genes::calibrated_screen(cohort, options);
}

std::vector<dim_t> best_first(const GeneTests& tests) {
  std::vector<dim_t> order(std::size_t(tests.size()));
  std::iota(order.begin(), order.end(), dim_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](dim_t a, dim_t b) { return tests.log10_p[std::size_t(a)] < tests.log10_p[std::size_t(b)]; });
  return order;
}

void write_tables(const RunDir& run, const Cohort& cohort, const GeneTests& tests, const std::vector<dim_t>& order) {
  const std::vector<std::string> header = {"rank",    "gene", "carriers",   "effect", "se",           "z",
                                           "log10_p", "bh",   "bonferroni", "status", "model_log10_p"};
  io::CsvWriter csv(run / "screen.csv", header);
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (std::size_t r = 0; r < order.size(); ++r) {
    const std::size_t g = std::size_t(order[r]);
    const dim_t carriers = cohort.genes.count(order[r]);
    csv.cell(std::int64_t(r + 1)).cell(cohort.gene_names[g]).cell(std::int64_t(carriers));
    csv.cell(tests.effect[g]).cell(tests.se[g]).cell(tests.z[g]).cell(tests.log10_p[g]);
    csv.cell(tests.bh[g]).cell(tests.bonferroni[g]).cell(genes::status_name(tests.status[g]));
    csv.cell(tests.model_log10_p[g]);
    csv.end_row();
    rows.push_back({{"rank", r + 1},
                    {"gene", cohort.gene_names[g]},
                    {"carriers", carriers},
                    {"effect", tests.effect[g]},
                    {"se", tests.se[g]},
                    {"z", tests.z[g]},
                    {"log10_p", tests.log10_p[g]},
                    {"bh", tests.bh[g]},
                    {"bonferroni", tests.bonferroni[g]},
                    {"status", genes::status_name(tests.status[g])},
                    {"model_log10_p", tests.model_log10_p[g]}});
  }
  csv.commit();
  const auto replace = nlohmann::ordered_json::error_handler_t::replace;
  io::write_file(run / "screen.json", rows.dump(1, ' ', false, replace) + "\n");
}

std::string best_text(const Cohort& cohort, const GeneTests& tests, const std::vector<dim_t>& order, bool permuted) {
  std::ostringstream out;
  out.exceptions(std::ios::badbit);  // a lack of memory leaves no shorter text
  print(out, "%-12s %9s %9s %9s %9s  %s\n", "gene", "effect", "z", "log10 p", "BH q", "status");
  for (std::size_t r = 0; r < std::min<std::size_t>(10, order.size()); ++r) {
    const std::size_t g = std::size_t(order[r]);
    print(out, "%-12s %9.3f %9.2f %9.1f %9.2g  %s\n", one_line(cohort.gene_names[g]).c_str(), tests.effect[g],
          tests.z[g], tests.log10_p[g], tests.bh[g], genes::status_name(tests.status[g]));
  }
  out << (permuted ? "p-values come from permutations within the arms (docs/genes.md); z is the model's own statistic\n"
                   : "p-values are those of the models' Wald tests\n");
  return out.str();
}

Outcome work(Program& program, const ScreenSettings& s, const genes::LoadedCohort& data, RunDir& run) {
  Progress progress("screen " + s.model, data.cohort.num_genes(), program.progress());
  const GeneTests tests = screen(data.cohort, s, program.device());
  progress.update(data.cohort.num_genes());
  progress.finish();
  const std::vector<dim_t> order = best_first(tests);
  write_tables(run, data.cohort, tests, order);
  const auto significant = std::ranges::count_if(tests.bh, [](double q) { return q < 0.1; });
  run.set_fact("genes", std::int64_t(tests.size()));
  run.set_fact("genes_with_q_below_0.1", std::int64_t(significant));
  return {.text = best_text(data.cohort, tests, order, !s.fits_each_gene()) +
                  "table:  " + (run / "screen.csv").string() + "\n",
          .report = [&run, &data, tests, order] { return write_screen_report(run, data, tests, order); }};
}

}  // namespace

int run_screen(Call& call) {
  ScreenSettings s;
  Cli cli(call, "Tests every gene of a cohort for a treatment interaction (or a main effect), one gene at a time.");
  add_settings(cli, s);
  if (!cli.parse(Cli::Check::kInputs)) return kExitOk;
  if (s.fits_each_gene() && s.model != "A" && s.model != "B" && s.model != "C")
    throw UsageError("--model: expected A, B or C with --robust or --stratify-treatment, got " + s.model +
                     ", whose p-values come from studentised scores within the arms and need neither");
  if (s.stratify_treatment && s.model == "A")
    throw UsageError("--stratify-treatment: expected model B or C, got A, which does not look at the treatment");
  if (s.fits_each_gene() && s.common.device != "cpu")
    throw UsageError("--device: expected cpu with --robust, --stratify-treatment or --cluster, which fit each gene's " +
                     std::string("model on the CPU, got ") + s.common.device);
  if (!s.data.entry.empty() && !genes::knows_entries(s.model))
    throw UsageError("--model: expected A, B, C, TA or AFT with --entry, got " + s.model +
                     ", whose one-step sums run over risk sets that begin at 0");
  if (!s.data.entry.empty() && s.common.device != "cpu")
    throw UsageError("--device: expected cpu with --entry, which the screens' kernels do not know, got " +
                     s.common.device);
  Program program(cli, s.common);
  program.device();  // one that is not there is refused before a folder appears
  const genes::LoadedCohort data = load_data(s.data);
  print_findings(call, data);
  // What cannot be analysed is refused before a folder appears; model A does not look at the treatment.
  s.model == "A" ? genes::require_events(data.cohort) : genes::require_question(data.cohort);
  add_data_input(s.data, program);
  if (program.only_checks()) return program.check();
  program.open_anew({"screen.csv", "screen.json"});
  return program.run([&](RunDir& run) { return work(program, s, data, run); });
}

}  // namespace engram::apps
