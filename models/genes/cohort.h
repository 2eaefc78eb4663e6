#pragma once
/// Patients of a survival study with one treatment: what every method of gene selection reads.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "models/genes/gene_columns.h"

namespace engram::genes {

/// A cohort in risk order (docs/methods/genes.md, "Cohort files"): patients stand by time, latest first, at equal times
/// deaths before censored, then by row of the input. The patients at risk at a time are then a prefix, and every sum
/// over a risk set a prefix sum. Everything indexed by patient is in this order; `row` leads back to the input.
struct Cohort {
  dim_t num_patients() const { return static_cast<dim_t>(time.size()); }
  dim_t num_clinical() const { return static_cast<dim_t>(clinical_names.size()); }
  dim_t num_genes() const { return genes.num_genes(); }

  /// Clinical variable k, one value a patient.
  std::span<const double> clinical_column(dim_t k) const {
    return std::span<const double>(clinical).subspan(static_cast<std::size_t>(k * num_patients()), time.size());
  }

  std::string name;                     ///< for messages and reports: the folder, file or scenario
  std::vector<std::string> patient_id;  ///< the index column's text; the row number where there is none
  std::vector<dim_t> row;               ///< zero-based row of the input, before any row was dropped
  std::vector<dim_t> line;              ///< line of the input's file on which the row begins; empty: no file
  std::vector<double> time;             ///< follow-up time, finite; may be negative (1.2)
  std::vector<std::uint8_t> event;      ///< 1: death at `time`, 0: alive then
  std::vector<std::uint8_t> treatment;  ///< 1: treated
  std::vector<double> entry;            ///< start of observation in models of a TermDesign, entry_screen(); empty: none
  std::vector<double> weight;           ///< case weight in every model of a TermDesign, >= 0; empty: 1. Not in screens
  std::vector<double> offset;           ///< in the linear predictor of every model of a TermDesign. Not in screens
  std::vector<std::int32_t> stratum;    ///< Cox stratum in every model of a TermDesign; empty: one. Not in screens
  std::vector<std::int32_t> cluster;    ///< patients who belong together (a family); empty: nobody. Inference only
  std::string treatment_name = "Treatment";  ///< of its column
  std::vector<std::string> clinical_names;
  std::vector<double> clinical;  ///< num_clinical columns of num_patients, finite
  std::vector<std::string> gene_names;
  GeneColumns genes;
};

/// "row 3 (line 5)", as a reader of the files counts: for messages. Without lines "row 3".
std::string row_name(const Cohort& cohort, dim_t patient);

/// Puts patients given in the order of the input into risk order; `row` is filled if it is empty. Throws DataError,
/// which begins with `cohort.name`, unless all parts have one length, there is at least one patient, numbers are
/// finite, flags are 0 or 1, entries lie before their times, and names of clinical variables and genes do not repeat.
Cohort sort_by_risk(Cohort cohort);

/// The patients `keep` (positions; duplicates are kept as separate patients), again in risk order. Throws UsageError
/// for a position out of range or an empty list.
Cohort select_patients(const Cohort& cohort, std::span<const dim_t> keep);

/// Positions of patients with time > 0, ascending: those that models of the log time use. Throws DataError
/// if there are none.
std::vector<dim_t> positive_times(const Cohort& cohort);

/// Positions of the patients in one arm (treated: 1 or 0), ascending.
std::vector<dim_t> patients_in_arm(const Cohort& cohort, int treated);

/// Index of the gene with this name. Throws UsageError when there is none.
dim_t find_gene(const Cohort& cohort, const std::string& name);

/// Gives each arm strata of its own: every stratum becomes two.
void stratify_by_treatment(Cohort& cohort);

/// Number of deaths.
dim_t count_events(const Cohort& cohort);

/// Number of treated patients.
dim_t count_treated(const Cohort& cohort);

}  // namespace engram::genes
