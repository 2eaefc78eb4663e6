#include "bench/engram_bench/rank_tests.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace engram::bench {
namespace {

/// The law of a rank statistic without a difference: probabilities of 0, 1, 2, ... (in half ranks).
using Law = std::vector<double>;

/// Twice the mean ranks of values, so that ties keep them whole.
std::vector<int> doubled_ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<int> ranks(values.size());
  for (std::size_t begin = 0, end; begin < order.size(); begin = end) {
    for (end = begin + 1; end < order.size() && values[order[end]] == values[order[begin]];) ++end;
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = int(begin + end + 1);
  }
  return ranks;
}

/// Of the sum over a random subset of the ranks.
Law subset_law(const std::vector<int>& ranks) {
  Law law(std::size_t(std::accumulate(ranks.begin(), ranks.end(), 0)) + 1, 0.0);
  law[0] = 1;
  for (const int rank : ranks)
    for (std::size_t s = law.size(); s-- > 0;)
      law[s] = 0.5 * (law[s] + (s >= std::size_t(rank) ? law[s - std::size_t(rank)] : 0));
  return law;
}

/// Of the sum over a random subset of `count` of the ranks.
Law sized_subset_law(const std::vector<int>& ranks, std::size_t count) {
  const auto width = std::size_t(std::accumulate(ranks.begin(), ranks.end(), 0)) + 1;
  std::vector<Law> ways(count + 1, Law(width, 0.0));  // by the size of the subset
  ways[0][0] = 1;
  for (const int rank : ranks)
    for (std::size_t size = count; size > 0; --size)
      for (std::size_t s = width; s-- > std::size_t(rank);) ways[size][s] += ways[size - 1][s - std::size_t(rank)];
  Law law = ways[count];
  const double total = std::accumulate(law.begin(), law.end(), 0.0);
  for (double& p : law) p /= total;
  return law;
}

double two_sided(const Law& law, int statistic) {
  double below = 0, above = 0;
  for (int s = 0; s < int(law.size()); ++s) {
    if (s <= statistic) below += law[std::size_t(s)];
    if (s >= statistic) above += law[std::size_t(s)];
  }
  return std::min(1.0, 2 * std::min(below, above));
}

/// How many of the smallest, and as many of the largest, of the values that an estimate is the median of lie outside
/// its interval, by the law without ties.
std::size_t cut(const Law& law, double offset, double confidence) {
  double below = 0;
  int s = 0;
  for (; s < int(law.size()); ++s) {
    below += law[std::size_t(s)];
    if (below > 0.5 * (1 - confidence)) break;
  }
  return std::size_t(std::max(0.0, std::ceil(0.5 * s - offset)));
}

void set_interval(RankEstimate& result, std::vector<double>& values, std::size_t outside) {
  std::ranges::sort(values);
  const std::size_t n = values.size(), k = outside == 0 ? 0 : std::min(outside - 1, (n - 1) / 2);
  result.estimate = 0.5 * (values[(n - 1) / 2] + values[n / 2]);
  result.low = values[k];
  result.high = values[n - 1 - k];
}

/// The rank-sum test by the normal law, corrected for continuity (half a rank, one in doubled ranks).
double normal_p(double statistic, double mean, const std::vector<int>& ranks, double n, double m) {
  double squares = 0, sum = 0;
  for (const int rank : ranks) squares += double(rank) * rank, sum += rank;
  const double total = n + m, variance = n * m / (total * (total - 1)) * (squares - sum * sum / total);
  if (variance <= 0) return 1;
  return std::erfc(std::max(0.0, std::abs(statistic - mean) - 1) / std::sqrt(2 * variance));
}

std::vector<int> ranks_without_ties(std::size_t count) {
  std::vector<int> ranks(count);
  for (std::size_t i = 0; i < count; ++i) ranks[i] = 2 * int(i + 1);
  return ranks;
}

}  // namespace

RankEstimate paired_shift(std::span<const double> differences, double confidence) {
  RankEstimate result;
  if (differences.empty()) return result;
  const auto signs_law = [](std::size_t count) { return subset_law(std::vector<int>(count, 2)); };
  std::size_t positive = 0, negative = 0;
  for (const double d : differences) positive += d > 0, negative += d < 0;
  result.p = two_sided(signs_law(positive + negative), 2 * int(positive));
  std::vector<double> values(differences.begin(), differences.end());
  set_interval(result, values, cut(signs_law(differences.size()), 0, confidence));
  return result;
}

RankEstimate unpaired_shift(std::span<const double> a, std::span<const double> b, double confidence) {
  RankEstimate result;
  if (a.empty() || b.empty()) return result;
  std::vector<double> all(a.begin(), a.end()), differences;
  all.insert(all.end(), b.begin(), b.end());
  for (const double x : a)
    for (const double y : b) differences.push_back(y - x);
  const std::vector<int> ranks = doubled_ranks(all);
  const int statistic = std::accumulate(ranks.begin() + std::ptrdiff_t(a.size()), ranks.end(), 0);
  const double n = double(a.size()), m = double(b.size());
  constexpr std::size_t kExact = 40;
  if (std::max(a.size(), b.size()) <= kExact) {
    result.p = two_sided(sized_subset_law(ranks, b.size()), statistic);
    const Law law = sized_subset_law(ranks_without_ties(all.size()), b.size());
    set_interval(result, differences, cut(law, 0.5 * m * (m + 1), confidence));
  } else {
    result.p = normal_p(statistic, m * (n + m + 1), ranks, n, m);
    const double spread = std::sqrt(n * m * (n + m + 1) / 12), deviations = confidence >= 0.99 ? 2.576 : 1.96;
    set_interval(result, differences, std::size_t(std::max(0.0, 0.5 * n * m - deviations * spread)));
  }
  return result;
}

std::vector<double> holm(const std::vector<double>& p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return p[i]; });
  std::vector<double> adjusted(p.size());
  double largest = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    largest = std::max(largest, std::min(1.0, double(p.size() - i) * p[order[i]]));
    adjusted[order[i]] = largest;
  }
  return adjusted;
}

int pairs_needed(int rows, double level) {
  int pairs = 1;
  while (std::ldexp(double(std::max(rows, 1)), 1 - pairs) > level) ++pairs;
  return pairs;
}

}  // namespace engram::bench
