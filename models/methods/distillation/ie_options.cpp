#include "models/methods/distillation/ie_options.h"

namespace engram {

Tensor ie_total(const IeOptions& o, const Tensor& inherited, const Tensor& explored, const Device& device,
                std::vector<Tensor>& parts) {
  const Tensor none = Tensor::zeros({}, device);
  const Tensor a = inherited.defined() ? inherited : none;
  const Tensor b = !explored.defined() ? none : o.flip ? neg(explored) : explored;
  parts = {a.detach(), b.detach()};
  return float(o.inherit) * a + float(o.explore) * b;
}

}  // namespace engram
