#include "kernels/concordance/concordance.h"
#include "kernels/concordance/ranked_sums.h"

namespace engram::kernels {
namespace {

double weight_of(const ConcordanceArgs& args, dim_t row) {
  return args.weight ? args.weight[row] : 1;
}

double pair_weight_of(const ConcordanceArgs& args, dim_t row) {
  return args.pair_weight ? args.pair_weight[row] : 1;
}

/// Rows [begin, end) of one time, the events first.
struct TimeGroup {
  dim_t begin, events_end, end;
};

TimeGroup group_from(const ConcordanceArgs& args, dim_t begin) {
  TimeGroup group{begin, begin, begin};
  while (group.end < args.rows && args.time[group.end] == args.time[begin]) {
    group.events_end += args.event[group.end] != 0;
    ++group.end;
  }
  return group;
}

TimeGroup group_until(const ConcordanceArgs& args, dim_t end) {
  TimeGroup group{end, end, end};
  dim_t events = 0;
  while (group.begin > 0 && args.time[group.begin - 1] == args.time[end - 1]) {
    --group.begin;
    events += args.event[group.begin] != 0;
  }
  group.events_end = group.begin + events;
  return group;
}

/// Pairs of events at one time: not comparable, but counted. `same` is empty before and after.
ENGRAM_ALWAYS_INLINE void count_tied_times(const ConcordanceArgs& args, const TimeGroup& group, double* same) {
  if (group.events_end - group.begin < 2) return;
  double before = 0;
  for (dim_t i = group.begin; i < group.events_end; ++i) {
    const double w = weight_of(args, i), factor = w * pair_weight_of(args, i);
    args.counts[4] += factor * same[args.rank[i]];
    args.counts[3] += factor * (before - same[args.rank[i]]);
    same[args.rank[i]] += w;
    before += w;
  }
  for (dim_t i = group.begin; i < group.events_end; ++i) same[args.rank[i]] = 0;
}

/// From the latest time down: each event against all that are observed for longer and at risk.
ENGRAM_MULTIVERSION void count_as_earlier(const ConcordanceArgs& args) {
  RankedSums later(args.workspace, args.num_ranks);
  double* same = args.workspace + RankedSums::doubles(args.num_ranks);
  std::fill(same, same + args.num_ranks, 0.);
  dim_t entered = 0;
  for (dim_t begin = 0; begin < args.rows;) {
    const TimeGroup group = group_from(args, begin);
    for (; args.entry && entered < args.rows; ++entered) {
      const dim_t row = args.entry_order[entered];
      if (args.entry[row] < args.time[begin]) break;
      later.add(args.rank[row], -weight_of(args, row));
    }
    for (dim_t i = group.events_end; i < group.end; ++i) later.add(args.rank[i], weight_of(args, i));
    for (dim_t i = group.begin; i < group.events_end; ++i) {
      const double less = later.below(args.rank[i]), equal = later.at(args.rank[i]);
      const double greater = later.total() - less - equal;
      const double pair = pair_weight_of(args, i), factor = weight_of(args, i) * pair;
      args.counts[0] += factor * less;
      args.counts[1] += factor * greater;
      args.counts[2] += factor * equal;
      if (!args.row_concordant) continue;
      args.row_concordant[i] += pair * (less + equal / 2);
      args.row_comparable[i] += pair * later.total();
    }
    count_tied_times(args, group, same);
    for (dim_t i = group.begin; i < group.events_end; ++i) later.add(args.rank[i], weight_of(args, i));
    begin = group.end;
  }
}

/// Adds, or for `sign` -1 takes away, the pairs of `row` with the events so far as the earlier ones.
ENGRAM_ALWAYS_INLINE void add_as_later(const ConcordanceArgs& args, const RankedSums& earlier, dim_t row, double sign) {
  const double less = earlier.below(args.rank[row]), equal = earlier.at(args.rank[row]);
  args.row_concordant[row] += sign * (earlier.total() - less - equal / 2);
  args.row_comparable[row] += sign * earlier.total();
}

/// From the earliest time up: each row against the events before it, less those before it entered.
ENGRAM_MULTIVERSION void count_as_later(const ConcordanceArgs& args) {
  RankedSums earlier(args.workspace, args.num_ranks);
  dim_t entering = args.rows;
  for (dim_t end = args.rows; end > 0;) {
    const TimeGroup group = group_until(args, end);
    for (; args.entry && entering > 0; --entering) {
      const dim_t row = args.entry_order[entering - 1];
      if (args.entry[row] >= args.time[group.begin]) break;
      add_as_later(args, earlier, row, -1);
    }
    for (dim_t i = group.begin; i < group.events_end; ++i) add_as_later(args, earlier, i, 1);
    for (dim_t i = group.begin; i < group.events_end; ++i) {
      earlier.add(args.rank[i], weight_of(args, i) * pair_weight_of(args, i));
    }
    for (dim_t i = group.events_end; i < group.end; ++i) add_as_later(args, earlier, i, 1);
    end = group.begin;
  }
}

void counts(Stream, const ConcordanceArgs& args) {
  if (args.row_concordant) {
    std::fill(args.row_concordant, args.row_concordant + args.rows, 0.);
    std::fill(args.row_comparable, args.row_comparable + args.rows, 0.);
  }
  count_as_earlier(args);
  if (args.row_concordant) count_as_later(args);
}

}  // namespace

dim_t concordance_workspace(dim_t num_ranks) {
  return RankedSums::doubles(num_ranks) + num_ranks;
}

const ConcordanceKernels kCpuConcordance = {.counts = counts};

}  // namespace engram::kernels
