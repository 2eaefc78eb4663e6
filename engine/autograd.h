#pragma once
/// Reverse-mode automatic differentiation of any order, on a tape of nodes.
///
/// An operation that has an input with `requires_grad` records a Node: edges to its inputs and a function from the
/// gradients of its outputs to those of its inputs. A node computes only the gradients that somebody asked for, so
/// frozen parameters cost nothing. With `create_graph` that function runs with recording on, which makes the gradients
/// differentiable again.
///
/// Threads: a pass runs on the thread that asks for it. Passes over graphs that share leaves only may run at the same
/// time; their contributions to a leaf are added one after the other, in the order of arrival, so with more than two of
/// them the last bits of the sum may vary. A graph belongs to one thread at a time. On a device with streams the
/// threads order their streams themselves before they meet in a leaf.

#include <functional>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include "engine/compute_mode.h"
#include "engine/tensor.h"

namespace engram {

/// True when operations record nodes on this thread.
bool grad_enabled();

/// Switches recording off, or on, for the calling thread while it lives.
class GradModeGuard {
 public:
  explicit GradModeGuard(bool enabled);
  ~GradModeGuard();
  GradModeGuard(const GradModeGuard&) = delete;

 private:
  bool before_;
};

/// Switches recording off while it lives.
class NoGradGuard : public GradModeGuard {
 public:
  NoGradGuard() : GradModeGuard(false) {}
};

class BackwardContext;

/// From the gradients of an operation's outputs to those of its inputs, one entry an input; undefined where not needed.
using BackwardFunction = std::function<std::vector<Tensor>(BackwardContext&)>;

/// A tensor kept for the backward pass, with its version at the time.
class Saved {
 public:
  Saved() = default;
  /// Keeps an input of the operation.
  Saved(const Tensor& input);
  /// Keeps output number `index` of the operation, without a reference cycle.
  static Saved output(const Tensor& output, int index = 0);

 private:
  friend class BackwardContext;
  Tensor tensor_;
  std::uint64_t version_ = 0;
  int output_index_ = -1;
};

/// One recorded operation.
class Node {
 public:
  /// Where the gradient of an input goes: to an output of another node, to a leaf, or nowhere.
  struct Edge {
    std::shared_ptr<Node> node;
    int output_index = 0;
    std::shared_ptr<Tensor::Impl> leaf;
  };

  const char* name = "";
  std::uint64_t sequence = 0;  ///< creation order: consumers have higher numbers than producers
  std::vector<Edge> edges;
  int num_outputs = 1;
  ComputeMode mode;           ///< of the forward pass; `backward` runs in it
  BackwardFunction backward;  ///< empty once the graph was released

  Node() = default;
  Node(const Node&) = delete;
  /// Frees the chain of nodes below without recursion, as tapes can be deep.
  ~Node();
};

/// What a backward function sees.
class BackwardContext {
 public:
  /// Gradient of output `index`, summed over its consumers; undefined when nothing flowed into it.
  Tensor grad(int index = 0);
  /// The same without the last sum: gradient = first + second, second undefined when there is one only. For fused
  /// kernels that add two gradients on the fly. Moves the tensors out, so that their memory may be reused when
  /// `owns_data_alone()`.
  std::pair<Tensor, Tensor> take_grad_pair(int index = 0);
  /// Whether the gradient of input `index` was asked for.
  bool needs(int index) const { return needs_[index]; }
  /// Whether the gradients must be differentiable: then use recorded operations only.
  bool create_graph() const { return create_graph_; }
  /// The saved tensor; throws UsageError when it was changed in place since.
  Tensor get(const Saved& saved) const;

 private:
  friend class BackwardPass;
  std::shared_ptr<Node> node_;
  std::vector<std::vector<Tensor>> grads_;
  std::vector<bool> needs_;
  bool create_graph_ = false;
};

/// True when recording is on and one of the tensors requires a gradient. Undefined tensors do not.
bool needs_record(std::initializer_list<Tensor> inputs);
bool needs_record(const std::vector<Tensor>& inputs);

/// Records an operation: `outputs` become results of a new node with edges to `inputs` (undefined inputs allowed).
/// Call it only when `needs_record(inputs)`.
void record(const char* name, const std::vector<Tensor>& inputs, std::initializer_list<Tensor*> outputs,
            BackwardFunction backward);

struct GradOptions {
  bool create_graph = false;              ///< make the gradients differentiable
  bool retain_graph = false;              ///< keep the graph for another pass; implied by create_graph
  bool allow_unused = false;              ///< undefined gradients instead of an error for inputs that play no part
  std::vector<Tensor> grad_outputs = {};  ///< one for each output; default: ones for one-element outputs
};

/// Gradients of the sum of `outputs` (weighted by grad_outputs) with respect to `inputs`, leaves or not.
/// Throws UsageError when an input plays no part, when a graph was released, or when an output has no history.
/// Deterministic: contributions are added in the fixed order of the tape.
std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const GradOptions& options = {});

/// Adds the gradient of `output` (one element) to `Tensor::grad` of every leaf that requires one. Throws as `grad`.
void backward(const Tensor& output, const GradOptions& options = {});

}  // namespace engram
