#pragma once
/// Two results held against each other: ratios of times with intervals, exact counts, and a word for each row.

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "bench/engram_bench/results.h"

namespace engram::bench {

/// What is said of a row's times. Unknown also means "no change seen": a test cannot show that there is none.
enum class Verdict { kUnknown, kRegression, kImprovement };

/// An exact count that differs; a side that lacks it has none.
struct CountDifference {
  std::string name;
  std::optional<std::int64_t> was, is;
};

/// A row of both results. `ratio` is new over old time: above 1 is slower.
struct RowComparison {
  std::string name;
  int number = 0;  ///< of pairs, or of the smaller sample
  double ratio = 1, low = 1, high = 1;
  double p = 1;             ///< after Holm's correction for the number of rows
  bool times_gone = false;  ///< the old result has times, the new one none
  Verdict verdict = Verdict::kUnknown;
  std::vector<CountDifference> counts = {};
};

struct CompareRules {
  double level = 0.02;       ///< probability of any false word among all rows, two-sided
  double confidence = 0.95;  ///< of each row's interval
  double least = 0;          ///< relative change below which no word is said; 0: kLeastInTurns or kLeastApart
};

/// Rounds that alternated see the same machine; what is smaller than this can come from where memory lies.
inline constexpr double kLeastInTurns = 0.02;
/// Two runs at different times see two states of a shared machine, which the tests cannot tell from a change of code:
/// medians of the same program were seen 10 % apart.
inline constexpr double kLeastApart = 0.15;

struct Comparison {
  bool in_turns = false;  ///< rounds alternated, so they are pairs
  std::vector<RowComparison> rows;
  std::vector<std::string> only_old, only_new;
  std::vector<std::string> marks;  ///< why the results should not be compared; empty unless it was forced

  /// Whether something is worse, or cannot be compared any more: a regression, a count that differs, a row that is
  /// gone, or its times.
  bool is_worse() const;
};

/// Why times of the two say nothing about each other, one line each: other machines, builds of other options, other
/// scale or number of threads. Empty when they do.
std::vector<std::string> obstacles(const Results& old_results, const Results& new_results);

/// Compares row by row. Throws DataError for the first obstacle unless `force`, which marks the comparison instead.
Comparison compare(const Results& old_results, const Results& new_results, const CompareRules& rules, bool force);

/// The table, what differs in counts, and what is in one result alone.
void print_comparison(std::ostream& out, const Comparison& comparison);

}  // namespace engram::bench
