#include "bench/engram_bench/cases.h"

#include <algorithm>

#include "bench/engram_bench/host_cases.h"
#include "kernels/common/error.h"
#include "models/suggest.h"

namespace engram::bench {
namespace {

cases::ActivationOrder order_of(const CaseChoice& choice) {
  using cases::ActivationOrder;
  if (choice.order == "device")
    return choice.device == "cpu" ? ActivationOrder::kBlocked : ActivationOrder::kChannelsLast;
  return choice.order == "blocked"  ? ActivationOrder::kBlocked
         : choice.order == "planar" ? ActivationOrder::kPlanar
                                    : ActivationOrder::kChannelsLast;
}

std::vector<BenchCase> all_cases(const CaseChoice& choice) {
  const cases::CaseRequest request = {choice.size == "typical" ? cases::CaseSize::kNetwork : cases::CaseSize::kLarge,
                                      choice.scale, order_of(choice)};
  std::vector<BenchCase> all;
  const auto add = [&](const std::vector<KernelCase>& more) {
    for (const KernelCase& one : more) all.push_back({one.title(), one.cost, one.prepare, one.plan});
  };
  add(cases::family_cases(request));
  const bool channels_last = request.order == cases::ActivationOrder::kChannelsLast;
  if (choice.device == (channels_last ? "cuda" : "cpu")) add(cases::library_cases(request));
  if (choice.device == "cpu" && request.size == cases::CaseSize::kNetwork) {
    add_metric_cases(all);
#if ENGRAM_BENCH_SURVIVAL
    add_survival_cases(all);
#endif
  }
  return all;
}

/// Whether a word on the command line means the case: its family, or its name with or without the shape.
bool means(const std::string& word, const std::string& name) {
  return word == family_of(name) || word == name || word == entry_of(name);
}

void require_known(const std::string& word, const std::vector<BenchCase>& all) {
  std::vector<std::string> known;
  for (const BenchCase& one : all) {
    if (means(word, one.name)) return;
    known.insert(known.end(), {family_of(one.name), entry_of(one.name)});
  }
  throw UsageError(message("[bench] expected a family or a case, got '", word, "'", did_you_mean(word, known),
                           " (engram-bench list shows all)"));
}

}  // namespace

std::string family_of(const std::string& name) {
  return name.substr(0, name.find('/'));
}

std::string entry_of(const std::string& name) {
  return name.substr(0, name.find(' '));
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
