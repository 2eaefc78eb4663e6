/// The comparison of stored distillation losses, and that no entry of the file is left out.

#include <gtest/gtest.h>

#include <regex>

#include "tests/models/distillation_entries.h"
#include "tests/support/roundings.h"

namespace engram::testing {

const LossKind* kind_of(const std::vector<LossKind>& kinds, const std::string& id) {
  for (const LossKind& kind : kinds)
    if (id.starts_with(kind.id)) return &kind;
  return nullptr;
}

void expect_stored_losses(const std::vector<LossKind>& kinds, const Device& device) {
  StoredLosses all;
  for (const auto& row : all.file["entries"]) {
    const LossKind* kind = kind_of(kinds, row["id"]);
    if (!kind) continue;
    const auto compare = [&](int rounding) {
      GoldenEntry entry(row, all.seed, device, rounding);
      SCOPED_TRACE(entry.id());
      const Outcome outcome = kind->compute(entry, all);
      entry.expect_parts(outcome.tolerance);
      if (outcome.loss.defined()) entry.expect_loss(outcome.loss, outcome.tolerance, 1e-4, outcome.scale);
      return std::size_t(1);
    };
    if (kind->of_network)
      expect_a_rounding_follows(row["id"], [&](int rounding, const auto&) { return compare(rounding); });
    else
      compare(0);
  }
}

Tensor labels_of(GoldenEntry& e, const StoredLosses& all) {
  const nlohmann::json constants = e.json().value("constants", nlohmann::json::object());
  return e.labels(constants.contains("labels") ? constants["labels"] : all.file["labels"]);
}

std::vector<std::pair<Tensor, Tensor>> stages_of(GoldenEntry& e) {
  std::vector<std::pair<Tensor, Tensor>> stages;
  for (int i = 1; e.has_input("s" + std::to_string(i)); ++i)
    stages.push_back({e.input("s" + std::to_string(i)), e.input("t" + std::to_string(i))});
  return stages;
}

Outcome sum_of_stages(GoldenEntry& e, Tensor (*distance)(const Tensor&, const Tensor&)) {
  Tensor total;
  std::vector<double> values;
  for (const auto& [s, t] : stages_of(e)) {
    const Tensor stage = distance(s, t);
    values.push_back(stage.item());
    total = total.defined() ? total + stage : stage;
  }
  e.part("stages", values);
  return {total};
}

Tensor literal_row(const nlohmann::json& values, const Device& device) {
  const auto list = values.get<std::vector<float>>();
  return Tensor::from(list, {1, dim_t(list.size())}, device);
}

double number_in(const std::string& text, const std::string& pattern) {
  std::smatch found;
  if (!std::regex_search(text, found, std::regex(pattern))) throw std::runtime_error("no " + pattern + " in " + text);
  return std::stod(found[1]);
}

std::vector<double> first_values(const Tensor& x) {
  const std::vector<float> values = x.to_vector();
  return {values.begin(), values.end()};
}

void fill_frozen(Module& module, const GoldenEntry::Rename& rename, const StoredLosses& all) {
  module.load_state(formula_state(module, all.seed, rename));
  module.set_requires_grad(false);
}

dim_t rows_of(const GoldenEntry& e, const std::string& list, const std::string& ending) {
  for (const auto& m : e.json()[list])
    if (m["name"].get<std::string>().ends_with(ending)) return m["shape"][0];
  throw std::runtime_error(e.id() + " has no " + ending);
}

namespace {

TEST(DistillationLosses, EveryEntryIsComputedOnce) {
  const StoredLosses all;
  ASSERT_FALSE(all.file["entries"].empty());
  for (const auto& row : all.file["entries"]) {
    const std::string id = row["id"];
    int groups = 0;
    for (const auto& kinds : {ie_losses(), logit_losses(), map_losses(), relation_losses()})
      groups += kind_of(kinds, id) != nullptr;
    EXPECT_EQ(groups, 1) << "losses for the entry " << id << " of " << row.value("code", "");
  }
}

}  // namespace
}  // namespace engram::testing
