/// engram-genes screen

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/common/common_options.h"
#include "apps/common/exit_code.h"
#include "apps/common/progress.h"
#include "apps/common/signals.h"
#include "apps/genes/commands.h"
#include "apps/genes/data_settings.h"
#include "apps/genes/screen_report.h"
#include "engine/io/atomic_file.h"
#include "engine/io/csv.h"
#include "models/genes/base_model.h"
#include "models/genes/calibrated_screen.h"
#include "models/genes/null_model.h"

namespace engram::apps {
namespace {

using genes::Cohort;
using genes::GeneTests;

struct ScreenSettings {
  CommonOptions common;
  DataSettings data;
  std::string model = "C", ties = "efron";
  bool adjust = true;
  std::int64_t replicates = 1000;
};

void add_settings(Cli& cli, ScreenSettings& s) {
  add_data_settings(cli, s.data);
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
  add_common_options(cli, s.common);
  add_run_options(cli, s.common);
}

GeneTests screen(const Cohort& cohort, const ScreenSettings& s) {
  genes::CalibratedScreenOptions options;
  options.screen = s.model;
  options.ties = s.ties == "efron" ? genes::TieMethod::kEfron : genes::TieMethod::kBreslow;
  options.adjust = s.adjust;
  options.replicates = int(s.replicates);
  options.seed = s.common.seed;
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

void print_best(const Cohort& cohort, const GeneTests& tests, const std::vector<dim_t>& order) {
  std::printf("%-12s %9s %9s %9s %9s  %s\n", "gene", "effect", "z", "log10 p", "BH q", "status");
  for (std::size_t r = 0; r < std::min<std::size_t>(10, order.size()); ++r) {
    const std::size_t g = std::size_t(order[r]);
    std::printf("%-12s %9.3f %9.2f %9.1f %9.2g  %s\n", cohort.gene_names[g].c_str(), tests.effect[g], tests.z[g],
                tests.log10_p[g], tests.bh[g], genes::status_name(tests.status[g]));
  }
  std::cout << "p-values come from permutations within the arms (docs/genes.md); z is the model's own statistic\n";
}

}  // namespace

int run_screen(int argc, const char* const* argv) {
  ScreenSettings s;
  Cli cli("engram-genes screen",
          "Tests every gene of a cohort for a treatment interaction (or a main effect), one gene at a time.");
  add_settings(cli, s);
  if (!cli.parse(argc, argv)) return kExitOk;
  const int threads = apply_threads(s.common);
  const genes::LoadedCohort data = load_data(s.data);
  print_findings(data);
  // What cannot be analysed is refused before a folder appears; model A does not look at the treatment.
  s.model == "A" ? genes::require_events(data.cohort) : genes::require_question(data.cohort);
  RunInfo info = run_info(cli, s.common, threads);
  info.files = {"screen.csv", "screen.json"};
  add_data_input(s.data, info);
  RunDir run = RunDir::create(s.common.out, s.common.force, info);
  Progress progress("screen " + s.model, data.cohort.num_genes(), standard_progress(s.common.quiet));
  const GeneTests tests = screen(data.cohort, s);
  progress.update(data.cohort.num_genes());
  progress.finish();
  const std::vector<dim_t> order = best_first(tests);
  write_tables(run, data.cohort, tests, order);
  const auto significant = std::ranges::count_if(tests.bh, [](double q) { return q < 0.1; });
  run.set_fact("genes", std::int64_t(tests.size()));
  run.set_fact("genes_with_q_below_0.1", std::int64_t(significant));
  run.set_end("complete");
  const std::filesystem::path report = write_screen_report(run, data, tests, order);
  run.finish();
  print_best(data.cohort, tests, order);
  std::cout << "table:  " << (run / "screen.csv").string() << "\n"
            << "report: " << report.string() << "\n";
  return kExitOk;
}

}  // namespace engram::apps
