/// engram-genes simulate

#include <iostream>

#include "apps/common/common_options.h"
#include "apps/common/exit_code.h"
#include "apps/genes/commands.h"
#include "kernels/common/error.h"
#include "models/genes/simulator.h"

namespace engram::apps {
namespace {

struct SimulateSettings {
  CommonOptions common;
  std::string scenario = "H";
  std::int64_t patients = 0, genes = 0;
  double sigma = 0, censoring_rate = 0;
};

void add_settings(Cli& cli, SimulateSettings& s) {
  cli.group("What to simulate");
  cli.option("scenario", &s.scenario, "Kind of cohort").choices(genes::scenario_names());
  cli.option("patients", &s.patients, "Patients; 0 takes the scenario's number").at_least(0);
  cli.option("gene-count", &s.genes, "Genes; 0 takes the scenario's number").at_least(0);
  cli.option("sigma", &s.sigma, "Spread of the log time; 0 takes the scenario's").at_least(0);
  cli.option("censoring-rate", &s.censoring_rate, "Share of patients alive at the end; 0 takes the scenario's")
      .at_least(0)
      .at_most(0.99);
  cli.option("seed", &s.common.seed, "Seed of everything random");
  cli.option("threads", &s.common.threads, "Threads; 0 takes all cores, or OMP_NUM_THREADS").at_least(0).at_most(1024);
  cli.group("Output");
  cli.option("out", &s.common.out, "Folder for the four CSV files and truth.json").only_on_command_line().required();
  cli.option("force", &s.common.force, "Replace the files of an earlier simulation there").only_on_command_line();
}

}  // namespace

int run_simulate(int argc, const char* const* argv) {
  SimulateSettings s;
  s.common.seed = 1;
  Cli cli("engram-genes simulate",
          "Writes a cohort with a known answer: the four CSV files of the competition and truth.json.");
  add_settings(cli, s);
  if (!cli.parse(argc, argv)) return kExitOk;
  apply_threads(s.common);
  const std::filesystem::path& out = s.common.out;
  if (std::filesystem::exists(out) && !std::filesystem::is_empty(out) &&
      !(s.common.force && std::filesystem::exists(out / "truth.json")))
    throw UsageError(message("--out: expected a new or empty folder, got ", out.string(),
                             s.common.force ? " without a truth.json" : "; hint: --force replaces a simulation"));
  genes::SimulatorSettings settings = genes::scenario(s.scenario);
  if (s.patients > 0) settings.patients = s.patients;
  if (s.genes > 0) settings.genes = s.genes;
  if (s.sigma > 0) settings.sigma = s.sigma;
  if (s.censoring_rate > 0) settings.censoring_rate = s.censoring_rate;
  const genes::SimulatedCohort simulated = genes::simulate(settings, s.common.seed);
  genes::save_simulation(simulated, out);
  const genes::Cohort& cohort = simulated.cohort;
  std::cout << out.string() << ": scenario " << s.scenario << ", seed " << s.common.seed << ", "
            << cohort.num_patients() << " patients (" << genes::count_treated(cohort) << " treated, "
            << genes::count_events(cohort) << " deaths), " << cohort.num_genes() << " genes\n";
  return kExitOk;
}

}  // namespace engram::apps
