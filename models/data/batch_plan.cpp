#include "models/data/batch_plan.h"

#include <numeric>
#include <utility>

#include "engine/sample_random.h"
#include "kernels/common/error.h"

namespace engram {

dim_t batches_per_epoch(const BatchPlan& plan, dim_t count) {
  if (plan.batch_size < 1)
    throw UsageError(message("[batches] expected a batch size of at least 1, got ", plan.batch_size));
  const dim_t whole = count / plan.batch_size, rest = count % plan.batch_size;
  const dim_t batches = whole + (rest > 0 && !plan.drop_last ? 1 : 0);
  if (batches == 0)
    throw UsageError(message("[batches] expected at least one batch an epoch, got none: ", count,
                             " images, batch size ", plan.batch_size,
                             plan.drop_last ? ", the incomplete batch left out" : ""));
  return batches;
}

std::vector<dim_t> shuffled_order(dim_t count, std::uint64_t seed, dim_t epoch) {
  std::vector<dim_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), dim_t{0});
  SampleRandom random(seed, RandomPurpose::kShuffle, epoch, 0);
  for (dim_t i = count - 1; i > 0; --i) std::swap(order[i], order[random.below(i + 1)]);
  return order;
}

}  // namespace engram
