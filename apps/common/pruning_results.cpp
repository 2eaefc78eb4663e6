#include "apps/common/pruning_results.h"

#include <array>
#include <charconv>
#include <utility>

#include "apps/common/sealed_json.h"
#include "engine/io/atomic_file.h"
#include "engine/io/sha256.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;

constexpr const char *kBeforeKey = "accuracy_pruned", *kAfterKey = "accuracy_recovered";
constexpr std::uint64_t kMaxFinishedBytes = 1 << 20;

/// A number with all of its digits.
std::string exact_text(double value) {
  std::array<char, 32> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

double accuracy_of(const std::string& text) {
  double value = -1;
  const char* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || last != end || !(value >= 0 && value <= 1))
    throw DataError("[prune] expected an accuracy from 0 to 1 in the metadata of a pruned classifier, got '" + text +
                    "'");
  return value;
}

}  // namespace

PruningResults::PruningResults(fs::path folder) : folder_(std::move(folder)) {
  const fs::path file = folder_ / kFinishedFile;
  if (!fs::exists(file)) return;
  const io::Bytes bytes = io::read_file(file, kMaxFinishedBytes);
  const auto json = unsealed(io::as_text(bytes));
  try {
    hashes_ = json.value().get<std::map<std::string, std::string>>();
  } catch (const std::exception&) {  // no sealed object, or another one
    throw DataError(message(file.string(), ": expected the names and hashes that the run wrote, got something else; ",
                            "hint: delete it, --resume makes the files again"));
  }
}

bool PruningResults::has(const std::string& name) const {
  const auto found = hashes_.find(name);
  const fs::path file = folder_ / name;
  if (found == hashes_.end() || !fs::exists(file)) return false;
  if (io::sha256_file_hex(file) != found->second)
    throw DataError(message(file.string(), ": expected what the run wrote, got other content; hint: delete the file, ",
                            "--resume makes it again"));
  return true;
}

void PruningResults::save(const std::string& name, const Network& network, const Normalization& normalization,
                          const std::map<std::string, std::string>& notes) {
  save_classifier(folder_ / name, network, normalization, notes);
  hashes_[name] = io::sha256_file_hex(folder_ / name);
  io::write_file(folder_ / kFinishedFile, sealed_text(hashes_));
}

Classifier PruningResults::read(const std::string& name, Device device) const {
  ClassifierDefaults defaults;
  defaults.device = device;
  return load_classifier(folder_ / name, defaults);
}

std::map<std::string, std::string> accuracy_notes(const PruningPoint& point) {
  std::map<std::string, std::string> notes = {{kBeforeKey, exact_text(point.pruned_accuracy)}};
  if (point.recovered_accuracy) notes[kAfterKey] = exact_text(*point.recovered_accuracy);
  return notes;
}

void read_accuracies(const std::map<std::string, std::string>& notes, PruningPoint& point) {
  const auto before = notes.find(kBeforeKey), after = notes.find(kAfterKey);
  point.pruned_accuracy = accuracy_of(before == notes.end() ? "" : before->second);
  if (after != notes.end()) point.recovered_accuracy = accuracy_of(after->second);
}

}  // namespace engram::apps
