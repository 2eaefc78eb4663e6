#include "bench/engram_bench/comparison.h"

#include <algorithm>
#include <cmath>

#include "apps/common/call.h"
#include "bench/engram_bench/rank_tests.h"
#include "kernels/common/error.h"
#include "models/suggest.h"

namespace engram::bench {
namespace {

const Row* find_row(const Results& results, const std::string& name) {
  const auto found = std::ranges::find(results.rows, name, &Row::name);
  return found == results.rows.end() ? nullptr : &*found;
}

std::vector<double> logs(const std::vector<double>& seconds) {
  std::vector<double> values;
  for (const double s : seconds) values.push_back(std::log(s));
  return values;
}

RankEstimate log_ratio(const Row& was, const Row& is, bool in_turns, double confidence) {
  const std::vector<double> a = logs(was.seconds), b = logs(is.seconds);
  if (!in_turns) return unpaired_shift(a, b, confidence);
  std::vector<double> differences;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) differences.push_back(b[i] - a[i]);
  return paired_shift(differences, confidence);
}

std::vector<CountDifference> count_differences(const Row& was, const Row& is) {
  std::vector<CountDifference> differences;
  for (const auto& [name, value] : was.counts) {
    const auto found = is.counts.find(name);
    if (found == is.counts.end())
      differences.push_back({name, value, {}});
    else if (found->second != value)
      differences.push_back({name, value, found->second});
  }
  for (const auto& [name, value] : is.counts)
    if (!was.counts.contains(name)) differences.push_back({name, {}, value});
  return differences;
}

void decide(std::vector<RowComparison>& rows, const CompareRules& rules, double least) {
  std::vector<double> p;
  for (const RowComparison& row : rows)
    if (row.number > 0) p.push_back(row.p);
  const std::vector<double> adjusted = holm(p);
  std::size_t next = 0;
  for (RowComparison& row : rows) {
    if (row.number == 0) continue;
    row.p = adjusted[next++];
    if (row.p > rules.level) continue;
    if (row.ratio >= 1 + least) row.verdict = Verdict::kRegression;
    if (row.ratio <= 1 / (1 + least)) row.verdict = Verdict::kImprovement;
  }
}

void require_same(std::vector<std::string>& found, const char* what, const std::string& a, const std::string& b) {
  if (a != b) found.push_back(message("expected results of one ", what, ", got '", a, "' and '", b, "'"));
}

const char* word(Verdict verdict) {
  return verdict == Verdict::kRegression ? "regression" : verdict == Verdict::kImprovement ? "improvement" : "unknown";
}

std::string count_text(const std::optional<std::int64_t>& count) {
  return count ? std::to_string(*count) : "none";
}

}  // namespace

bool Comparison::is_worse() const {
  return !only_old.empty() || std::ranges::any_of(rows, [](const RowComparison& row) {
    return row.verdict == Verdict::kRegression || row.times_gone || !row.counts.empty();
  });
}

std::vector<std::string> obstacles(const Results& a, const Results& b) {
  std::vector<std::string> found;
  require_same(found, "processor", a.machine.processor, b.machine.processor);
  require_same(found, "device", a.machine.device, b.machine.device);
  require_same(found, "instruction set", a.machine.kernel_isa, b.machine.kernel_isa);
  require_same(found, "library", a.machine.library, b.machine.library);
  require_same(found, "number of processors", std::to_string(a.machine.num_processors),
               std::to_string(b.machine.num_processors));
  require_same(found, "compiler", a.build.compiler, b.build.compiler);
  require_same(found, "build type", a.build.type, b.build.type);
  require_same(found, "set of compiler flags", a.build.flags, b.build.flags);
  require_same(found, "scale", std::to_string(a.conditions.scale), std::to_string(b.conditions.scale));
  require_same(found, "number of threads", std::to_string(a.conditions.threads), std::to_string(b.conditions.threads));
  return found;
}

Comparison compare(const Results& a, const Results& b, const CompareRules& rules, bool force) {
  Comparison result;
  result.marks = obstacles(a, b);
  if (!force && !result.marks.empty())
    throw DataError(message("[compare] ", result.marks[0], " (--force compares all the same, marked)"));
  result.in_turns = !a.conditions.session.empty() && a.conditions.session == b.conditions.session;
  for (const Row& was : a.rows) {
    const Row* is = find_row(b, was.name);
    if (is == nullptr) {
      result.only_old.push_back(was.name);
      continue;
    }
    RowComparison row{.name = was.name, .counts = count_differences(was, *is)};
    row.number = int(std::min(was.seconds.size(), is->seconds.size()));
    row.times_gone = !was.seconds.empty() && is->seconds.empty();
    if (row.number > 0) {
      const RankEstimate found = log_ratio(was, *is, result.in_turns, rules.confidence);
      row.ratio = std::exp(found.estimate);
      row.low = std::exp(found.low);
      row.high = std::exp(found.high);
      row.p = found.p;
    }
    result.rows.push_back(std::move(row));
  }
  for (const Row& is : b.rows)
    if (find_row(a, is.name) == nullptr) result.only_new.push_back(is.name);
  decide(result.rows, rules, rules.least > 0 ? rules.least : result.in_turns ? kLeastInTurns : kLeastApart);
  return result;
}

void print_comparison(std::ostream& out, const Comparison& c) {
  for (const std::string& mark : c.marks) apps::print(out, "FORCED: %s\n", mark.c_str());
  apps::print(out, "%-44s%8s%20s%8s%8s  %s\n", c.in_turns ? "new / old, in turns" : "new / old, runs apart", "ratio",
              "interval", "p", "number", "");
  for (const RowComparison& row : c.rows) {
    if (row.number > 0)
      apps::print(out, "%-44s%8.3f     %6.3f ..%6.3f%8.4f%8d  %s%s\n", row.name.c_str(), row.ratio, row.low, row.high,
                  row.p, row.number, word(row.verdict), c.marks.empty() ? "" : " (forced)");
    if (row.times_gone) apps::print(out, "%s: expected times in both, got them in OLD only\n", row.name.c_str());
    for (const CountDifference& count : row.counts)
      apps::print(out, "%-44s%s: was %s, is %s\n", row.name.c_str(), count.name.c_str(), count_text(count.was).c_str(),
                  count_text(count.is).c_str());
  }
  for (const std::string& name : c.only_old)
    apps::print(out, "%s: expected in both, got it in OLD only%s\n", name.c_str(),
                did_you_mean(name, c.only_new).c_str());
  for (const std::string& name : c.only_new) apps::print(out, "%s: in NEW only\n", name.c_str());
}

}  // namespace engram::bench
