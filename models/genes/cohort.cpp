#include "models/genes/cohort.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>
#include <unordered_set>

#include "engine/io/bytes.h"
#include "kernels/common/error.h"

namespace engram::genes {
namespace {

/// Values at the positions `order`.
template <class T>
std::vector<T> gather(const std::vector<T>& values, std::span<const dim_t> order) {
  std::vector<T> out;
  out.reserve(order.size());
  for (const dim_t i : order) out.push_back(values[static_cast<std::size_t>(i)]);
  return out;
}

void check_length(const Cohort& cohort, const char* what, std::size_t length) {
  if (length != cohort.time.size()) {
    throw DataError(message("[", cohort.name, "] expected ", cohort.time.size(), " patients in every part, got ",
                            length, " in ", what));
  }
}

void check_flags(const Cohort& cohort, const char* what, const std::vector<std::uint8_t>& flags) {
  check_length(cohort, what, flags.size());
  for (std::size_t i = 0; i < flags.size(); ++i) {
    if (flags[i] > 1)
      throw DataError(message("[", cohort.name, "] ", row_name(cohort, dim_t(i)), ": expected ", what, " 0 or 1, got ",
                              int{flags[i]}));
  }
}

void check_finite(const Cohort& cohort, const std::string& what, std::span<const double> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      throw DataError(message("[", cohort.name, "] ", row_name(cohort, dim_t(i)), ": expected a finite ", what,
                              ", got ", values[i]));
    }
  }
}

void check_entries(const Cohort& cohort) {
  if (cohort.entry.empty()) return;
  check_length(cohort, "entries", cohort.entry.size());
  check_finite(cohort, "entry", cohort.entry);
  for (std::size_t i = 0; i < cohort.entry.size(); ++i) {
    if (cohort.entry[i] < cohort.time[i]) continue;
    throw DataError(message("[", cohort.name, "] ", row_name(cohort, dim_t(i)),
                            ": expected an entry before the time, got entry ", cohort.entry[i], " and time ",
                            cohort.time[i]));
  }
}

void check_names(const Cohort& cohort, const char* what, const std::vector<std::string>& names, dim_t expected) {
  if (static_cast<dim_t>(names.size()) != expected) {
    throw DataError(message("[", cohort.name, "] expected ", expected, " names of ", what, ", got ", names.size()));
  }
  std::unordered_set<std::string_view> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) {
      throw DataError(
          message("[", cohort.name, "] expected different ", what, ", got ", io::quoted_name(name), " twice"));
    }
  }
}

void check_cohort(const Cohort& cohort) {
  const dim_t patients = cohort.num_patients();
  if (patients == 0) throw DataError(message("[", cohort.name, "] expected at least one patient, got none"));
  check_finite(cohort, "time", cohort.time);
  check_flags(cohort, "event", cohort.event);
  check_flags(cohort, "treatment", cohort.treatment);
  if (!cohort.weight.empty()) check_length(cohort, "weights", cohort.weight.size());
  if (!cohort.offset.empty()) check_length(cohort, "offsets", cohort.offset.size());
  if (!cohort.stratum.empty()) check_length(cohort, "strata", cohort.stratum.size());
  if (!cohort.cluster.empty()) check_length(cohort, "clusters", cohort.cluster.size());
  if (!cohort.line.empty()) check_length(cohort, "lines", cohort.line.size());
  check_entries(cohort);
  check_finite(cohort, "weight", cohort.weight);
  check_finite(cohort, "offset", cohort.offset);
  if (!cohort.row.empty()) check_length(cohort, "rows", cohort.row.size());
  if (!cohort.patient_id.empty()) check_length(cohort, "patient indices", cohort.patient_id.size());
  check_names(cohort, "clinical variables", cohort.clinical_names, cohort.num_clinical());
  if (cohort.clinical.size() != cohort.clinical_names.size() * cohort.time.size()) {
    throw DataError(message("[", cohort.name, "] expected ", cohort.clinical_names.size() * cohort.time.size(),
                            " clinical values, got ", cohort.clinical.size()));
  }
  for (dim_t k = 0; k < cohort.num_clinical(); ++k) {
    check_finite(cohort, cohort.clinical_names[static_cast<std::size_t>(k)], cohort.clinical_column(k));
  }
  if (cohort.num_genes() > 0) check_length(cohort, "genes", static_cast<std::size_t>(cohort.genes.num_patients()));
  check_names(cohort, "genes", cohort.gene_names, cohort.num_genes());
}

/// The cohort with its patients at the positions `order`.
Cohort reorder(const Cohort& cohort, std::span<const dim_t> order) {
  Cohort out;
  out.name = cohort.name;
  out.patient_id = gather(cohort.patient_id, order);
  out.row = gather(cohort.row, order);
  out.time = gather(cohort.time, order);
  out.event = gather(cohort.event, order);
  out.treatment = gather(cohort.treatment, order);
  if (!cohort.weight.empty()) out.weight = gather(cohort.weight, order);
  if (!cohort.offset.empty()) out.offset = gather(cohort.offset, order);
  if (!cohort.stratum.empty()) out.stratum = gather(cohort.stratum, order);
  if (!cohort.cluster.empty()) out.cluster = gather(cohort.cluster, order);
  if (!cohort.entry.empty()) out.entry = gather(cohort.entry, order);
  if (!cohort.line.empty()) out.line = gather(cohort.line, order);
  out.treatment_name = cohort.treatment_name;
  out.clinical_names = cohort.clinical_names;
  out.clinical.reserve(static_cast<std::size_t>(cohort.num_clinical()) * order.size());
  for (dim_t k = 0; k < cohort.num_clinical(); ++k) {
    for (const dim_t i : order) out.clinical.push_back(cohort.clinical_column(k)[static_cast<std::size_t>(i)]);
  }
  out.gene_names = cohort.gene_names;
  out.genes = cohort.genes.select_patients(order);
  return out;
}

/// Sorts positions into risk order.
void sort_positions(const Cohort& cohort, std::vector<dim_t>& positions) {
  std::sort(positions.begin(), positions.end(), [&](dim_t a, dim_t b) {
    const auto i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
    return std::tuple(-cohort.time[i], -int{cohort.event[i]}, cohort.row[i], a) <
           std::tuple(-cohort.time[j], -int{cohort.event[j]}, cohort.row[j], b);
  });
}

dim_t count_ones(const std::vector<std::uint8_t>& flags) {
  return std::accumulate(flags.begin(), flags.end(), dim_t{0});
}

}  // namespace

std::string row_name(const Cohort& cohort, dim_t patient) {
  const auto i = static_cast<std::size_t>(patient);
  const dim_t row = cohort.row.empty() ? patient : cohort.row[i];
  return cohort.line.empty() ? message("row ", row) : message("row ", row, " (line ", cohort.line[i], ")");
}

Cohort sort_by_risk(Cohort cohort) {
  check_cohort(cohort);
  std::vector<dim_t> order(cohort.time.size());
  std::iota(order.begin(), order.end(), dim_t{0});
  if (cohort.row.empty()) cohort.row = order;
  if (cohort.patient_id.empty()) {
    for (const dim_t row : cohort.row) cohort.patient_id.push_back(std::to_string(row));
  }
  sort_positions(cohort, order);
  return reorder(cohort, order);
}

Cohort select_patients(const Cohort& cohort, std::span<const dim_t> keep) {
  if (keep.empty())
    throw UsageError(message("[select_patients] expected at least one patient of ", cohort.name, ", got none"));
  for (const dim_t i : keep) {
    if (i < 0 || i >= cohort.num_patients()) {
      throw UsageError(message("[select_patients] expected positions 0 to ", cohort.num_patients() - 1, ", got ", i));
    }
  }
  std::vector<dim_t> order(keep.begin(), keep.end());
  sort_positions(cohort, order);
  return reorder(cohort, order);
}

std::vector<dim_t> positive_times(const Cohort& cohort) {
  std::vector<dim_t> out;
  for (dim_t i = 0; i < cohort.num_patients(); ++i) {
    if (cohort.time[static_cast<std::size_t>(i)] > 0) out.push_back(i);
  }
  if (out.empty())
    throw DataError(message("[cohort] expected times above 0 for models of the log time, got none in ", cohort.name));
  return out;
}

std::vector<dim_t> patients_in_arm(const Cohort& cohort, int treated) {
  std::vector<dim_t> out;
  for (dim_t i = 0; i < cohort.num_patients(); ++i) {
    if (cohort.treatment[static_cast<std::size_t>(i)] == treated) out.push_back(i);
  }
  return out;
}

dim_t find_gene(const Cohort& cohort, const std::string& name) {
  const auto found = std::find(cohort.gene_names.begin(), cohort.gene_names.end(), name);
  if (found == cohort.gene_names.end()) {
    throw UsageError(message("[genes] expected the name of one of the ", cohort.num_genes(), " genes of ", cohort.name,
                             ", got ", io::quoted_name(name)));
  }
  return found - cohort.gene_names.begin();
}

void stratify_by_treatment(Cohort& cohort) {
  std::vector<std::int32_t> labels(cohort.stratum);
  labels.resize(cohort.time.size(), 0);
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  cohort.stratum.resize(cohort.time.size(), 0);
  for (std::size_t i = 0; i < cohort.stratum.size(); ++i) {
    const auto position = std::lower_bound(labels.begin(), labels.end(), cohort.stratum[i]) - labels.begin();
    cohort.stratum[i] = std::int32_t(2 * position) + cohort.treatment[i];
  }
}

dim_t count_events(const Cohort& cohort) {
  return count_ones(cohort.event);
}

dim_t count_treated(const Cohort& cohort) {
  return count_ones(cohort.treatment);
}

}  // namespace engram::genes
