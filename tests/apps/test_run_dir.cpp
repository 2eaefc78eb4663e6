/// Run folders: never over another's files, complete from the start, continued without later metrics.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/common/run_dir.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/temp_folder.h"

namespace engram::apps {
namespace {

using Json = nlohmann::json;
using test::TempFolder;
namespace fs = std::filesystem;

const RunInfo kInfo{"engram-example", {"--lr", "1"}, 12345678901234567890u, 2, "cpu"};

std::string content(const fs::path& path) {
  return std::string(io::as_text(io::read_file(path)));
}
Json manifest(const fs::path& run) {
  return Json::parse(content(run / "manifest.json"));
}

TEST(RunDir, HoldsConfigurationManifestAndMetrics) {
  TempFolder folder;
  const fs::path path = folder / "a/b/run";
  {
    RunDir run = RunDir::create(path, false, kInfo, "{\n  \"lr\": 1\n}\n");
    EXPECT_EQ(manifest(path)["status"], "running");
    run.metrics(1, {{"loss", 0.5}, {"phase", std::string("warm-up")}});
    run.metrics(2, {{"loss", 0.25f}});
    io::write_file(folder / "input", "abc");
    run.add_hash("classifier", folder / "input");
    run.set_fact("parameters", std::int64_t{42});
    run.image("grid", 2, io::Image{2, 1, 3, {1, 2, 3, 4, 5, 6}});
    run.finish("complete");
  }
  const Json m = manifest(path);
  EXPECT_EQ(m["program"], "engram-example");
  EXPECT_EQ(m["seed"], 12345678901234567890u);
  EXPECT_EQ(m["threads"], 2);
  EXPECT_EQ(m["device"], "cpu");
  EXPECT_EQ(m["arguments"], (Json{"--lr", "1"}));
  EXPECT_EQ(m["status"], "complete");
  EXPECT_EQ(m["hashes"]["classifier"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(m["facts"]["parameters"], 42);
  EXPECT_TRUE(m.contains("version"));
  EXPECT_EQ(read_run_config(path), "{\n  \"lr\": 1\n}\n");
  EXPECT_EQ(content(path / "metrics.jsonl"),
            "{\"step\":1,\"loss\":0.5,\"phase\":\"warm-up\"}\n{\"step\":2,\"loss\":0.25}\n");
  int events = 0;
  for (const auto& entry : fs::directory_iterator(path)) {
    events += entry.path().filename().string().starts_with("events.out.tfevents.") && entry.file_size() > 100;
  }
  EXPECT_EQ(events, 1);
}

TEST(RunDir, AnExistingRunNeedsForce) {
  TempFolder folder;
  const fs::path path = folder / "run";
  { RunDir::create(path, false, kInfo, "{}").metrics(1, {{"loss", 0.5}}); }
  fs::create_directories(path / "images/s00");
  io::write_file(path / "images/s00/a.png", "x");
  EXPECT_ERROR(RunDir::create(path, false, kInfo, "{}"), UsageError, "--force");
  EXPECT_TRUE(fs::exists(path / "images/s00/a.png"));
  RunDir::create(path, true, kInfo, "{\"new\": 1}");
  EXPECT_FALSE(fs::exists(path / "images"));
  EXPECT_EQ(content(path / "metrics.jsonl"), "");
  EXPECT_EQ(read_run_config(path), "{\"new\": 1}");
}

TEST(RunDir, ForceNeverDeletesWhatIsNotARun) {
  TempFolder folder;
  io::write_file(folder / "precious", "x");
  EXPECT_ERROR(RunDir::create(folder.path(), false, kInfo, "{}"), UsageError, "--force");
  EXPECT_ERROR(RunDir::create(folder.path(), true, kInfo, "{}"), UsageError, "which holds other files");
  io::write_file(folder / "manifest.json", "{\"name\": \"somebody else's\"}");
  EXPECT_ERROR(RunDir::create(folder.path(), true, kInfo, "{}"), UsageError, "which holds other files");
  io::write_file(folder / "manifest.json", "not JSON");
  EXPECT_ERROR(RunDir::create(folder.path(), true, kInfo, "{}"), UsageError, "which holds other files");
  EXPECT_EQ(content(folder / "precious"), "x");
  EXPECT_ERROR(RunDir::create(folder / "precious", true, kInfo, "{}"), UsageError, "existing file");
  EXPECT_ERROR(RunDir::create(folder / "precious/below", true, kInfo, "{}"), IoError, "cannot create");
}

TEST(RunDir, AnEmptyFolderIsTaken) {
  TempFolder folder;
  RunDir run = RunDir::create(folder.path(), false, kInfo, "{}");
  EXPECT_TRUE(is_run_folder(folder.path()));
}

TEST(RunDir, ResumingDropsLaterMetricsAndIsNoted) {
  TempFolder folder;
  const fs::path path = folder / "run";
  {
    RunDir run = RunDir::create(path, false, kInfo, "{}");
    for (int step = 1; step <= 5; ++step) run.metrics(step, {{"loss", 1.0 / step}});
  }
  {
    RunDir run = RunDir::resume(path, kInfo, 3);
    run.metrics(4, {{"loss", 7.0}});
    run.finish("complete");
  }
  EXPECT_EQ(content(path / "metrics.jsonl").substr(0, 20), "{\"step\":1,\"loss\":1}\n");
  EXPECT_NE(content(path / "metrics.jsonl").find("{\"step\":4,\"loss\":7}\n"), std::string::npos);
  EXPECT_EQ(content(path / "metrics.jsonl").find("\"step\":5"), std::string::npos);
  const Json m = manifest(path);
  ASSERT_EQ(m["resumed"].size(), 1u);
  EXPECT_EQ(m["resumed"][0]["after_step"], 3);
  EXPECT_EQ(m["status"], "complete");
}

TEST(RunDir, OnlyARunOfTheSameProgramIsResumed) {
  TempFolder folder;
  EXPECT_ERROR(RunDir::resume(folder / "nowhere", kInfo, 1), UsageError, "manifest.json");
  RunDir::create(folder / "run", false, kInfo, "{}");
  RunInfo other = kInfo;
  other.program = "engram-other";
  EXPECT_ERROR(RunDir::resume(folder / "run", other, 1), UsageError, "got one of engram-example");
  io::write_file(folder / "run/manifest.json", "{");
  EXPECT_ERROR(RunDir::resume(folder / "run", kInfo, 1), DataError, "manifest");
}

TEST(RunDir, AFullDiskLeavesTheOldManifest) {
  TempFolder folder;
  RunDir run = RunDir::create(folder / "run", false, kInfo, "{}");
  const std::string before = content(folder / "run/manifest.json");
  {
    test::FileSizeLimit limit(64);
    EXPECT_THROW(run.set_fact("accuracy", 0.5), IoError);
  }
  EXPECT_EQ(content(folder / "run/manifest.json"), before);
}

}  // namespace
}  // namespace engram::apps
