#include "models/nets/pruned_channels.h"

#include "kernels/common/error.h"

namespace engram {

std::vector<dim_t> checked_channels(const std::vector<dim_t>& channels, const std::vector<dim_t>& most,
                                    const NetworkSpec& spec) {
  if (channels.empty()) return most;
  if (channels.size() != most.size())
    throw UsageError(
        message("[", spec.arch, "] expected channels of ", most.size(), " convolutions, got ", channels.size()));
  for (std::size_t i = 0; i < most.size(); ++i)
    if (channels[i] < 1 || channels[i] > most[i])
      throw UsageError(
          message("[", spec.arch, "] expected 1 to ", most[i], " channels of convolution ", i, ", got ", channels[i]));
  return channels;
}

}  // namespace engram
