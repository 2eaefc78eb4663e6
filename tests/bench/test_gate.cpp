#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "bench/engram_bench/gate_baseline.h"
#include "kernels/common/error.h"
#include "tests/support/expect_error.h"

namespace engram::bench {
namespace {

const char* const kPath = ENGRAM_SOURCE_DIR "/bench/gates/baseline.json";
constexpr double kInstructionTolerance = 0.005;  // as gate_sections.cpp has it

double tolerance_of(const std::string& section) {
  return section == "instructions" ? kInstructionTolerance : 0;
}

/// A regression of a percent, and of one where that is less.
std::int64_t worse(std::int64_t figure) {
  return figure + std::max<std::int64_t>(1, (figure + 99) / 100);
}

TEST(Gate, EveryFigureOfTheBaselineThatGrowsByAPercentIsFoundAndNamed) {
  int seeded = 0;
  std::set<std::string> sections;
  for (const auto& [section, was] : read_gate_baseline(kPath)) {
    sections.insert(section);
    for (const auto& [name, figure] : was.figures) {
      Figures is = was.figures;
      is[name] = worse(figure);
      const std::vector<FigureChange> found = changes(section, was.figures, is, tolerance_of(section));
      ASSERT_EQ(found.size(), 1u) << section << " " << name;
      EXPECT_EQ(found[0].name, name);
      EXPECT_EQ(found[0].was, figure);
      EXPECT_EQ(found[0].is, worse(figure));
      ++seeded;
    }
    EXPECT_TRUE(changes(section, was.figures, was.figures, tolerance_of(section)).empty());
  }
  EXPECT_EQ(sections, (std::set<std::string>{"instructions", "iteration", "kernels", "steps"}));
  EXPECT_GE(seeded, 40);
}

TEST(Gate, TheBaselineHoldsEachKindOfFigure) {
  const GateBaseline baseline = read_gate_baseline(kPath);
  const auto has = [&](const std::string& section, const std::string& word) {
    const Figures& figures = baseline.at(section).figures;
    return std::ranges::any_of(figures, [&](const auto& f) { return f.first.find(word) != std::string::npos; });
  };
  for (const char* word : {"calls", "bytes read", "bytes written", "flops", "allocations", "peak bytes"})
    EXPECT_TRUE(has("steps", word)) << word;
  for (const char* word :
       {"launches", "bytes moved", "sectors", "requests", "bank conflicts", "barriers", "registers", "spill bytes"})
    EXPECT_TRUE(has("kernels", word)) << word;
  EXPECT_TRUE(has("iteration", "graph nodes"));
  EXPECT_TRUE(has("instructions", "instructions"));
}

TEST(Gate, ASmallerFigureIsAChangeToo) {
  EXPECT_EQ(changes("s", {{"f", 100}}, {{"f", 99}}).size(), 1u);
}

TEST(Gate, WithinItsToleranceAFigureMayMove) {
  EXPECT_TRUE(changes("s", {{"f", 1000}}, {{"f", 1005}}, 0.005).empty());
  EXPECT_TRUE(changes("s", {{"f", 1000}}, {{"f", 995}}, 0.005).empty());
  EXPECT_EQ(changes("s", {{"f", 1000}}, {{"f", 1006}}, 0.005).size(), 1u);
  EXPECT_EQ(changes("s", {{"f", 0}}, {{"f", 1}}, 0.005).size(), 1u);
}

TEST(Gate, ARenamedFigureIsNamedWithWhatItMayBeNow) {
  std::ostringstream out;
  print_changes(out, changes("kernels", {{"pool/max: launches", 1}}, {{"pool/maxi: launches", 1}}));
  EXPECT_NE(out.str().find("gone; did you mean 'pool/maxi: launches'?"), std::string::npos) << out.str();
  EXPECT_NE(out.str().find("new"), std::string::npos);
}

TEST(Gate, ABaselineComesBackAsItWas) {
  const GateBaseline was = read_gate_baseline(kPath);
  const GateBaseline is = parse_baseline(baseline_json(was), "text");
  ASSERT_EQ(is.size(), was.size());
  for (const auto& [name, section] : was) {
    EXPECT_EQ(is.at(name).figures, section.figures);
    EXPECT_EQ(is.at(name).made_by, section.made_by);
  }
}

TEST(Gate, ADamagedBaselineIsRefusedInOneLine) {
  EXPECT_ERROR(parse_baseline("{}", "b.json"), DataError, "expected a baseline that engram-bench gate --accept wrote");
  EXPECT_ERROR(parse_baseline("[1]", "b.json"), DataError, "b.json: expected a baseline");
  EXPECT_ERROR(parse_baseline("{\n\"format\": x}", "b.json"), DataError, "b.json: line 2: expected JSON, got '");
  const std::string whole = baseline_json({{"s", {"", {{"f", 3}}}}});
  for (std::size_t size = 0; size + 2 < whole.size(); ++size)
    EXPECT_THROW(parse_baseline(whole.substr(0, size), "cut"), DataError) << size;
  std::string text = whole;
  EXPECT_ERROR(parse_baseline(text.replace(text.find(": 3"), 3, ": 3.5"), "b.json"), DataError,
               "b.json: sections.s.figures.f: expected a whole number from 0, got 3.5");
  EXPECT_THROW(read_gate_baseline("/no/such/file"), IoError);
}

}  // namespace
}  // namespace engram::bench
