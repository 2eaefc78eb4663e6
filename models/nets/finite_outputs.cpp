#include "models/nets/finite_outputs.h"

#include <cmath>

#include "kernels/common/error.h"

namespace engram {

void check_finite_outputs(const char* op, const char* what, Network& network, const Tensor& images,
                          std::span<const float> outputs) {
  for (const float v : outputs)
    if (!std::isfinite(v))
      throw DataError(
          message("[", op, "] expected finite ", what, ", got ", v,
                  "; the first layer whose output is not finite: ", network.first_layer_not_finite(images)));
}

}  // namespace engram
