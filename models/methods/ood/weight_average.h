#pragma once
/// Averages of the weights over the steps of a training: uniform, exponential, SWAD (Cha et al. 2021) and the average
/// from the best validation on. They change no loss, so any method can have them.

#include <memory>
#include <string>
#include <vector>

#include "models/nets/network.h"
#include "models/training/state_visitor.h"

namespace engram {

class EnvironmentSource;

/// Which average, and its settings.
struct WeightAverageOptions {
  /// "none"; "uniform" (SWA; before `first_step` the weights as they are); "ema" (begins as a copy at `first_step`);
  /// "swad"; "best" (restarts where validation accuracy is best, keeps the average of best validation accuracy).
  std::string kind = "none";
  dim_t first_step = 0;
  double decay = 0.999;  ///< of "ema"

  // SWAD. Segments are the steps between validations.
  int converge = 3;              ///< validations in a row whose first is the lowest: the valley begins
  int tolerance = 6;             ///< validations in a row that are all above the threshold: it ends
  double tolerance_ratio = 0.3;  ///< threshold = (1 + ratio) times the mean loss of the validations that began it
  /// true: segments enter as in the released program, the one that began the valley twice or not at all; false: each
  /// from the beginning to the end of the valley once.
  bool released = false;
};

/// "none", "uniform", "ema", "swad", "best".
const std::vector<std::string>& weight_average_names();

/// Throws UsageError, which names the setting, for options that make no sense.
void check_weight_average(const WeightAverageOptions& options);

/// An average of tensors that change in place. All work is queued on their device; validations come from the host.
class WeightAverage {
 public:
  virtual ~WeightAverage() = default;
  /// Takes the tensors in as they are after step `step`. To be called once a step, in order.
  virtual void update(dim_t step) = 0;
  /// A validation of the tensors after step `step`, which ends a segment: mean loss and accuracy on held-out images of
  /// the training environments.
  virtual void validated(dim_t step, double loss, double accuracy) { (void)step, (void)loss, (void)accuracy; }
  /// Whether a validation of the average itself is wanted now, and its accuracy.
  virtual bool wants_average_accuracy() const { return false; }
  virtual void average_validated(double accuracy) { (void)accuracy; }
  /// Whether later steps cannot change it.
  virtual bool is_final() const { return false; }
  /// The average as of now, in the order of the tensors. May be the tensors themselves.
  virtual std::vector<Tensor> values() = 0;
  /// All that later steps depend on.
  virtual void visit_state(const std::string& name, StateVisitor& visitor) = 0;
};

/// Null for "none". Throws as check_weight_average.
std::unique_ptr<WeightAverage> make_weight_average(const WeightAverageOptions& options, std::vector<Tensor> tensors);

/// Makes the running statistics of every batch normalisation anew: the mean over `steps` batches (all environments of a
/// step as one) of the batch means and of the unbiased batch variances (PyTorch's update_bn). Averaged weights have no
/// statistics of their own.
void update_statistics(Network& network, EnvironmentSource& source, dim_t first_step, dim_t steps);

}  // namespace engram
