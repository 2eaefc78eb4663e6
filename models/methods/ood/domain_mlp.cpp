#include "models/methods/ood/domain_mlp.h"

namespace engram {

DomainMlp::DomainMlp(dim_t in, dim_t out, dim_t width, int depth, Device device)
    : input_(in, width, device), output_(width, out, device) {
  if (depth < 2) throw UsageError(message("[mlp] expected at least 2 layers, got ", depth));
  register_child("input", input_);
  for (int i = 0; i < depth - 2; ++i) {
    hiddens_.push_back(std::make_unique<Linear>(width, width, device));
    register_child(message("hiddens.", i), *hiddens_.back());
  }
  register_child("output", output_);
}

Tensor DomainMlp::forward(const Tensor& x) const {
  Tensor h = relu(input_.forward(x));
  for (const auto& hidden : hiddens_) h = relu(hidden->forward(h));
  return output_.forward(h);
}

}  // namespace engram
