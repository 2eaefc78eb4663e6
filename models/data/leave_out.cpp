#include "models/data/leave_out.h"

#include <utility>

#include "engine/random.h"
#include "kernels/common/error.h"

namespace engram {

OodData leave_out(Environments environments, const std::string& name, const LeaveOutOptions& options) {
  OodData data;
  data.name = name;
  if (options.held_out.empty()) {
    std::string known;
    for (const Environment& e : environments) known += (known.empty() ? "" : ", ") + e.name;
    throw UsageError(message("[environments] expected environments to leave out among ", known, ", got none"));
  }
  data.test = take_environments(environments, options.held_out);
  check_every_class(environments);
  for (std::size_t e = 0; e < environments.size(); ++e) {
    if (options.validation == 0) {
      data.train.push_back(std::move(environments[e]));
      continue;
    }
    const Generator seeds(options.seed);
    HeldOut parts = hold_out(environments[e], options.validation, seeds.split(2 * e).seed());
    if (options.leak) parts.rest = hold_out(environments[e], options.validation, seeds.split(2 * e + 1).seed()).rest;
    data.train.push_back(std::move(parts.rest));
    data.validation.push_back(std::move(parts.held));
  }
  check_ood_data(data);
  return data;
}

}  // namespace engram
