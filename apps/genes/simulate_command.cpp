/// engram-genes simulate

#include <algorithm>
#include <filesystem>
#include <ostream>

#include "apps/common/common_options.h"
#include "apps/common/exit_code.h"
#include "apps/common/output_folder.h"
#include "apps/common/run_files.h"
#include "apps/common/run_lock.h"
#include "apps/genes/commands.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"
#include "models/genes/cohort_io.h"
#include "models/genes/simulator.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;

constexpr char kTruth[] = "truth.json";
constexpr const char* kFiles[] = {genes::kClinicalFile, genes::kGeneFile, genes::kSurvivalFile, genes::kTreatmentFile,
                                  kTruth};
constexpr char kFresh[] = ".engram-tmp-simulation";

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
  add_seed_option(cli, s.common);
  add_running_options(cli, s.common);
  cli.group("Output");
  cli.option("out", &s.common.out, "Folder for the four CSV files and truth.json").only_on_command_line().required();
  cli.option("force", &s.common.force, "Replace the files of an earlier simulation there").only_on_command_line();
}

/// Whether a folder holds nothing but what this program writes there.
bool is_simulation(const fs::path& folder) {
  return std::ranges::all_of(fs::directory_iterator(folder), [](const fs::directory_entry& entry) {
    const std::string name = entry.path().filename().string();
    return name == kRunLock || io::is_temporary_name(name) || std::ranges::find(kFiles, name) != std::end(kFiles);
  });
}

/// Writes the files beside the old ones, then removes those, then gives the new ones their names, the truth last. Cut
/// off at any place, the folder holds files of one simulation only.
void replace_simulation(const genes::SimulatedCohort& simulated, const fs::path& out, bool force) {
  create_folders("--out:", out);
  const bool replaces = fs::exists(out / kTruth);
  if ((replaces && !force) || !(is_simulation(out) || (replaces && force)))
    throw UsageError(message("--out: expected a new or empty folder, got ", out.string(),
                             force ? " with other files and no truth.json" : "; hint: --force replaces a simulation"));
  const RunLock lock(out);
  own_files(out, {std::begin(kFiles), std::end(kFiles)});  // refuses links
  const fs::path fresh = out / kFresh;
  fs::remove_all(fresh);
  try {
    genes::save_simulation(simulated, fresh);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(fresh, ignored);
    throw;
  }
  for (const char* file : kFiles) fs::remove(out / file);
  for (const char* file : kFiles) fs::rename(fresh / file, out / file);
  fs::remove(fresh);
}

}  // namespace

int run_simulate(Call& call) {
  SimulateSettings s;
  Cli cli(call, "Writes a cohort with a known answer: the four CSV files of the competition and truth.json.");
  add_settings(cli, s);
  if (!cli.parse()) return kExitOk;
  apply_threads(s.common);
  const std::filesystem::path& out = s.common.out;
  check_folder_place("--out:", out);
  genes::SimulatorSettings settings = genes::scenario(s.scenario);
  if (s.patients > 0) settings.patients = s.patients;
  if (s.genes > 0) settings.genes = s.genes;
  if (s.sigma > 0) settings.sigma = s.sigma;
  if (s.censoring_rate > 0) settings.censoring_rate = s.censoring_rate;
  const genes::SimulatedCohort simulated = genes::simulate(settings, s.common.seed);
  replace_simulation(simulated, out, s.common.force);
  const genes::Cohort& cohort = simulated.cohort;
  *call.out << out.string() << ": scenario " << s.scenario << ", seed " << s.common.seed << ", "
            << cohort.num_patients() << " patients (" << genes::count_treated(cohort) << " treated, "
            << genes::count_events(cohort) << " deaths), " << cohort.num_genes() << " genes\n";
  return kExitOk;
}

}  // namespace engram::apps
