#include "bench/engram_bench/cases.h"

#include <algorithm>

#include "kernels/common/error.h"
#include "models/suggest.h"

namespace engram::bench {
namespace {

std::vector<BenchCase> all_cases(const CaseChoice& choice) {
  std::vector<BenchCase> all;
  for (const KernelCase& one : family_cases(choice.scale)) all.push_back({one.name, one.cost, one.prepare});
  return all;
}

/// Whether a word on the command line means the case: its family, or its name with or without the shape.
bool means(const std::string& word, const std::string& name) {
  return word == family_of(name) || word == name || word == name.substr(0, name.find(' '));
}

void require_known(const std::string& word, const std::vector<BenchCase>& all) {
  std::vector<std::string> known;
  for (const BenchCase& one : all) {
    if (means(word, one.name)) return;
    known.insert(known.end(), {family_of(one.name), one.name.substr(0, one.name.find(' '))});
  }
  throw UsageError(message("[bench] expected a family or a case, got '", word, "'", did_you_mean(word, known),
                           " (engram-bench list shows all)"));
}

}  // namespace

std::string family_of(const std::string& name) {
  return name.substr(0, name.find('/'));
}

std::vector<BenchCase> chosen_cases(const CaseChoice& choice) {
  const std::vector<BenchCase> all = all_cases(choice);
  for (const std::string& word : choice.families) require_known(word, all);
  std::vector<BenchCase> chosen;
  for (const BenchCase& one : all) {
    const auto meant = [&](const std::string& word) { return means(word, one.name); };
    if (!choice.families.empty() && !std::ranges::any_of(choice.families, meant)) continue;
    if (one.name.find(choice.shape) != std::string::npos) chosen.push_back(one);
  }
  if (chosen.empty())
    throw UsageError(message("[bench] expected a shape that the chosen families take, got '", choice.shape,
                             "' (engram-bench list shows all)"));
  return chosen;
}

}  // namespace engram::bench
