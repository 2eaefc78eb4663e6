#pragma once
/// The competition's data, for tests of the gene methods.

#include "models/genes/cohort_io.h"
#include "tests/support/golden.h"

namespace engram::testing {

inline const genes::Cohort& competition() {
  static const genes::Cohort cohort = genes::load_cohort_folder(golden_path("survival/hackathon")).cohort;
  return cohort;
}

}  // namespace engram::testing
