#include "apps/genes/selection_validation.h"

#include "kernels/common/error.h"

namespace engram::apps {
namespace {

constexpr int kFolds = 5;

}  // namespace

SelectionValidation validate_selection(const genes::Cohort& cohort, const genes::Selection& selection,
                                       const SelectSettings& s, const genes::PipelineProgress& progress,
                                       const std::function<bool()>& stop) {
  genes::PipelineOptions pipeline = pipeline_options(s);
  pipeline.wrapper.seeds = 1;
  SelectionValidation validation;
  if (s.bootstrap > 0) {
    progress("bootstrap", 0, s.bootstrap);
    validation.bootstrap = genes::bootstrap_pipeline(
        cohort, listed_genes(selection), {.resamples = int(s.bootstrap), .pipeline = pipeline},
        [&](int done) { progress("bootstrap", done, s.bootstrap); }, stop);
  }
  if (s.cross_validate > 0) {
    const genes::PredictionOptions options{.repeats = int(s.cross_validate), .folds = kFolds, .seed = s.common.seed};
    const std::int64_t runs = s.cross_validate * kFolds;
    progress("cross-validation", 0, runs);
    try {
      validation.prediction = genes::cross_validate_pipeline(
          cohort, pipeline, options, [&](int done) { progress("cross-validation", done, runs); }, stop);
    } catch (const DataError& error) {  // too few patients or deaths for the folds; the list stands all the same
      validation.failure = error.what();
    }
  }
  validation.interrupted = stop();
  return validation;
}

}  // namespace engram::apps
