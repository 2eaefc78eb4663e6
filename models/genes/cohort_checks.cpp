#include "models/genes/cohort_checks.h"

#include "kernels/common/error.h"

namespace engram::genes {

void require_events(const Cohort& cohort) {
  if (count_events(cohort) == 0) {
    throw DataError(
        message("[screen] ", cohort.name, ": expected at least one death, got none: no survival model can be fitted"));
  }
}

void require_two_arms(const Cohort& cohort) {
  require_events(cohort);
  const dim_t treated = count_treated(cohort);
  if (treated == 0 || treated == cohort.num_patients()) {
    throw DataError(message("[screen] ", cohort.name, ": expected treated and untreated patients, got ", treated,
                            " treated of ", cohort.num_patients(), ": no interaction can be estimated"));
  }
}

}  // namespace engram::genes
