#include "models/survival/concordance.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/common/error.h"
#include "models/survival/kaplan_meier.h"

namespace engram::survival {
namespace {

/// A row's sort key, side by side so that sorting stays in the cache.
struct KeyedRow {
  double key;
  std::int32_t row;
};

/// Dense ranks of `risk` over the rows given, smallest 0; returns their number.
std::int32_t dense_ranks(std::span<const double> risk, std::span<const std::int32_t> rows,
                         std::vector<std::int32_t>& rank) {
  std::vector<KeyedRow> sorted(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) sorted[i] = {risk[std::size_t(rows[i])], std::int32_t(i)};
  std::sort(sorted.begin(), sorted.end(), [](const KeyedRow& a, const KeyedRow& b) { return a.key < b.key; });
  rank.resize(rows.size());
  std::int32_t next = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0 && sorted[i].key != sorted[i - 1].key) ++next;
    rank[std::size_t(sorted[i].row)] = next;
  }
  return next + 1;
}

/// Rows by (stratum, time descending, events first, row).
std::vector<std::int32_t> sorted_rows(const SurvivalOutcome& outcome) {
  const dim_t rows = outcome.rows();
  std::vector<KeyedRow> sorted(static_cast<std::size_t>(rows));
  for (dim_t i = 0; i < rows; ++i) sorted[i] = {outcome.time[i], std::int32_t(i)};
  const bool strata = !outcome.stratum.empty();
  std::sort(sorted.begin(), sorted.end(), [&](const KeyedRow& a, const KeyedRow& b) {
    if (strata && outcome.stratum[a.row] != outcome.stratum[b.row]) {
      return outcome.stratum[a.row] < outcome.stratum[b.row];
    }
    if (a.key != b.key) return a.key > b.key;
    if (outcome.event[a.row] != outcome.event[b.row]) return outcome.event[a.row] > outcome.event[b.row];
    return a.row < b.row;
  });
  std::vector<std::int32_t> order(sorted.size());
  for (std::size_t i = 0; i < sorted.size(); ++i) order[i] = sorted[i].row;
  return order;
}

/// Factor of each row's pairs as the earlier event.
std::vector<double> pair_weights(const SurvivalOutcome& outcome, const ConcordanceOptions& options) {
  std::vector<double> weights;
  if (options.weight == PairWeight::kHarrell && !(options.tau > 0)) return weights;
  weights.assign(std::size_t(outcome.rows()), 1.);
  if (options.weight == PairWeight::kUno) {
    const SurvivalCurve censoring = censoring_curve(outcome, CensoringTies::kEventsFirst);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (!outcome.event[i]) continue;
      const double survival = censoring.survival_before(outcome.time[i]);
      weights[i] = 1 / (survival * survival);
    }
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (options.tau > 0 && outcome.time[i] >= options.tau) weights[i] = 0;
  }
  return weights;
}

template <class T>
std::vector<T> gather(std::span<const T> values, std::span<const std::int32_t> rows) {
  std::vector<T> result;
  if (values.empty()) return result;
  result.reserve(rows.size());
  for (std::int32_t row : rows) result.push_back(values[std::size_t(row)]);
  return result;
}

template <class T>
const T* data_or_null(const std::vector<T>& v) {
  return v.empty() ? nullptr : v.data();
}

/// Each row's part in the index, as the infinitesimal jackknife needs it.
struct RowParts {
  std::vector<double> concordant, comparable;
};

/// Adds the counts of one stratum's rows.
void count_stratum(const SurvivalOutcome& outcome, std::span<const double> risk, std::span<const double> pair_weight,
                   std::span<const std::int32_t> rows, double* counts, RowParts* parts) {
  const auto time = gather<double>(outcome.time, rows);
  const auto event = gather<std::uint8_t>(outcome.event, rows);
  const auto weight = gather<double>(outcome.weight, rows);
  const auto pair = gather<double>(pair_weight, rows);
  const auto entry = gather<double>(outcome.entry, rows);
  std::vector<std::int32_t> rank, entry_order;
  const std::int32_t num_ranks = dense_ranks(risk, rows, rank);
  if (!entry.empty()) {
    entry_order.resize(rows.size());
    std::iota(entry_order.begin(), entry_order.end(), 0);
    std::stable_sort(entry_order.begin(), entry_order.end(),
                     [&](std::int32_t a, std::int32_t b) { return entry[a] > entry[b]; });
  }
  std::vector<double> workspace(std::size_t(kernels::concordance_workspace(num_ranks)));
  RowParts local;
  if (parts) local = {std::vector<double>(rows.size()), std::vector<double>(rows.size())};
  kernels::kCpuConcordance.counts({}, {.rows = dim_t(rows.size()),
                                       .time = time.data(),
                                       .event = event.data(),
                                       .rank = rank.data(),
                                       .num_ranks = num_ranks,
                                       .weight = data_or_null(weight),
                                       .pair_weight = data_or_null(pair),
                                       .entry = data_or_null(entry),
                                       .entry_order = data_or_null(entry_order),
                                       .counts = counts,
                                       .row_concordant = parts ? local.concordant.data() : nullptr,
                                       .row_comparable = parts ? local.comparable.data() : nullptr,
                                       .workspace = workspace.data()});
  for (std::size_t i = 0; i < rows.size() && parts; ++i) {
    parts->concordant[std::size_t(rows[i])] = local.concordant[i];
    parts->comparable[std::size_t(rows[i])] = local.comparable[i];
  }
}

double jackknife_error(const SurvivalOutcome& outcome, const RowParts& parts, const Concordance& result,
                       const std::vector<std::int32_t>& cluster) {
  const auto rows = std::size_t(outcome.rows());
  std::vector<std::int32_t> labels(cluster);
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  std::vector<double> influence(cluster.empty() ? rows : labels.size(), 0.);
  for (std::size_t i = 0; i < rows; ++i) {
    const double w = outcome.weight.empty() ? 1 : outcome.weight[i];
    const std::size_t c =
        cluster.empty() ? i : std::size_t(std::lower_bound(labels.begin(), labels.end(), cluster[i]) - labels.begin());
    influence[c] += w * (parts.concordant[i] - result.index * parts.comparable[i]) / result.comparable();
  }
  double squares = 0;
  for (double v : influence) squares += v * v;
  return std::sqrt(squares);
}

}  // namespace

Concordance concordance(const SurvivalOutcome& outcome, std::span<const double> risk,
                        const ConcordanceOptions& options) {
  check_outcome(outcome);
  const auto rows = std::size_t(outcome.rows());
  if (risk.size() != rows) {
    throw ShapeError(message("[concordance] expected ", rows, " risks (one a patient), got ", risk.size()));
  }
  for (std::size_t i = 0; i < rows; ++i) {
    if (!std::isfinite(risk[i])) {
      throw DataError(message("[concordance] expected finite risks, got ", risk[i], " at row ", i));
    }
  }
  if (!options.cluster.empty() && options.cluster.size() != rows) {
    throw ShapeError(
        message("[concordance] expected ", rows, " cluster labels (one a patient), got ", options.cluster.size()));
  }
  const std::vector<std::int32_t> order = sorted_rows(outcome);
  const std::vector<double> pair = pair_weights(outcome, options);
  RowParts parts;
  if (options.standard_error) parts = {std::vector<double>(rows), std::vector<double>(rows)};
  double counts[5] = {};
  for (std::size_t begin = 0; begin < rows;) {
    std::size_t end = begin + 1;
    const bool strata = !outcome.stratum.empty();
    while (end < rows && (!strata || outcome.stratum[order[end]] == outcome.stratum[order[begin]])) ++end;
    count_stratum(outcome, risk, pair, std::span(order).subspan(begin, end - begin), counts,
                  options.standard_error ? &parts : nullptr);
    begin = end;
  }
  Concordance result{.concordant = counts[0],
                     .discordant = counts[1],
                     .tied_risk = counts[2],
                     .tied_time = counts[3],
                     .tied_both = counts[4]};
  if (!(result.comparable() > 0)) return result;
  result.index = (result.concordant + result.tied_risk / 2) / result.comparable();
  if (options.standard_error) result.standard_error = jackknife_error(outcome, parts, result, options.cluster);
  return result;
}

}  // namespace engram::survival
