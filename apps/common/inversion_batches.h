#pragma once
/// The batches of an inversion, one after the other: each with its pictures, metrics, checkpoint and files.

#include <memory>
#include <string>

#include "apps/common/invert_settings.h"
#include "apps/common/program.h"
#include "apps/common/time_estimate.h"
#include "models/methods/inversion/inversion.h"
#include "models/methods/inversion/synthetic_images.h"

namespace engram::apps {

/// Makes those of the shard in a run folder, each from its own seed. Where a run stopped, it goes on with the same
/// bits.
class InversionBatches {
 public:
  /// The arguments outlive the object. Throws UsageError for settings that make no sense for the classifier.
  /// `student` is the network that images compete with, or null.
  InversionBatches(const Program& program, const InvertSettings& settings, const Classifier& classifier,
                   Network* student);

  /// Patterns of what they write.
  static FilePatterns files();

  /// Finds where a run stopped in its folder, restores the batch that it was in, and drops later metrics. Throws what
  /// load_checkpoint and has_batch throw.
  void take_up(RunDir& dir);

  /// Makes what is missing. Returns where a signal stopped it ("in batch 2"), which left a checkpoint; else "".
  std::string make(RunDir& dir);

 private:
  bool make_batch(RunDir& dir, std::size_t place, TimeEstimate& estimate);
  void go_on(RunDir& dir, std::size_t place);
  std::unique_ptr<Inversion> start(std::int64_t index) const;
  std::string fingerprint(std::int64_t index) const;

  const Program& program_;
  const InvertSettings& settings_;
  const Classifier& classifier_;
  InversionOptions options_;
  PixelScaling scaling_;
  std::vector<std::int64_t> batches_;  // their numbers
  std::size_t first_place_ = 0;        // in that list: where the run goes on
  std::int64_t first_step_ = 0;        // of that batch
  std::unique_ptr<Inversion> batch_;   // the first one, restored, or begun after the last one
};

}  // namespace engram::apps
