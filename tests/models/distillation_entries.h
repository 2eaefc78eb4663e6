#pragma once
/// How the entries of tests/golden/distillation_losses.json are computed and compared (their form is that of
/// tests/golden/README.md). The losses themselves stand in test_distillation_*_losses.cpp, by what they look at.

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "models/methods/distillation/contrast_memory.h"
#include "tests/support/golden.h"
#include "tests/support/golden_entry.h"

namespace engram::testing {

/// What entries share: the file, and objects that live through several entries.
struct StoredLosses {
  const nlohmann::json file = golden_json("distillation_losses.json");
  std::uint64_t seed = file["seed"];
  std::map<std::string, std::unique_ptr<ContrastMemory>> memories;  ///< by what comes before an entry's call
};

/// What came out, how exact it can be, and what the value's error relates to when parts cancel.
struct Outcome {
  Tensor loss;
  double scale = 0;
  double tolerance = 1e-5;
};

/// How the entries are computed whose ids begin so; of several the first counts.
struct LossKind {
  const char* id;
  Outcome (*compute)(GoldenEntry&, StoredLosses&);
  bool of_network = false;  ///< of images through rectifiers, whose gradients hang on a rounding (roundings.h)
};

std::vector<LossKind> ie_losses();
std::vector<LossKind> logit_losses();
std::vector<LossKind> map_losses();
std::vector<LossKind> relation_losses();

/// The kind of an entry, or null.
const LossKind* kind_of(const std::vector<LossKind>& kinds, const std::string& id);

/// Compares every entry that is of one of these kinds.
void expect_stored_losses(const std::vector<LossKind>& kinds, const Device& device);

/// The entry's own labels, or those of the file.
Tensor labels_of(GoldenEntry& e, const StoredLosses& all);

/// The symbols s1, t1, s2, t2, ... of an entry.
std::vector<std::pair<Tensor, Tensor>> stages_of(GoldenEntry& e);

/// Sum of a distance over the stages, whose values are the part "stages".
Outcome sum_of_stages(GoldenEntry& e, Tensor (*distance)(const Tensor&, const Tensor&));

/// Values as a row [1,n].
Tensor literal_row(const nlohmann::json& values, const Device& device);

/// The number that the group of this regular expression finds. Throws std::runtime_error where there is none.
double number_in(const std::string& text, const std::string& pattern);

std::vector<double> first_values(const Tensor& x);

/// A frozen module: filled, with no gradient to compare.
void fill_frozen(Module& module, const GoldenEntry::Rename& rename, const StoredLosses& all);

/// The first extent of the tensor with this ending in one of the entry's lists.
dim_t rows_of(const GoldenEntry& e, const std::string& list, const std::string& ending);

}  // namespace engram::testing
