#include "models/training/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <list>
#include <map>

#include "engine/device_memory.h"
#include "engine/io/sha256.h"
#include "engine/io/tensor_bytes.h"

namespace engram {
namespace {

constexpr const char* kFormat = "engram checkpoint 2";

io::FileDType file_dtype(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return io::FileDType::kF32;
    case DType::kI32:
      return io::FileDType::kI32;
    case DType::kU8:
      return io::FileDType::kU8;
    default:
      throw UsageError("[checkpoint] expected state of f32, i32 or u8, got bf16");
  }
}

/// Throws DataError when a floating-point number among the bytes is not finite.
void check_finite(const std::string& name, io::FileDType dtype, io::ByteView bytes) {
  const auto check = [&]<class T>(T) {
    for (std::size_t i = 0; i + sizeof(T) <= bytes.size(); i += sizeof(T))
      if (const T value = io::load_le<T>(bytes.data() + i); !std::isfinite(value))
        throw DataError(message("[checkpoint] expected finite numbers in ", io::quoted_name(name), ", got ", value));
  };
  if (dtype == io::FileDType::kF32) check(float{});
  if (dtype == io::FileDType::kF64) check(double{});
}

/// Copies the state into entries of a file.
class StateWriter : public StateVisitor {
 public:
  using StateVisitor::visit;
  void visit(const std::string& name, const Tensor& tensor) override {
    if (!tensor.is_contiguous())
      throw UsageError(message("[checkpoint] expected ", name, " dense row-major, got ", tensor.describe()));
    io::Bytes& bytes = bytes_.emplace_back(std::size_t(tensor.numel()) * dtype_bytes(tensor.dtype()));
    copy_to_host(tensor.device(), bytes.data(), tensor.raw_data(), bytes.size());
    add(name, file_dtype(tensor.dtype()), tensor.shape(), bytes);
  }
  void visit(const std::string& name, std::vector<std::int64_t>& values) override {
    add(name, io::FileDType::kI64, {dim_t(values.size())}, copy_of(values));
  }
  void visit(const std::string& name, std::vector<double>& values) override {
    add(name, io::FileDType::kF64, {dim_t(values.size())}, copy_of(values));
  }
  const std::vector<io::SafetensorsEntry>& entries() const { return entries_; }

 private:
  template <class T>
  const io::Bytes& copy_of(const std::vector<T>& values) {
    const io::ByteView view = io::bytes_of(std::span<const T>(values));
    return bytes_.emplace_back(view.begin(), view.end());
  }
  void add(const std::string& name, io::FileDType dtype, const Shape& shape, const io::Bytes& bytes) {
    check_finite(name, dtype, bytes);
    entries_.push_back({.name = name, .dtype = dtype, .shape = shape, .bytes = bytes});
  }

  std::list<io::Bytes> bytes_;  // alive until the file is written
  std::vector<io::SafetensorsEntry> entries_;
};

/// Copies entries of a file over the state.
class StateReader : public StateVisitor {
 public:
  explicit StateReader(const std::vector<io::SafetensorsEntry>& entries) {
    for (const io::SafetensorsEntry& entry : entries) left_[entry.name] = &entry;
  }
  using StateVisitor::visit;
  bool restores() const override { return true; }
  void visit(const std::string& name, const Tensor& tensor) override {
    const io::SafetensorsEntry& entry = take(name, file_dtype(tensor.dtype()));
    if (entry.shape != tensor.shape())
      throw DataError(message("[resume] expected ", io::quoted_name(name), " with extents ", to_string(tensor.shape()),
                              ", got ", to_string(entry.shape)));
    copy_to_device(tensor.device(), tensor.raw_data(), entry.bytes.data(), entry.bytes.size());
    tensor.bump_version();
  }
  void visit(const std::string& name, std::vector<std::int64_t>& values) override {
    take_list(name, io::FileDType::kI64, values);
  }
  void visit(const std::string& name, std::vector<double>& values) override {
    take_list(name, io::FileDType::kF64, values);
  }
  void expect_nothing_left() const {
    if (!left_.empty())
      throw DataError(message("[resume] expected no more than the state of this run, got ",
                              io::quoted_name(left_.begin()->first), " too"));
  }

 private:
  const io::SafetensorsEntry& take(const std::string& name, io::FileDType dtype) {
    const auto found = left_.find(name);
    if (found == left_.end()) throw DataError(message("[resume] expected ", io::quoted_name(name), ", got none"));
    const io::SafetensorsEntry& entry = *found->second;
    left_.erase(found);
    if (entry.dtype != dtype)
      throw DataError(message("[resume] expected ", io::quoted_name(name), " as ", io::file_dtype_name(dtype), ", got ",
                              io::file_dtype_name(entry.dtype)));
    check_finite(name, dtype, entry.bytes);
    return entry;
  }
  template <class T>
  void take_list(const std::string& name, io::FileDType dtype, std::vector<T>& values) {
    const io::SafetensorsEntry& entry = take(name, dtype);
    if (entry.shape.size() != 1)
      throw DataError(message("[resume] expected ", io::quoted_name(name), " as a list, got ", to_string(entry.shape)));
    values.resize(std::size_t(entry.shape[0]));
    if (!values.empty()) std::memcpy(values.data(), entry.bytes.data(), entry.bytes.size());
  }

  std::map<std::string, const io::SafetensorsEntry*> left_;
};

/// The text of a metadata key. Throws DataError.
const std::string& required(const io::SafetensorsMetadata& metadata, const char* key) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) throw DataError(message("[resume] expected the entry '", key, "', got none"));
  return found->second;
}

/// The step of a checkpoint whose checksum and fingerprint are right.
dim_t checked_step(const io::SafetensorsView& view, const std::string& fingerprint, dim_t last_step) {
  if (const auto format = view.metadata.find("format"); format == view.metadata.end() || format->second != kFormat)
    throw DataError(message("[resume] expected a checkpoint of the format '", kFormat, "', got another file"));
  if (required(view.metadata, "sha256") != checkpoint_hash(view.entries, view.metadata))
    throw DataError("[resume] expected a content that fits its checksum, got another one: the file is damaged");
  if (required(view.metadata, "fingerprint") != fingerprint)
    throw DataError(
        "[resume] expected a checkpoint of this configuration, got another one; hint: resume with the options and the "
        "thread count that the run was started with");
  const std::string& text = required(view.metadata, "step");
  dim_t step = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
  if (error != std::errc{} || end != text.data() + text.size() || step < 0 || step > last_step)
    throw DataError(message("[resume] expected a step in [0,", last_step, "], got ", io::quoted_name(text)));
  if (view.metadata.size() != 4)
    throw DataError("[resume] expected the entries format, step, fingerprint and sha256 only, got more");
  return step;
}

}  // namespace

std::string checkpoint_hash(std::vector<io::SafetensorsEntry> entries, const io::SafetensorsMetadata& metadata) {
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  io::Sha256 hash;
  // With its length before it, no part can move into another without a change.
  const auto add = [&](io::ByteView bytes) {
    const std::uint64_t size = bytes.size();
    hash.update(io::bytes_of(std::span<const std::uint64_t>(&size, 1)));
    hash.update(bytes);
  };
  for (const auto& [key, text] : metadata) {
    if (key == "sha256") continue;
    add(io::as_bytes(key));
    add(io::as_bytes(text));
  }
  for (const io::SafetensorsEntry& entry : entries) {
    add(io::as_bytes(entry.name));
    add(io::as_bytes(io::file_dtype_name(entry.dtype)));
    add(io::bytes_of(std::span<const dim_t>(entry.shape)));
    add(entry.bytes);
  }
  std::string hex;
  for (const std::uint8_t byte : hash.finish()) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

void save_checkpoint(const std::filesystem::path& path, TrainingTask& task, dim_t step,
                     const std::string& fingerprint) {
  StateWriter state;
  task.visit_state(state);
  io::SafetensorsMetadata metadata = {
      {"format", kFormat}, {"step", std::to_string(step)}, {"fingerprint", fingerprint}};
  metadata["sha256"] = checkpoint_hash(state.entries(), metadata);
  io::write_safetensors(path, state.entries(), metadata);
}

dim_t load_checkpoint(const std::filesystem::path& path, TrainingTask& task, const std::string& fingerprint,
                      dim_t last_step) {
  const io::SafetensorsFile file(path);
  try {
    const dim_t step = checked_step(file.view(), fingerprint, last_step);
    StateReader state(file->entries);
    task.visit_state(state);
    state.expect_nothing_left();
    return step;
  } catch (const DataError& error) {
    throw DataError(message(path.string(), ": ", error.what()));
  }
}

}  // namespace engram
