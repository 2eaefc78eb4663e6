#pragma once
/// A cohort for tests that run the whole gene selection and do not look for the competition's genes.

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

}  // namespace engram::testing
