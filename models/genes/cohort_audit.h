#pragma once
/// What is unusual about a cohort. Findings are reported and never repaired silently (docs/methods/genes.md, "Cohort
/// files").

#include <optional>
#include <string>
#include <vector>

#include "models/genes/cohort.h"

namespace engram::genes {

/// Kinds of anomaly.
enum class Anomaly {
  kClinicalAboveLimit,  ///< a clinical value above the documented maximum
  kNonPositiveTime,     ///< time <= 0: Cox models keep the patient, models of the log time leave it out
  kConstantClinical,    ///< a clinical variable with one value only
  kDuplicateClinical,   ///< two clinical variables with the same values
  kConstantGene,        ///< a gene that nobody or everybody carries
  kOneArmGene,          ///< a gene whose interaction with treatment varies nowhere or equals the gene or treatment
  kDuplicateGene,       ///< two genes with the same carriers
  kOneArm,              ///< everybody, or nobody, was treated: no interaction can be estimated
  kNoEvents,            ///< nobody died: no survival model can be fitted
  kClipped,             ///< values that clip_clinical replaced
  kDroppedRow,          ///< rows that drop_invalid left out
};

/// Short machine-readable name, such as "clinical_above_limit".
const char* anomaly_name(Anomaly kind);

/// One kind of anomaly in one cohort.
struct Finding {
  Anomaly kind;
  dim_t count = 0;                 ///< values, rows, columns or pairs concerned
  std::vector<std::string> where;  ///< the first of them by name, at most kMaxNamed ("row 905, time -7.95")
  std::string text;                ///< one line for people
  static constexpr dim_t kMaxNamed = 20;
};

/// Findings about a cohort as it is, in the order of `Anomaly`; empty when nothing is unusual. `clinical_max`: the
/// documented maximum of clinical values, none where there is no such rule. Duplicates are found by hash and then
/// compared, so the cost is that of reading the data once.
std::vector<Finding> audit(const Cohort& cohort, std::optional<double> clinical_max);

}  // namespace engram::genes
