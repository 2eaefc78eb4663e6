#include "apps/common/experiment/shard.h"

#include <charconv>
#include <cstdlib>

#include "kernels/common/error.h"

namespace engram::apps {
namespace {

/// A whole number that is all of `text`.
int whole_number(const std::string& text, const std::string& label) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw UsageError(message(label, ": expected a whole number, got '", text, "'"));
  return value;
}

}  // namespace

Shard read_shard(const std::string& text) {
  if (!text.empty()) {
    const std::size_t slash = text.find('/');
    if (slash == std::string::npos)
      throw UsageError(message("--shard: expected I/N, for example 1/4, got '", text, "'"));
    const int index = whole_number(text.substr(0, slash), "--shard"),
              count = whole_number(text.substr(slash + 1), "--shard");
    if (count < 1 || index < 1 || index > count)
      throw UsageError(message("--shard: expected I/N with I from 1 to N, got '", text, "'"));
    return {index - 1, count};
  }
  const char *id = std::getenv("SLURM_ARRAY_TASK_ID"), *first = std::getenv("SLURM_ARRAY_TASK_MIN"),
             *count = std::getenv("SLURM_ARRAY_TASK_COUNT");
  if (id == nullptr || count == nullptr) return {};
  const int index =
      whole_number(id, "SLURM_ARRAY_TASK_ID") - (first == nullptr ? 0 : whole_number(first, "SLURM_ARRAY_TASK_MIN"));
  const int shards = whole_number(count, "SLURM_ARRAY_TASK_COUNT");
  if (shards < 1 || index < 0 || index >= shards)
    throw UsageError(message("expected SLURM_ARRAY_TASK_ID to be one of ", shards, " numbered without gaps, got ", id));
  return {index, shards};
}

}  // namespace engram::apps
