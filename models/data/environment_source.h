#pragma once
/// Batches from several environments (domains) at a time: what methods for out-of-distribution generalisation train on.

#include <vector>

#include "models/data/batch_stager.h"

namespace engram {

/// One step's images.
struct EnvironmentBatch {
  std::vector<LabelledBatch> environments;  ///< one an environment, in the order of the source; extents may differ
  std::vector<Tensor> contexts;             ///< i32 [B] an environment; empty where images have no context labels
};

/// Where a method's batches come from. As BatchStager: `stage` draws on the host and queues small copies into tensors
/// that stay, `gather` queues kernels that read them and can be captured. What a step holds depends on the source and
/// the step's number only.
class EnvironmentSource {
 public:
  virtual ~EnvironmentSource() = default;
  virtual Device device() const = 0;
  virtual dim_t num_environments() const = 0;
  virtual int num_classes() const = 0;
  /// Number of different context labels; 0 where there are none.
  virtual int num_contexts() const = 0;
  virtual void stage(dim_t step) = 0;
  virtual EnvironmentBatch gather() const = 0;
};

}  // namespace engram
