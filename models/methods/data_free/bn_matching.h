#pragma once
/// The distance of a batch's statistics from a teacher's running ones, from recorded inputs of its batch
/// normalisations, plain and with FAST's momentum (docs/methods/data_free.md, "Statistics"). Where nothing else is
/// wanted of the pass, Network::forward_with_bn_matching does the plain form in fewer passes over memory.

#include <vector>

#include "models/nets/network.h"
#include "models/training/state_visitor.h"

namespace engram {

/// Sum over the layers of ||running_var - batch variance|| + ||running_mean - batch mean||, biased variances. A scalar;
/// gradients flow to the inputs. Throws UsageError for an empty list.
Tensor bn_distance(const std::vector<BnInput>& inputs);

/// A network's batch normalisations as such a list, in the order of the state dictionary, without a pass: for what
/// needs the layers alone.
std::vector<BnInput> batch_norms(Network& network);

/// Averages over rounds of synthesis stand in for part of the batch: ||v_run - (1-m) v_batch - m v_avg|| and the same
/// of the means. Before the first update it is the plain distance.
class BnMomentum {
 public:
  /// For these layers; averages start unset. Throws UsageError unless 0 <= m < 1.
  BnMomentum(const std::vector<BnInput>& layers, float momentum);

  /// The distance, a scalar. Whether there are averages is looked at when this is called.
  Tensor distance(const std::vector<BnInput>& inputs) const;
  /// Queues avg = m avg + (1-m) batch, or avg = batch the first time: once a round, with the inputs of the last pass.
  void update(const std::vector<BnInput>& inputs);
  /// Counts an update on the host, also one that a graph repeated: the next is not the first.
  void count_update() { ++updates_; }

  bool has_averages() const { return updates_ > 0; }
  /// Averages [C] of layer `i`.
  const Tensor& mean(std::size_t i) const { return means_.at(i); }
  const Tensor& variance(std::size_t i) const { return variances_.at(i); }
  void visit_state(const std::string& name, StateVisitor& visitor);

 private:
  void check(const std::vector<BnInput>& inputs) const;

  float momentum_;
  std::vector<Tensor> means_, variances_;
  std::int64_t updates_ = 0;
};

}  // namespace engram
