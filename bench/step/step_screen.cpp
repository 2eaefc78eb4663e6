/// Times the adjusted screen of a cohort (model C: gene, treatment, their product, clinical variables; exact Newton for
/// every gene); see bench/peers/README.md. The log-likelihoods are printed too, so that the peer's can be compared.

#include <omp.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/step/timing.h"
#include "models/genes/cohort_io.h"
#include "models/genes/screens.h"

int main(int argc, char** argv) {
  namespace genes = engram::genes;
  std::string folder;
  engram::bench::StepOptions options;
  options.threads = 1;
  CLI::App app("Times the adjusted screen of a cohort.");
  app.add_option("--data", folder, "cohort folder")->required();
  engram::bench::add_timing_options(app, options);
  CLI11_PARSE(app, argc, argv);
  omp_set_num_threads(options.threads);
  try {
    const genes::Cohort cohort = genes::load_cohort_folder(folder).cohort;
    genes::GeneFits fits;
    const auto times = engram::bench::measure_steps(options, [&] { fits = genes::screen_c(cohort); });
    const nlohmann::json line = {{"seconds_per_step", times.wall},
                                 {"cpu_seconds_per_step", times.cpu},
                                 {"peak_rss_bytes", times.peak_rss_bytes},
                                 {"loglik", fits.loglik}};
    std::cout << line.dump() << "\n";
  } catch (const std::exception& error) {
    std::cerr << "step_screen: " << error.what() << "\n";
    return 3;
  }
}
