#pragma once
/// A running average of lists of tensors.

#include <string>
#include <vector>

#include "engine/optim_step.h"
#include "models/training/state_visitor.h"

namespace engram {

/// The mean of what was added. Queues only. Zeros while nothing was.
class RunningAverage {
 public:
  /// For lists of tensors like these.
  explicit RunningAverage(const std::vector<Tensor>& like) {
    for (const Tensor& tensor : like) {
      const Tensor zeros = Tensor::zeros(tensor.shape(), tensor.device());
      averages_.push_back(tensor.layout() == Layout::kBlocked ? zeros.blocked() : zeros);
    }
  }

  /// Takes tensors in with the weight that each before had.
  void add(const std::vector<Tensor>& values) { blend(values, 1 - 1 / double(++count_[0])); }
  /// average = decay average + (1 - decay) values.
  void blend(const std::vector<Tensor>& values, double decay) { ema_step(averages_, values, decay); }
  /// Becomes a copy, which the next add() forgets.
  void hold(const std::vector<Tensor>& values) {
    count_[0] = 0;
    blend(values, 0);
  }
  /// The next add() begins anew.
  void restart() { count_[0] = 0; }

  /// The averages, which stay in their place.
  const std::vector<Tensor>& values() const { return averages_; }
  void visit_state(const std::string& name, StateVisitor& visitor) {
    visitor.visit(name + ".count", count_);
    visitor.visit(name, averages_);
  }

 private:
  std::vector<Tensor> averages_;
  std::vector<std::int64_t> count_ = {0};
};

}  // namespace engram
