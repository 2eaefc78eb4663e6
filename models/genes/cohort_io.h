#pragma once
/// Cohorts from CSV files and back (docs/methods/genes.md, "Cohort files").

#include <filesystem>
#include <optional>

#include "models/genes/cohort.h"
#include "models/genes/cohort_audit.h"

namespace engram::genes {

/// Names of the four files of a cohort folder.
inline constexpr const char *kClinicalFile = "Clinical_Variables.csv", *kGeneFile = "Genetic_alterations.csv",
                            *kSurvivalFile = "Survival_time_event.csv", *kTreatmentFile = "Treatment.csv";

/// The words that mean 1 and 0 in the columns that `column` names (a final '*' stands for any end).
struct Coding {
  std::string column, yes, no;
};

/// "COLUMN=YES/NO", for example "status=2/1". Throws UsageError for another form, or one word for both.
Coding parse_coding(const std::string& text);

/// How anomalous input is treated. The defaults keep every row and change no value.
struct LoadOptions {
  /// Replaces clinical values above this by it.
  std::optional<double> clip_clinical;
  /// Leaves out rows with a missing or non-numeric cell, a time <= 0, or a clinical value above clinical_max (after
  /// clipping), and reports how many. Without it a missing or non-numeric cell is an error.
  bool drop_invalid = false;
  /// Documented maximum of clinical values, for the audit and drop_invalid; the folder format documents 0..9.
  std::optional<double> clinical_max;
  /// For columns that hold other words than 0 and 1. A coding that fits no column is an error.
  std::vector<Coding> codings;
  /// Refuses data that would take more than this many bytes in memory; 0 means the machine's physical memory.
  std::uint64_t memory_limit = 0;
};

/// Which column of a wide CSV is what. A name that ends in '*' stands for all columns that begin with the rest.
struct CohortRoles {
  std::string index;  ///< patient index; "" takes an unnamed first column if there is one
  std::string time = "time", event = "event";
  std::string treatment = "Treatment";  ///< "": none, as if nobody were treated
  std::string entry, stratum, cluster;  ///< "": none; strata and clusters are known by the text of their cells
  std::vector<std::string> clinical;    ///< in this order
  std::vector<std::string> genes;       ///< empty: all columns without another role
  bool need_genes = true;               ///< false: no gene column is taken unless `genes` names it
};

/// A cohort and what was found while loading it.
struct LoadedCohort {
  Cohort cohort;
  std::vector<Finding> findings;
};

/// Reads a cohort folder: the four files are joined on their first column, the patient index, whose values must be the
/// same set in each file and must not repeat; rows may stand in any order, and the order of the survival file counts as
/// that of the input. Throws IoError for a file that cannot be read; DataError for anything malformed, naming file, row
/// and column: a cell that is missing or no number, a gene, event or treatment other than 0 and 1, an index that one
/// file has and another lacks; OutOfMemory before it allocates more than options.memory_limit.
/// options.clinical_max defaults to 9 here.
LoadedCohort load_cohort_folder(const std::filesystem::path& folder, LoadOptions options = {});

/// Reads one CSV with named roles. With entry times an index may repeat: each row is one interval of a patient. Errors
/// as load_cohort_folder; UsageError for roles that name no column, or one
/// column twice.
LoadedCohort load_cohort_csv(const std::filesystem::path& file, const CohortRoles& roles,
                             const LoadOptions& options = {});

/// Reads a folder as load_cohort_folder, a file as load_cohort_csv.
LoadedCohort load_cohort(const std::filesystem::path& path, const CohortRoles& roles, const LoadOptions& options = {});

/// Writes the four files, rows in the order of the input, each file whole or not at all; numbers have the fewest digits
/// that read back as the same double. The folder is created. Throws IoError.
void save_cohort_folder(const Cohort& cohort, const std::filesystem::path& folder);

}  // namespace engram::genes
