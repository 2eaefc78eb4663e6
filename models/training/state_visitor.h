#pragma once
/// How the state of a training task is named, once for all that is done with it: writing and reading checkpoints, and
/// finding its random streams.

#include <cstdint>
#include <string>
#include <vector>

#include "engine/random.h"
#include "models/module.h"

namespace engram {

class Network;
class Optimizer;

/// Is shown every part of a task's state under a name that is unique in the task and the same in each visit. Parts that
/// a visitor restores are overwritten in place, so that captured work keeps finding them.
class StateVisitor {
 public:
  virtual ~StateVisitor() = default;

  /// All parameters and buffers, as "<name>.<name in the module>".
  void visit(const std::string& name, Module& module);
  /// The same, and the random stream of its dropout as "<name>.dropout".
  void visit(const std::string& name, Network& network);
  /// What an optimiser keeps for each parameter, as Optimizer::visit_state.
  void visit(const std::string& name, Optimizer& optimizer);
  /// A list of tensors, as "<name>.0", "<name>.1", ...
  void visit(const std::string& name, const std::vector<Tensor>& tensors);
  /// Where a random stream stands. Its seed follows from the configuration and is compared, not restored.
  virtual void visit(const std::string& name, Generator& generator);
  /// A dense f32, i32 or u8 tensor of any device, whose extents do not change: a memory bank, a running value.
  virtual void visit(const std::string& name, const Tensor& tensor) = 0;
  /// Values on the host; the list may change its length: indices, counters, sums.
  virtual void visit(const std::string& name, std::vector<std::int64_t>& values) = 0;
  virtual void visit(const std::string& name, std::vector<double>& values) = 0;

  /// Whether what is visited takes on stored values.
  virtual bool restores() const { return false; }
};

}  // namespace engram
