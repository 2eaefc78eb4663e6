#include "bench/engram_bench/figures.h"

#include <cmath>

#include "apps/common/call.h"
#include "models/suggest.h"

namespace engram::bench {
namespace {

std::string text(const std::optional<std::int64_t>& figure) {
  return figure ? std::to_string(*figure) : "-";
}

std::string percent(const FigureChange& change) {
  if (!change.was || !change.is) return change.was ? "gone" : "new";
  if (*change.was == 0) return "from 0";
  char words[32];
  std::snprintf(words, sizeof words, "%+.2f %%",
                100 * (double(*change.is) - double(*change.was)) / double(*change.was));
  return words;
}

/// Names of figures that appeared.
std::vector<std::string> new_names(const std::vector<FigureChange>& changes) {
  std::vector<std::string> names;
  for (const FigureChange& change : changes)
    if (!change.was) names.push_back(change.name);
  return names;
}

}  // namespace

std::vector<FigureChange> changes(const std::string& section, const Figures& was, const Figures& is, double tolerance) {
  std::vector<FigureChange> found;
  Figures all = was;
  all.insert(is.begin(), is.end());
  for (const auto& [name, unused] : all) {
    const auto before = was.find(name), now = is.find(name);
    FigureChange change{section, name, {}, {}};
    if (before != was.end()) change.was = before->second;
    if (now != is.end()) change.is = now->second;
    const bool both = change.was && change.is;
    if (!both || std::abs(double(*change.is) - double(*change.was)) > tolerance * std::abs(double(*change.was)))
      found.push_back(std::move(change));
  }
  return found;
}

void print_changes(std::ostream& out, const std::vector<FigureChange>& changes) {
  const std::vector<std::string> appeared = new_names(changes);
  apps::print(out, "%-13s%-58s%16s%16s%12s\n", "section", "figure", "was", "is", "");
  for (const FigureChange& change : changes)
    apps::print(out, "%-13s%-58s%16s%16s%12s%s\n", change.section.c_str(), change.name.c_str(),
                text(change.was).c_str(), text(change.is).c_str(), percent(change).c_str(),
                change.is ? "" : did_you_mean(change.name, appeared).c_str());
}

}  // namespace engram::bench
