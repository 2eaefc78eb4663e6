#pragma once
/// Exact figures under names, and what changed between two sets of them.

#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace engram::bench {

/// "batch_norm/train: launches" -> 3. Whatever repeats to the digit.
using Figures = std::map<std::string, std::int64_t>;

/// A figure that is not what it was; a side that lacks it has none.
struct FigureChange {
  std::string section, name;
  std::optional<std::int64_t> was, is;
};

/// What changed, in the order of the names. A figure may move by `tolerance` of what it was (0: not at all).
std::vector<FigureChange> changes(const std::string& section, const Figures& was, const Figures& is,
                                  double tolerance = 0);

/// One line a change: section, name, was, is, and the difference in percent. Names that are in one set alone are shown
/// with the nearest of the other.
void print_changes(std::ostream& out, const std::vector<FigureChange>& changes);

}  // namespace engram::bench
