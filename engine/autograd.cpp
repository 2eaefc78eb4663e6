#include "engine/autograd.h"

#include <atomic>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "engine/ops/elementwise.h"

namespace engram {
namespace {

thread_local bool recording = true;
std::atomic<std::uint64_t> next_sequence{1};

/// a + b, into the memory of a or b when nobody else holds it.
Tensor accumulate(Tensor a, Tensor b) {
  if (!grad_enabled() && a.layout() == b.layout() && a.shape() == b.shape()) {
    if (!a.owns_data_alone() && b.owns_data_alone()) std::swap(a, b);
    if (a.owns_data_alone() && a.is_dense() && b.is_dense()) {
      add_in_place(a, b);
      return a;
    }
  }
  return add(a, b);
}

}  // namespace

Node::~Node() {
  static thread_local std::vector<std::shared_ptr<Node>> pending;
  static thread_local bool draining = false;
  for (Edge& edge : edges)
    if (edge.node) pending.push_back(std::move(edge.node));
  backward = nullptr;  // the nodes of saved inputs are in `pending`, so they outlive this
  if (draining) return;
  draining = true;
  while (!pending.empty()) {
    std::shared_ptr<Node> next = std::move(pending.back());
    pending.pop_back();
  }
  draining = false;
}

bool grad_enabled() {
  return recording;
}

GradModeGuard::GradModeGuard(bool enabled) : before_(recording) {
  recording = enabled;
}
GradModeGuard::~GradModeGuard() {
  recording = before_;
}

Saved::Saved(const Tensor& input) : tensor_(input) {
  if (input.defined()) version_ = input.storage().version();
}

Saved Saved::output(const Tensor& output, int index) {
  Saved saved(output.detach());
  saved.output_index_ = index;
  return saved;
}

Tensor BackwardContext::get(const Saved& saved) const {
  if (!saved.tensor_.defined()) return {};
  if (saved.tensor_.storage().version() != saved.version_)
    throw UsageError(message("[backward] a tensor that '", node_->name, "' saved (", saved.tensor_.describe(),
                             ") was changed in place before the backward pass; clone it first"));
  if (saved.output_index_ < 0 || !create_graph_) return saved.tensor_;
  Tensor output = saved.tensor_.detach();
  output.impl()->requires_grad = true;
  output.impl()->node = node_;
  output.impl()->output_index = saved.output_index_;
  return output;
}

Tensor BackwardContext::grad(int index) {
  auto& parts = grads_[index];
  while (parts.size() > 1) {
    Tensor last = std::move(parts.back());
    parts.pop_back();
    Tensor before = std::move(parts.back());
    parts.pop_back();
    parts.push_back(accumulate(std::move(before), std::move(last)));
  }
  return parts.empty() ? Tensor() : parts[0];
}

std::pair<Tensor, Tensor> BackwardContext::take_grad_pair(int index) {
  auto& parts = grads_[index];
  std::pair<Tensor, Tensor> pair;
  if (parts.size() > 1) {
    pair.second = std::move(parts.back());
    parts.pop_back();
  }
  pair.first = grad(index);
  parts.clear();
  return pair;
}

bool needs_record(const std::vector<Tensor>& inputs) {
  if (!recording) return false;
  for (const Tensor& input : inputs)
    if (input.requires_grad()) return true;
  return false;
}

bool needs_record(std::initializer_list<Tensor> inputs) {
  if (!recording) return false;
  for (const Tensor& input : inputs)
    if (input.requires_grad()) return true;
  return false;
}

void record(const char* name, const std::vector<Tensor>& inputs, std::initializer_list<Tensor*> outputs,
            BackwardFunction backward) {
  auto node = std::make_shared<Node>();
  node->name = name;
  node->sequence = next_sequence++;
  node->backward = std::move(backward);
  node->num_outputs = int(outputs.size());
  node->mode = compute_mode();
  node->edges.reserve(inputs.size());
  for (const Tensor& input : inputs) {
    Node::Edge edge;
    if (input.requires_grad()) {
      edge.node = input.impl()->node;
      edge.output_index = input.impl()->output_index;
      if (!edge.node) edge.leaf = input.impl_ptr();
    }
    node->edges.push_back(std::move(edge));
  }
  int index = 0;
  for (Tensor* output : outputs) {
    if (output->defined()) {
      output->impl()->node = node;
      output->impl()->output_index = index;
      output->impl()->requires_grad = true;
    }
    ++index;
  }
}

/// One traversal of the tape from some outputs to some targets.
class BackwardPass {
 public:
  BackwardPass(bool create_graph, bool retain_graph) : create_graph_(create_graph), retain_graph_(retain_graph) {}

  /// Collects the gradient of this tensor. Without any target, every leaf is one.
  void add_target(const Tensor& input) {
    if (input.impl()->node)
      node_targets_[input.impl()->node.get()].push_back(input.impl()->output_index);
    else
      leaf_targets_.insert(input.impl());
    all_leaves_ = false;
  }

  void seed(const Tensor& output, Tensor gradient) {
    if (!output.requires_grad())
      throw UsageError(message("[grad] expected an output that depends on a tensor with requires_grad, got ",
                               output.describe(), " without history"));
    Node::Edge edge{output.impl()->node, output.impl()->output_index, nullptr};
    if (!edge.node) edge.leaf = output.impl_ptr();
    if (edge.node) find_needed(edge.node);
    deliver(edge, std::move(gradient));
  }

  void run() {
    GradModeGuard mode(create_graph_);
    while (!queue_.empty()) {
      std::shared_ptr<Node> node = queue_.top();
      queue_.pop();
      process(node);
    }
  }

  Tensor node_result(Node* node, int index) {
    auto it = node_results_.find({node, index});
    return it == node_results_.end() ? Tensor() : it->second;
  }
  Tensor leaf_result(Tensor::Impl* leaf) {
    auto it = leaf_results_.find(leaf);
    return it == leaf_results_.end() ? Tensor() : it->second.second;
  }
  /// Leaves in the order in which gradients first reached them.
  const std::vector<std::shared_ptr<Tensor::Impl>>& reached_leaves() const { return reached_; }

 private:
  struct Later {
    bool operator()(const std::shared_ptr<Node>& a, const std::shared_ptr<Node>& b) const {
      return a->sequence < b->sequence;
    }
  };
  struct PairHash {
    std::size_t operator()(const std::pair<Node*, int>& p) const {
      return std::hash<Node*>()(p.first) * 31 + std::size_t(p.second);
    }
  };

  bool edge_needed(const Node::Edge& edge) const {
    if (edge.leaf) return all_leaves_ || leaf_targets_.count(edge.leaf.get());
    if (!edge.node) return false;
    auto target = node_targets_.find(edge.node.get());
    if (target != node_targets_.end())
      for (int index : target->second)
        if (index == edge.output_index) return true;
    return needed_.at(edge.node.get());
  }

  /// Fills needed_ for everything below `root`: whether running the node brings a gradient nearer to a target.
  /// Iterative, as tapes can be deep.
  void find_needed(const std::shared_ptr<Node>& root) {
    std::vector<std::pair<Node*, std::size_t>> stack;
    if (!needed_.count(root.get())) stack.push_back({root.get(), 0});
    while (!stack.empty()) {
      auto& [node, next] = stack.back();
      if (next < node->edges.size()) {
        Node* child = node->edges[next++].node.get();
        if (child && !needed_.count(child)) stack.push_back({child, 0});
        continue;
      }
      bool any = false;
      for (const Node::Edge& edge : node->edges) any = any || edge_needed(edge);
      needed_[node] = any;
      stack.pop_back();
    }
  }

  void deliver(const Node::Edge& edge, Tensor gradient) {
    if (edge.leaf) {
      auto [it, fresh] = leaf_results_.try_emplace(edge.leaf.get(), edge.leaf, gradient);
      if (fresh) {
        reached_.push_back(edge.leaf);
      } else {
        Tensor before = std::move(it->second.second);
        it->second.second = accumulate(std::move(before), std::move(gradient));
      }
      return;
    }
    auto [it, fresh] = pending_.try_emplace(edge.node.get());
    if (fresh) {
      it->second.resize(std::size_t(edge.node->num_outputs));
      queue_.push(edge.node);
    }
    it->second[std::size_t(edge.output_index)].push_back(std::move(gradient));
  }

  void process(const std::shared_ptr<Node>& node) {
    BackwardContext context;
    context.node_ = node;
    context.create_graph_ = create_graph_;
    context.grads_ = std::move(pending_[node.get()]);
    pending_.erase(node.get());
    auto targets = node_targets_.find(node.get());
    if (targets != node_targets_.end())
      for (int index : targets->second) node_results_[{node.get(), index}] = context.grad(index);
    if (!needed_.at(node.get())) return;
    if (!node->backward)
      throw UsageError(
          message("[grad] the graph of '", node->name, "' was released by an earlier pass; use retain_graph"));
    for (const Node::Edge& edge : node->edges) context.needs_.push_back(edge_needed(edge));
    std::vector<Tensor> gradients;
    {
      const ComputeModeGuard mode(node->mode);
      gradients = node->backward(context);
    }
    if (!retain_graph_) node->backward = nullptr;
    context.grads_.clear();
    for (std::size_t i = 0; i < node->edges.size(); ++i) {
      if (!context.needs_[i] || i >= gradients.size() || !gradients[i].defined()) continue;
      Tensor gradient = std::move(gradients[i]);
      deliver(node->edges[i], std::move(gradient));
    }
  }

  bool create_graph_, retain_graph_;
  bool all_leaves_ = true;
  std::unordered_map<Node*, std::vector<int>> node_targets_;
  std::unordered_set<Tensor::Impl*> leaf_targets_;
  std::unordered_map<Node*, bool> needed_;
  std::unordered_map<Node*, std::vector<std::vector<Tensor>>> pending_;
  std::priority_queue<std::shared_ptr<Node>, std::vector<std::shared_ptr<Node>>, Later> queue_;
  std::unordered_map<std::pair<Node*, int>, Tensor, PairHash> node_results_;
  std::unordered_map<Tensor::Impl*, std::pair<std::shared_ptr<Tensor::Impl>, Tensor>> leaf_results_;
  std::vector<std::shared_ptr<Tensor::Impl>> reached_;
};

namespace {

void seed_outputs(BackwardPass& pass, const std::vector<Tensor>& outputs, const GradOptions& options) {
  if (!options.grad_outputs.empty() && options.grad_outputs.size() != outputs.size())
    throw UsageError(message("[grad] expected one grad_output for each of ", outputs.size(), " outputs, got ",
                             options.grad_outputs.size()));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    Tensor gradient = options.grad_outputs.empty() ? Tensor() : options.grad_outputs[i];
    if (!gradient.defined()) {
      if (outputs[i].numel() != 1)
        throw ShapeError(
            message("[grad] expected a one-element output or its grad_output, got ", outputs[i].describe()));
      gradient = Tensor::full(outputs[i].shape(), 1.f, outputs[i].device());
    }
    if (gradient.shape() != outputs[i].shape())
      throw ShapeError(message("[grad] expected a grad_output of shape ", to_string(outputs[i].shape()), ", got ",
                               gradient.describe()));
    if (gradient.dtype() != DType::kF32)
      throw DTypeError(message("[grad] expected a grad_output of f32, got ", gradient.describe()));
    check_one_device("grad", {outputs[i], gradient});
    pass.seed(outputs[i], gradient);
  }
}

}  // namespace

std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const GradOptions& options) {
  BackwardPass pass(options.create_graph, options.retain_graph || options.create_graph);
  for (const Tensor& input : inputs) {
    if (!input.requires_grad())
      throw UsageError(message("[grad] expected inputs with requires_grad, got ", input.describe()));
    pass.add_target(input);
  }
  seed_outputs(pass, outputs, options);
  pass.run();
  std::vector<Tensor> results;
  for (const Tensor& input : inputs) {
    Tensor::Impl* impl = input.impl();
    results.push_back(impl->node ? pass.node_result(impl->node.get(), impl->output_index) : pass.leaf_result(impl));
    if (!results.back().defined() && !options.allow_unused)
      throw UsageError(message("[grad] the outputs do not depend on input ", results.size() - 1, " (", input.describe(),
                               "); set allow_unused to get an empty gradient"));
  }
  return results;
}

void backward(const Tensor& output, const GradOptions& options) {
  BackwardPass pass(options.create_graph, options.retain_graph || options.create_graph);
  seed_outputs(pass, {output}, options);
  pass.run();
  GradModeGuard mode(options.create_graph);
  for (const auto& leaf : pass.reached_leaves()) {
    accumulate_grad(*leaf, pass.leaf_result(leaf.get()));
  }
}

}  // namespace engram
