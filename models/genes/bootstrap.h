#pragma once
/// The whole pipeline on resampled patients (docs/methods/genes.md, "Stability and permutations").

#include <cstdint>
#include <functional>
#include <vector>

#include "models/genes/pipeline.h"

namespace engram::genes {

struct BootstrapOptions {
  int resamples = 100;
  PipelineOptions pipeline = {};  ///< its seed draws the patients too; its slow checks are left out
};

/// How often the list comes out again.
struct Bootstrap {
  int runs = 0;                 ///< resamples that the pipeline could use
  std::vector<double> share;    ///< one a gene: in how many of their lists it is
  std::vector<int> reselected;  ///< one a run: genes of the list in question that its list has again
  /// Mean of `reselected`, and its 2.5 % and 97.5 % quantiles (linear interpolation); 0 without runs.
  double mean = 0, low = 0, high = 0;
};

/// Draws as many patients as the cohort has, with replacement, and runs the pipeline from the screens to the ranked
/// list on them, without stability, permutations and controls. `listed` is the list whose genes are counted. A patient
/// drawn twice is two patients, so weak genes look stronger than they are: the counts describe the list's stability and
/// are no test. Resamples without a death, an arm or a candidate gene are left out. Runs in parallel; the result
/// depends on the seed alone. Runs that `stop` kept from starting are left out. Throws UsageError for fewer than 1
/// resample.
Bootstrap bootstrap_pipeline(const Cohort& cohort, const std::vector<dim_t>& listed, const BootstrapOptions& options,
                             const std::function<void(int done)>& progress = {},
                             const std::function<bool()>& stop = {});

}  // namespace engram::genes
