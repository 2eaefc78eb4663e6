#include "models/genes/recovery.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace engram::genes {
namespace {

constexpr std::size_t kExactUpTo = 50;

bool holds(const std::vector<dim_t>& genes, dim_t gene) {
  return std::ranges::find(genes, gene) != genes.end();
}

int hits_among(const std::vector<dim_t>& ranking, const std::vector<dim_t>& genes, std::size_t first) {
  int hits = 0;
  for (std::size_t i = 0; i < std::min(first, ranking.size()); ++i) hits += holds(genes, ranking[i]);
  return hits;
}

/// Ranks of magnitudes, twice (so that averages of ties are whole numbers), and the sum over ties of t^3 - t.
std::vector<int> doubled_ranks(const std::vector<double>& magnitudes, double& ties) {
  std::vector<std::size_t> order(magnitudes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return magnitudes[a] < magnitudes[b]; });
  std::vector<int> ranks(magnitudes.size());
  ties = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && magnitudes[order[end]] == magnitudes[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = int(begin + 1 + end);
    const double size = double(end - begin);
    ties += size * size * size - size;
    begin = end;
  }
  return ranks;
}

/// P(sum <= observed or as far on the other side) over all assignments of signs, sums doubled as the ranks are.
double exact_p(const std::vector<int>& ranks, int positive) {
  const int total = std::accumulate(ranks.begin(), ranks.end(), 0);
  std::vector<double> share(std::size_t(total) + 1);
  share[0] = 1;
  for (int rank : ranks)
    for (int sum = total; sum >= 0; --sum) {
      double& now = share[std::size_t(sum)];
      now = 0.5 * now + (sum >= rank ? 0.5 * share[std::size_t(sum - rank)] : 0);
    }
  const int low = std::min(positive, total - positive);
  double tail = 0;
  for (int sum = 0; sum <= low; ++sum) tail += share[std::size_t(sum)];
  return std::min(1.0, 2 * tail);
}

}  // namespace

AnswerKey AnswerKey::of(const SimulationTruth& truth) {
  AnswerKey key;
  key.key = truth.key;
  // Without effects there is nothing to find (scenario N).
  if (std::ranges::all_of(truth.key_effect, [](double effect) { return effect == 0; })) key.key.clear();
  key.gain = truth.individual_effect;
  key.prognostic = truth.prognostic;
  key.decoys = truth.decoy;
  for (const auto& parents : truth.clinical_parents)
    for (dim_t gene : parents)
      if (!holds(key.clinical_parents, gene)) key.clinical_parents.push_back(gene);
  return key;
}

Recovery recovery(const std::vector<dim_t>& ranking, const AnswerKey& key, int reported) {
  Recovery r;
  const std::size_t first = std::min(std::size_t(reported), ranking.size());
  r.reported = int(first);
  r.hits = hits_among(ranking, key.key, first);
  const double size = double(key.key.size());
  r.precision = first > 0 ? double(r.hits) / double(first) : 0;
  r.recall = size > 0 ? r.hits / size : 0;
  r.f1 = r.hits > 0 ? 2 * r.precision * r.recall / (r.precision + r.recall) : 0;
  r.precision_at_5 = hits_among(ranking, key.key, 5) / 5.0;
  r.precision_at_10 = hits_among(ranking, key.key, 10) / 10.0;
  r.precision_at_20 = hits_among(ranking, key.key, 20) / 20.0;
  int found = 0;
  for (std::size_t i = 0; i < ranking.size(); ++i) {
    if (!holds(key.key, ranking[i])) continue;
    r.average_precision += double(++found) / double(i + 1) / size;
    r.worst_rank = int(i) + 1;
  }
  if (found < int(key.key.size())) r.worst_rank = int(ranking.size()) + 1;
  for (std::size_t i = 0; i < first; ++i) {
    if (holds(key.key, ranking[i])) continue;
    r.prognostic += holds(key.prognostic, ranking[i]);
    r.decoys += holds(key.decoys, ranking[i]);
    r.clinical_parents += holds(key.clinical_parents, ranking[i]);
  }
  return r;
}

MeanAndError mean_and_error(const std::vector<double>& values) {
  MeanAndError result;
  result.count = int(values.size());
  if (values.empty()) return result;
  const double n = double(values.size());
  result.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (double v : values) squares += (v - result.mean) * (v - result.mean);
  if (values.size() > 1) result.standard_error = std::sqrt(squares / (n - 1) / n);
  return result;
}

double wilcoxon_signed_rank_p(const std::vector<double>& differences) {
  std::vector<double> magnitudes;
  std::vector<bool> positive;
  for (double d : differences) {
    if (d == 0 || !std::isfinite(d)) continue;
    magnitudes.push_back(std::abs(d));
    positive.push_back(d > 0);
  }
  if (magnitudes.empty()) return 1;
  double ties = 0;
  const std::vector<int> ranks = doubled_ranks(magnitudes, ties);
  int sum = 0;
  for (std::size_t i = 0; i < ranks.size(); ++i) sum += positive[i] ? ranks[i] : 0;
  if (ranks.size() <= kExactUpTo) return exact_p(ranks, sum);
  const double n = double(ranks.size()), mean = n * (n + 1) / 4, variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48;
  return std::erfc(std::abs(0.5 * sum - mean) / std::sqrt(2 * variance));
}

}  // namespace engram::genes
