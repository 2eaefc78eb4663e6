#include "models/genes/cohort_audit.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <unordered_map>

#include "kernels/common/error.h"

namespace engram::genes {
namespace {

/// Collects one kind of finding.
class Collector {
 public:
  explicit Collector(Anomaly kind) { finding_.kind = kind; }

  void add(const std::string& where) {
    ++finding_.count;
    if (static_cast<dim_t>(finding_.where.size()) < Finding::kMaxNamed) finding_.where.push_back(where);
  }

  /// Appends the finding, if there is one: its count, what there are so many of (the word for one), what is said of
  /// them, and the first places.
  void finish(std::vector<Finding>& findings, const std::string& thing, const std::string& text) {
    if (finding_.count == 0) return;
    constexpr std::size_t kPlacesInText = 3;
    finding_.text = message(finding_.count, " ", thing, finding_.count == 1 ? " " : "s ", text, ": ");
    for (std::size_t i = 0; i < std::min(finding_.where.size(), kPlacesInText); ++i) {
      finding_.text += (i ? "; " : "") + finding_.where[i];
    }
    if (finding_.count > static_cast<dim_t>(kPlacesInText)) finding_.text += "; ...";
    findings.push_back(std::move(finding_));
  }

 private:
  Finding finding_;
};

/// Positions in the order of the input.
std::vector<dim_t> by_row(const Cohort& cohort) {
  std::vector<dim_t> order(cohort.time.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<dim_t>(i);
  std::sort(order.begin(), order.end(), [&](dim_t a, dim_t b) {
    return cohort.row[static_cast<std::size_t>(a)] < cohort.row[static_cast<std::size_t>(b)];
  });
  return order;
}

void audit_patients(const Cohort& cohort, std::optional<double> clinical_max, std::vector<Finding>& findings) {
  Collector above(Anomaly::kClinicalAboveLimit), non_positive(Anomaly::kNonPositiveTime);
  for (const dim_t i : by_row(cohort)) {
    std::string values;
    for (dim_t k = 0; clinical_max && k < cohort.num_clinical(); ++k) {
      const double value = cohort.clinical_column(k)[static_cast<std::size_t>(i)];
      if (value > *clinical_max)
        values += message(", ", cohort.clinical_names[static_cast<std::size_t>(k)], " = ", value);
    }
    if (!values.empty()) above.add(row_name(cohort, i) + values);
    const double time = cohort.time[static_cast<std::size_t>(i)];
    if (time <= 0) non_positive.add(message(row_name(cohort, i), ", time ", time));
  }
  above.finish(findings, "row", message("with a clinical value above ", clinical_max.value_or(0)));
  non_positive.finish(findings, "row", "with a time that is not positive (left out of models of the log time)");
}

/// Adds to `duplicates` each column of [0, count) that equals an earlier one.
template <class Hash, class Equal>
void find_duplicates(dim_t count, const std::vector<std::string>& names, const Hash& hash, const Equal& equal,
                     Collector& duplicates) {
  std::unordered_multimap<std::uint64_t, dim_t> seen;
  for (dim_t j = 0; j < count; ++j) {
    const std::uint64_t key = hash(j);
    const auto [begin, end] = seen.equal_range(key);
    const auto twin = std::find_if(begin, end, [&](const auto& entry) { return equal(entry.second, j); });
    if (twin == end) {
      seen.emplace(key, j);
    } else {
      duplicates.add(message(names[static_cast<std::size_t>(j)], " = ", names[static_cast<std::size_t>(twin->second)]));
    }
  }
}

/// One step of a hash over 64-bit words (the finaliser of SplitMix64).
std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) + 0x9E3779B97F4A7C15;
  hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9;
  hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EB;
  return hash ^ (hash >> 31);
}

void audit_clinical(const Cohort& cohort, std::vector<Finding>& findings) {
  Collector constant(Anomaly::kConstantClinical), duplicate(Anomaly::kDuplicateClinical);
  for (dim_t k = 0; k < cohort.num_clinical(); ++k) {
    const auto column = cohort.clinical_column(k);
    if (std::adjacent_find(column.begin(), column.end(), std::not_equal_to<>()) == column.end()) {
      constant.add(cohort.clinical_names[static_cast<std::size_t>(k)]);
    }
  }
  const auto hash = [&](dim_t k) {
    std::uint64_t value = 0;
    for (const double x : cohort.clinical_column(k)) value = mix(value, std::bit_cast<std::uint64_t>(x + 0.0));
    return value;
  };
  const auto equal = [&](dim_t a, dim_t b) {
    return std::ranges::equal(cohort.clinical_column(a), cohort.clinical_column(b));
  };
  find_duplicates(cohort.num_clinical(), cohort.clinical_names, hash, equal, duplicate);
  constant.finish(findings, "clinical variable", "with one value only");
  duplicate.finish(findings, "clinical variable", "with the values of another");
}

void audit_genes(const Cohort& cohort, std::vector<Finding>& findings) {
  Collector constant(Anomaly::kConstantGene), one_arm(Anomaly::kOneArmGene), duplicate(Anomaly::kDuplicateGene);
  std::vector<std::uint64_t> treated(static_cast<std::size_t>(GeneColumns::words_per_gene(cohort.num_patients())));
  for (std::size_t i = 0; i < cohort.treatment.size(); ++i)
    treated[i / 64] |= std::uint64_t{cohort.treatment[i]} << (i % 64);
  const dim_t in_arm[2] = {cohort.num_patients() - count_treated(cohort), count_treated(cohort)};
  for (dim_t j = 0; j < cohort.num_genes(); ++j) {
    const std::string& name = cohort.gene_names[static_cast<std::size_t>(j)];
    const dim_t carriers = cohort.genes.count(j);
    if (carriers == 0 || carriers == cohort.num_patients()) {
      constant.add(message(name, carriers == 0 ? " (nobody)" : " (everybody)"));
      continue;
    }
    const auto bits = cohort.genes.bits(j);
    dim_t both = 0;
    for (std::size_t w = 0; w < treated.size(); ++w) both += std::popcount(bits[w] & treated[w]);
    const dim_t alone = carriers - both;
    if (both == 0 || alone == 0 || both == in_arm[1] || alone == in_arm[0]) {
      one_arm.add(message(name, " (", both, " of ", in_arm[1], " treated, ", alone, " of ", in_arm[0], " others)"));
    }
  }
  const auto hash = [&](dim_t j) {
    std::uint64_t value = 0;
    for (const std::uint64_t word : cohort.genes.bits(j)) value = mix(value, word);
    return value;
  };
  const auto equal = [&](dim_t a, dim_t b) { return std::ranges::equal(cohort.genes.bits(a), cohort.genes.bits(b)); };
  find_duplicates(cohort.num_genes(), cohort.gene_names, hash, equal, duplicate);
  constant.finish(findings, "gene", "without variation");
  const bool two_arms = in_arm[0] > 0 && in_arm[1] > 0;
  if (two_arms) one_arm.finish(findings, "gene", "without variation in one arm (no interaction can be estimated)");
  duplicate.finish(findings, "gene", "with the carriers of another");
}

}  // namespace

const char* anomaly_name(Anomaly kind) {
  switch (kind) {
    case Anomaly::kClinicalAboveLimit:
      return "clinical_above_limit";
    case Anomaly::kNonPositiveTime:
      return "non_positive_time";
    case Anomaly::kConstantClinical:
      return "constant_clinical";
    case Anomaly::kDuplicateClinical:
      return "duplicate_clinical";
    case Anomaly::kConstantGene:
      return "constant_gene";
    case Anomaly::kOneArmGene:
      return "one_arm_gene";
    case Anomaly::kDuplicateGene:
      return "duplicate_gene";
    case Anomaly::kOneArm:
      return "one_arm";
    case Anomaly::kNoEvents:
      return "no_events";
    case Anomaly::kClipped:
      return "clipped";
    case Anomaly::kDroppedRow:
      return "dropped_row";
  }
  return "?";
}

std::vector<Finding> audit(const Cohort& cohort, std::optional<double> clinical_max) {
  std::vector<Finding> findings;
  audit_patients(cohort, clinical_max, findings);
  audit_clinical(cohort, findings);
  audit_genes(cohort, findings);
  const dim_t treated = count_treated(cohort);
  if (treated == 0 || treated == cohort.num_patients()) {
    findings.push_back(
        {Anomaly::kOneArm,
         cohort.num_patients(),
         {},
         message(treated == 0 ? "nobody" : "everybody", " was treated: no effect of the treatment can be estimated")});
  }
  if (count_events(cohort) == 0) {
    findings.push_back({Anomaly::kNoEvents, cohort.num_patients(), {}, "nobody died: no survival model can be fitted"});
  }
  return findings;
}

}  // namespace engram::genes
