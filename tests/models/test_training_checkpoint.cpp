/// Checkpoints: everything comes back, and nothing else is taken.

#include <gtest/gtest.h>

#include <random>

#include "engine/io/atomic_file.h"
#include "engine/io/safetensors.h"
#include "engine/io/tensor_bytes.h"
#include "models/training/checkpoint.h"
#include "models/training/step_runner.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"
#include "tests/support/toy_method.h"

namespace engram {
namespace {

constexpr dim_t kLast = 30;

class CheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::ToyMethod task{Device{}};
    StepRunner runner(task);
    for (dim_t step = 0; step < 7; ++step) runner.run(step);
    save_checkpoint(file(), task, 7, "this configuration");
  }
  std::filesystem::path file() const { return folder_ / "checkpoint.safetensors"; }
  dim_t load(const std::string& fingerprint = "this configuration") {
    testing::ToyMethod task{Device{}};
    return load_checkpoint(file(), task, fingerprint, kLast);
  }

  /// Writes the file anew with another content and a checksum that fits it.
  template <class Change>
  void rewrite(const Change& change) {
    const io::SafetensorsFile old(file());
    std::vector<io::SafetensorsEntry> entries = old->entries;
    io::SafetensorsMetadata metadata = old->metadata;
    change(entries, metadata);
    metadata["sha256"] = checkpoint_hash(entries, metadata);
    io::write_safetensors(file(), entries, metadata);
  }
  static io::SafetensorsEntry& entry(std::vector<io::SafetensorsEntry>& entries, const std::string& name) {
    for (io::SafetensorsEntry& e : entries)
      if (e.name == name) return e;
    throw DataError("no entry " + name);
  }

  test::TempFolder folder_;
};

using Entries = std::vector<io::SafetensorsEntry>;
using Metadata = io::SafetensorsMetadata;

TEST_F(CheckpointTest, TheSameStateIsWrittenAgain) {
  const io::Bytes before = io::read_file(file());
  testing::ToyMethod task{Device{}};
  EXPECT_EQ(load_checkpoint(file(), task, "this configuration", kLast), 7);
  save_checkpoint(file(), task, 7, "this configuration");
  EXPECT_EQ(io::read_file(file()), before);
}

TEST_F(CheckpointTest, AFlippedBitAnywhereIsRefused) {
  const io::Bytes whole = io::read_file(file());
  std::mt19937 random(1);
  for (std::size_t i = 0; i < whole.size(); i += 1 + random() % 23) {
    io::Bytes changed = whole;
    changed[i] ^= std::uint8_t(1u << random() % 8);
    io::write_file(file(), changed);
    EXPECT_THROW(load(), DataError) << "byte " << i;
  }
  for (const std::size_t size : {std::size_t(0), std::size_t(7), whole.size() / 2, whole.size() - 1}) {
    io::write_file(file(), io::ByteView(whole).first(size));
    EXPECT_THROW(load(), DataError) << size << " bytes";
  }
}

TEST_F(CheckpointTest, OfAnotherConfigurationOrStepItIsRefused) {
  EXPECT_ERROR(load("another"), DataError, "configuration");
  for (const char* step : {"4abc", "", "-1", "31", "1e1", "99999999999999999999", " 4"}) {
    rewrite([&](Entries&, Metadata& metadata) { metadata["step"] = step; });
    EXPECT_ERROR(load(), DataError, "expected a step in [0,30]");
  }
  rewrite([&](Entries&, Metadata& metadata) { metadata["step"] = "30"; });
  EXPECT_EQ(load(), 30);
  rewrite([&](Entries&, Metadata& metadata) { metadata["more"] = "text"; });
  EXPECT_ERROR(load(), DataError, "got more");
  rewrite([&](Entries&, Metadata& metadata) { metadata.erase("more"), metadata.erase("fingerprint"); });
  EXPECT_ERROR(load(), DataError, "fingerprint");
}

TEST_F(CheckpointTest, MissingAndMisfittingAndForeignPartsAreNamed) {
  const io::Bytes whole = io::read_file(file());
  const auto refuses = [&](const auto& change, const std::string& words) {
    io::write_file(file(), whole);
    rewrite([&](Entries& entries, Metadata&) { change(entries); });
    EXPECT_ERROR(load(), DataError, words);
  };
  const std::string momentum = "learner_optimizer.momentum.weight";
  refuses([&](Entries& e) { std::erase_if(e, [&](const auto& x) { return x.name == momentum; }); }, momentum);
  refuses([&](Entries& e) { entry(e, momentum).name = "foreign"; }, momentum);
  refuses([&](Entries& e) { entry(e, momentum).shape = {9}; }, "extents [3,3]");
  refuses([&](Entries& e) { e.push_back({.name = "foreign", .dtype = io::FileDType::kU8, .shape = {0}, .bytes = {}}); },
          "\"foreign\" too");
  const std::vector<float> numbers(9, 1.f), broken = {0, 0, 0, 0, 0, 0, 0, 0, std::numeric_limits<float>::quiet_NaN()};
  const io::Bytes narrow = io::f32_to_f16_bytes(numbers);
  refuses(
      [&](Entries& e) {
        entry(e, momentum).dtype = io::FileDType::kF16;
        entry(e, momentum).bytes = narrow;
      },
      "as F32, got F16");
  refuses([&](Entries& e) { entry(e, momentum).bytes = io::bytes_of(std::span<const float>(broken)); }, "finite");
  const std::vector<std::int64_t> another_seed = {6, 0}, short_list = {1};
  refuses([&](Entries& e) { entry(e, "noise").bytes = io::bytes_of(std::span<const std::int64_t>(another_seed)); },
          "random stream 'noise'");
  refuses(
      [&](Entries& e) {
        entry(e, "maker_optimizer.started").shape = {1};
        entry(e, "maker_optimizer.started").bytes = io::bytes_of(std::span<const std::int64_t>(short_list));
      },
      "2 parameters");
}

TEST_F(CheckpointTest, StateThatIsNotFiniteLeavesTheOldFile) {
  const io::Bytes before = io::read_file(file());
  class Broken : public testing::ToyMethod {
   public:
    using ToyMethod::ToyMethod;

   protected:
    void visit_parts(StateVisitor& visitor) override {
      ToyMethod::visit_parts(visitor);
      visitor.visit("more", Tensor::full({1}, std::numeric_limits<float>::infinity()));
    }
  };
  Broken task{Device{}};
  EXPECT_ERROR(save_checkpoint(file(), task, 8, "this configuration"), DataError, "more");
  EXPECT_EQ(io::read_file(file()), before);
  EXPECT_EQ(folder_.count(), 1);
}

}  // namespace
}  // namespace engram
