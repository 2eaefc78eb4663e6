#pragma once
/// What a cohort must have for a question to have an answer.

#include "models/genes/cohort.h"

namespace engram::genes {

/// Throws DataError, which names the cohort, when nobody died.
void require_events(const Cohort& cohort);

/// As above, and when everybody or nobody was treated.
void require_two_arms(const Cohort& cohort);

}  // namespace engram::genes
