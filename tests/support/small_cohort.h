#pragma once
/// A cohort for tests that run the whole gene selection and do not look for the competition's genes.

#include <algorithm>
#include <utility>

#include "models/genes/simulator.h"

namespace engram::testing {

/// Scenario H with 300 patients and 60 genes: few, and strong effects.
inline const genes::SimulatedCohort& small_cohort() {
  static const genes::SimulatedCohort made = [] {
    genes::SimulatorSettings settings = genes::scenario("H");
    settings.patients = 300;
    settings.genes = 60;
    return genes::simulate(settings, 5);
  }();
  return made;
}

/// Follow-up of every second patient is cut in two rows, the second observed from the first one's end on.
inline genes::Cohort cut_in_two(const genes::Cohort& cohort) {
  std::vector<dim_t> rows;
  for (dim_t i = 0; i < cohort.num_patients(); ++i) rows.insert(rows.end(), i % 2 == 0 ? 2 : 1, i);
  genes::Cohort cut = genes::select_patients(cohort, rows);  // copies stand side by side
  for (std::size_t i = 0; i < cut.time.size(); ++i) {
    cut.entry.push_back(std::min(0.0, cut.time[i] - 1));
    if (i == 0 || cut.row[i] != cut.row[i - 1] || cut.time[i] <= 0) continue;
    const double middle = 0.4 * cut.time[i];
    cut.entry[i - 1] = middle;
    cut.time[i] = middle;
    cut.event[i] = 0;
  }
  return genes::sort_by_risk(std::move(cut));
}

}  // namespace engram::testing
