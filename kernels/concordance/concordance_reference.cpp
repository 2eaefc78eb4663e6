#include <algorithm>
#include <cmath>

#include "kernels/concordance/concordance.h"

namespace engram::kernels {

Cost concordance_cost(dim_t rows, dim_t num_ranks) {
  const dim_t depth = std::max<dim_t>(1, dim_t(std::ceil(std::log2(double(std::max<dim_t>(2, num_ranks))))));
  return {rows * 13, 5 * 8, rows * 3 * depth};
}

namespace reference {
namespace {

/// Row i's time is an event and comes before j's end, while j is at risk.
bool comparable(const ConcordanceArgs& args, dim_t i, dim_t j) {
  if (!args.event[i]) return false;
  if (args.entry && args.entry[j] >= args.time[i]) return false;
  return args.time[i] < args.time[j] || (args.time[i] == args.time[j] && !args.event[j]);
}

}  // namespace

void concordance(const ConcordanceArgs& args) {
  const auto weight = [&](const double* w, dim_t row) { return w ? w[row] : 1; };
  for (dim_t i = 0; i < args.rows && args.row_concordant; ++i) args.row_concordant[i] = args.row_comparable[i] = 0;
  for (dim_t i = 0; i < args.rows; ++i) {
    for (dim_t j = 0; j < args.rows; ++j) {
      const double pair = weight(args.pair_weight, i);
      const double product = pair * weight(args.weight, i) * weight(args.weight, j);
      const bool equal = args.rank[i] == args.rank[j];
      if (i < j && args.event[i] && args.event[j] && args.time[i] == args.time[j])
        args.counts[equal ? 4 : 3] += product;
      if (i == j || !comparable(args, i, j)) continue;
      const double agrees = equal ? 0.5 : args.rank[i] > args.rank[j];
      args.counts[equal ? 2 : args.rank[i] > args.rank[j] ? 0 : 1] += product;
      if (!args.row_concordant) continue;
      args.row_concordant[i] += pair * weight(args.weight, j) * agrees;
      args.row_comparable[i] += pair * weight(args.weight, j);
      args.row_concordant[j] += pair * weight(args.weight, i) * agrees;
      args.row_comparable[j] += pair * weight(args.weight, i);
    }
  }
}

}  // namespace reference

}  // namespace engram::kernels
