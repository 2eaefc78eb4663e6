#include "apps/genes/data_settings.h"

#include <map>
#include <ostream>

#include "apps/common/main_wrapper.h"
#include "engine/io/sha256.h"
#include "kernels/common/error.h"

namespace engram::apps {

void add_cohort_settings(Cli& cli, CohortSettings& s) {
  cli.group("Data");
  cli.option("data", &s.data,
             "Cohort: a folder of Clinical_Variables.csv, Genetic_alterations.csv, Survival_time_event.csv and "
             "Treatment.csv, or one CSV file")
      .input();
  cli.option("index", &s.index, "One CSV file: column of the patient index; none takes an unnamed first column");
  cli.option("time", &s.time, "One CSV file: column of the follow-up time");
  cli.option("event", &s.event, "One CSV file: column that is 1 for a death and 0 for alive");
  cli.option("treatment", &s.treatment, "One CSV file: column that is 1 for treated patients; fits take '' for none");
  cli.option("clinical", &s.clinical, "One CSV file: clinical columns; NAME* stands for all that begin so");
  cli.option("genes", &s.genes, "One CSV file: gene columns of 0 and 1; none takes all that have no other role");
  cli.option(
      "coding", &s.coding,
      "COLUMN=YES/NO: the words that mean 1 and 0 in a column, for example status=2/1 or sex=F/M; COLUMN may end "
      "in '*'");
  cli.option("clip-clinical", &s.clip_clinical, "Replace clinical values above this by it; negative: leave them");
  cli.option("drop-invalid", &s.drop_invalid,
             "Leave out rows with missing cells, times of 0 or less, or clinical values above the documented maximum");
  add_memory_limit_option(cli, s.memory_limit_mib, "Refuse data that need more MiB than that; 0: the machine's memory");
}

void add_entry_role(Cli& cli, CohortSettings& s) {
  cli.option("entry", &s.entry,
             "One CSV file: column of the start of observation (start-stop data, left truncation); a patient may then "
             "have several rows");
}

void add_fit_roles(Cli& cli, CohortSettings& s) {
  add_entry_role(cli, s);
  cli.option("strata", &s.strata, "One CSV file: column whose values have baseline hazards of their own");
}

void add_cluster_role(Cli& cli, CohortSettings& s) {
  cli.option("cluster", &s.cluster,
             "One CSV file: column of those who belong together (families, rows of one patient), for sandwich errors");
}

void add_screen_device(Cli& cli, CommonOptions& options) {
  options.device = "cpu";
  cli.option("device", &options.device,
             "Where the screens' kernels run: cpu, cuda, cuda:N, auto, or emu (the CUDA kernels emulated, slow)");
}

genes::LoadedCohort load_data(const CohortSettings& s) {
  if (s.data.empty()) throw UsageError("--data: expected a cohort's folder or CSV file, got none");
  genes::CohortRoles roles;
  roles.index = s.index;
  roles.time = s.time;
  roles.event = s.event;
  roles.treatment = s.treatment;
  roles.entry = s.entry;
  roles.stratum = s.strata;
  roles.cluster = s.cluster;
  roles.need_genes = s.need_genes;
  roles.clinical = s.clinical;
  roles.genes = s.genes;
  genes::LoadOptions options;
  if (s.clip_clinical >= 0) options.clip_clinical = s.clip_clinical;
  options.drop_invalid = s.drop_invalid;
  for (const std::string& coding : s.coding) options.codings.push_back(genes::parse_coding(coding));
  if (std::filesystem::is_directory(s.data) && !(s.entry.empty() && s.strata.empty() && s.cluster.empty()))
    throw UsageError("--entry, --strata, --cluster: expected one CSV file, got the folder " + s.data.string());
  options.memory_limit = std::uint64_t(s.memory_limit_mib * double(1 << 20));
  return genes::load_cohort(s.data, roles, options);
}

void print_findings(const Call& call, const genes::LoadedCohort& data) {
  for (const genes::Finding& finding : data.findings) *call.err << "note: " << one_line(finding.text) << "\n";
}

void add_data_input(const CohortSettings& s, Program& program) {
  if (!std::filesystem::is_directory(s.data)) return program.add_input("data", s.data);
  std::map<std::string, std::string> hashes;
  for (const char* file : {genes::kClinicalFile, genes::kGeneFile, genes::kSurvivalFile, genes::kTreatmentFile})
    hashes["data/" + std::string(file)] = io::sha256_file_hex(s.data / file);
  program.add_input("data", s.data, hashes);
}

}  // namespace engram::apps
