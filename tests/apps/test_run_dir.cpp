/// Run folders: never over another's files, complete from the start, continued without later metrics.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "apps/common/run_dir.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/temp_folder.h"

namespace engram::apps {
namespace {

using test::file_text;
using Json = nlohmann::json;
using test::TempFolder;
namespace fs = std::filesystem;

/// How the run of these tests is started.
RunInfo info_with(const std::string& configuration) {
  RunInfo info{"engram-example", {"--lr", "1"}, 12345678901234567890u, 2, "cpu"};
  info.configuration = configuration;
  info.files = {"images/s*/*.png", "result.csv"};
  return info;
}
const RunInfo kRunInfo = info_with("{}");

Json manifest(const fs::path& run) {
  return Json::parse(file_text(run / "manifest.json"));
}

TEST(RunDir, HoldsConfigurationManifestAndMetrics) {
  TempFolder folder;
  const fs::path path = folder / "a/b/run";
  RunInfo info = info_with("{\n  \"lr\": 1\n}\n");
  io::write_file(folder / "input", "abc");
  info.add_input("classifier", folder / "input");
  {
    RunDir run = RunDir::create(path, false, info);
    EXPECT_EQ(manifest(path)["status"], "running");
    run.metrics(1, {{"loss", 0.5}, {"phase", std::string("warm-up")}});
    run.metrics(2, {{"loss", 0.25f}});
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
  EXPECT_EQ(m["inputs"]["classifier"], (folder / "input").string());
  EXPECT_EQ(m["facts"]["parameters"], 42);
  EXPECT_TRUE(m.contains("version"));
  EXPECT_EQ(file_text(path / "config.json"), "{\n  \"lr\": 1\n}\n");
  EXPECT_EQ(file_text(path / "metrics.jsonl"),
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
  { RunDir::create(path, false, kRunInfo).metrics(1, {{"loss", 0.5}}); }
  fs::create_directories(path / "images/s00");
  io::write_file(path / "images/s00/a.png", "x");
  EXPECT_ERROR(RunDir::create(path, false, kRunInfo), UsageError, "--force");
  EXPECT_TRUE(fs::exists(path / "images/s00/a.png"));
  RunDir::create(path, true, info_with("{\"new\": 1}"));
  EXPECT_FALSE(fs::exists(path / "images"));
  EXPECT_EQ(file_text(path / "metrics.jsonl"), "");
  EXPECT_EQ(file_text(path / "config.json"), "{\"new\": 1}");
}

TEST(RunDir, ForceNeverDeletesWhatIsNotARun) {
  TempFolder folder;
  io::write_file(folder / "precious", "x");
  EXPECT_ERROR(RunDir::create(folder.path(), false, kRunInfo), UsageError, "--force");
  EXPECT_ERROR(RunDir::create(folder.path(), true, kRunInfo), UsageError, "which holds other files");
  io::write_file(folder / "manifest.json", "{\"name\": \"somebody else's\"}");
  EXPECT_ERROR(RunDir::create(folder.path(), true, kRunInfo), UsageError, "which holds other files");
  io::write_file(folder / "manifest.json", "not JSON");
  EXPECT_ERROR(RunDir::create(folder.path(), true, kRunInfo), UsageError, "which holds other files");
  EXPECT_EQ(file_text(folder / "precious"), "x");
  EXPECT_ERROR(RunDir::create(folder / "precious", true, kRunInfo), UsageError, "existing file");
  EXPECT_ERROR(RunDir::create(folder / "precious/below", true, kRunInfo), IoError, "cannot create");
  EXPECT_ERROR(RunDir::create(folder / std::string(300, 'a'), true, kRunInfo), IoError, "cannot look up");
  fs::create_symlink(folder / "nowhere", folder / "link");
  EXPECT_ERROR(RunDir::create(folder / "link", true, kRunInfo), UsageError, "a place where nothing is");
}

TEST(RunDir, AManifestThatCannotBeReadIsNotTakenForNone) {
  TempFolder folder;
  RunDir::create(folder / "run", false, kRunInfo).finish("complete");
  EXPECT_TRUE(is_run_folder(folder / "run"));
  EXPECT_FALSE(is_run_folder(folder.path()));
  EXPECT_ERROR(own_files(folder.path(), {std::string(300, 'a')}), IoError, "cannot look up");
  ::rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  const ::rlimit none{.rlim_cur = 0, .rlim_max = usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_ERROR(is_run_folder(folder / "run"), IoError, "cannot open");
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
}

TEST(RunDir, AnEmptyFolderIsTaken) {
  TempFolder folder;
  RunDir run = RunDir::create(folder.path(), false, kRunInfo);
  EXPECT_TRUE(is_run_folder(folder.path()));
}

TEST(RunDir, ResumingDropsLaterMetricsAndIsNoted) {
  TempFolder folder;
  const fs::path path = folder / "run";
  {
    RunDir run = RunDir::create(path, false, kRunInfo);
    for (int step = 1; step <= 5; ++step) run.metrics(step, {{"loss", 1.0 / step}});
  }
  {
    RunDir run = RunDir::resume(path, kRunInfo);
    run.continue_after(3);
    run.metrics(4, {{"loss", 7.0}});
    run.finish("complete");
  }
  EXPECT_EQ(file_text(path / "metrics.jsonl").substr(0, 20), "{\"step\":1,\"loss\":1}\n");
  EXPECT_NE(file_text(path / "metrics.jsonl").find("{\"step\":4,\"loss\":7}\n"), std::string::npos);
  EXPECT_EQ(file_text(path / "metrics.jsonl").find("\"step\":5"), std::string::npos);
  const Json m = manifest(path);
  ASSERT_EQ(m["resumed"].size(), 1u);
  EXPECT_EQ(m["resumed"][0]["after_step"], 3);
  EXPECT_EQ(m["status"], "complete");
}

TEST(RunDir, MetricsThatARunGoesOnFromMustAllBeThere) {
  TempFolder folder;
  const fs::path path = folder / "run", metrics = path / "metrics.jsonl";
  const std::string kept = "{\"step\":1,\"test/accuracy\":0.5}\n", later = "{\"step\":2,\"test/accuracy\":0.25}\n";
  {
    RunDir run = RunDir::create(path, false, kRunInfo);
    run.metrics(1, {{"test/accuracy", 0.5}});
    run.seal_metrics();  // as before a checkpoint; then the run is killed
    run.metrics(2, {{"test/accuracy", 0.25}});
  }
  ASSERT_EQ(file_text(metrics), kept + later);
  const auto go_on = [&](std::int64_t step) { RunDir::resume(path, kRunInfo).continue_after(step); };
  fs::remove(metrics);
  EXPECT_ERROR(go_on(1), DataError, message("expected the ", kept.size(), " bytes of metrics.jsonl"));
  EXPECT_FALSE(fs::exists(metrics));
  for (const std::string& text :
       {kept.substr(0, 10), later + kept, std::string("{\"step\":1,\"test/accuracy\":0.6}\n")}) {
    io::write_file(metrics, text);
    EXPECT_ERROR(go_on(1), DataError, "metrics.jsonl");
    EXPECT_EQ(file_text(metrics), text);
  }
  Json m = manifest(path);
  const Json seal = m["metrics"];
  m.erase("metrics");
  io::write_file(path / "manifest.json", m.dump());
  io::write_file(metrics, kept);
  EXPECT_ERROR(go_on(1), DataError, "older version");
  m["metrics"] = seal;
  io::write_file(path / "manifest.json", m.dump());
  go_on(1);
  EXPECT_EQ(file_text(metrics), kept);
  fs::remove(metrics);
  go_on(-1);  // from the start: nothing was needed
  EXPECT_EQ(file_text(metrics), "");
}

TEST(RunDir, OnlyARunOfTheSameProgramIsResumed) {
  TempFolder folder;
  EXPECT_ERROR(RunDir::resume(folder / "nowhere", kRunInfo), UsageError, "manifest.json");
  RunDir::create(folder / "run", false, kRunInfo);
  RunInfo other = kRunInfo;
  other.program = "engram-other";
  EXPECT_ERROR(RunDir::resume(folder / "run", other), UsageError, "got one of engram-example");
  io::write_file(folder / "run/manifest.json", "{");
  EXPECT_ERROR(RunDir::resume(folder / "run", kRunInfo), DataError, "manifest");
}

TEST(RunDir, ForceRemovesWhatTheManifestListsAndNothingElse) {
  TempFolder folder;
  const fs::path path = folder / "run";
  { RunDir::create(path, false, kRunInfo); }
  fs::create_directories(path / "images/s00");
  for (const char* file : {"images/s00/a.png", "images/s00/notes.txt", "result.csv", "thesis.tex"})
    io::write_file(path / file, "x");
  RunDir::create(path, true, kRunInfo);
  for (const char* file : {"images/s00/a.png", "result.csv"}) EXPECT_FALSE(fs::exists(path / file)) << file;
  for (const char* file : {"images/s00/notes.txt", "thesis.tex"}) EXPECT_EQ(file_text(path / file), "x") << file;
  // Names that reach beyond the run's own files are not believed.
  for (const char* pattern : {"../other", "*", "/etc/x", "images/../thesis.tex", "./thesis.tex", ""}) {
    Json m = manifest(path);
    m["files"] = {pattern};
    io::write_file(path / "manifest.json", m.dump());
    EXPECT_ERROR(RunDir::create(path, true, kRunInfo), DataError, "expected the names of a run's files");
  }
  Json m = manifest(path);
  m.erase("files");
  io::write_file(path / "manifest.json", m.dump());
  EXPECT_ERROR(RunDir::create(path, true, kRunInfo), UsageError, "older version");
  EXPECT_EQ(file_text(path / "thesis.tex"), "x");
}

TEST(RunDir, OnlyOneWritesAFolder) {
  TempFolder folder;
  const fs::path path = folder / "run";
  {
    const RunDir first = RunDir::create(path, false, kRunInfo);
    EXPECT_ERROR(RunDir::create(path, true, kRunInfo), UsageError, "which a running program (process ");
    EXPECT_ERROR(RunDir::resume(path, kRunInfo), UsageError, "which a running program (process ");
  }
  { const RunDir second = RunDir::resume(path, kRunInfo); }
  RunDir::create(path, true, kRunInfo);
}

TEST(RunDir, AKilledProcessHoldsNothing) {
  TempFolder folder;
  const fs::path path = folder / "run";
  const pid_t child = ::fork();
  if (child == 0) {
    const RunDir run = RunDir::create(path, false, kRunInfo);
    ::raise(SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(manifest(path)["status"], "running");
  RunDir::resume(path, kRunInfo).continue_after(-1);
}

TEST(RunDir, WhatAKilledStartLeftCountsAsEmpty) {
  TempFolder folder;
  const fs::path path = folder / "run";
  fs::create_directories(path);
  io::write_file(path / ".engram-tmp-1-0", "half a manif");
  io::write_file(path / ".engram-lock", "1\n");
  RunDir::create(path, false, kRunInfo);
  EXPECT_FALSE(fs::exists(path / ".engram-tmp-1-0"));
  // Killed while its files were made, or while --force removed the old ones.
  Json m = manifest(path);
  m["status"] = "starting";
  io::write_file(path / "manifest.json", m.dump());
  io::write_file(path / "result.csv", "old");
  EXPECT_ERROR(RunDir::resume(path, kRunInfo), UsageError, "start it anew with --out");
  RunDir::create(path, false, kRunInfo);
  EXPECT_FALSE(fs::exists(path / "result.csv"));
  EXPECT_EQ(manifest(path)["status"], "running");
}

TEST(RunDir, AStartThatFailsLeavesNothing) {
  TempFolder folder;
  {
    test::FileSizeLimit limit(64);
    EXPECT_THROW(RunDir::create(folder / "a/b/run", false, kRunInfo), IoError);
    fs::create_directory(folder / "empty");
    EXPECT_THROW(RunDir::create(folder / "empty", false, kRunInfo), IoError);
  }
  EXPECT_FALSE(fs::exists(folder / "a"));
  EXPECT_TRUE(fs::is_empty(folder / "empty"));
}

TEST(RunDir, LinksInARunFolderAreNotFollowed) {
  TempFolder folder;
  const fs::path path = folder / "run", outside = folder / "outside";
  for (const char* name : {"metrics.jsonl", "report.html", "result.csv", "images", "manifest.json"}) {
    fs::remove_all(path);
    fs::remove_all(outside);
    { RunDir::create(path, false, kRunInfo).metrics(1, {{"loss", 0.5}}); }
    if (std::string(name) == "images") {
      fs::create_directories(outside);
      io::write_file(outside / "s00", "x");
    } else if (fs::exists(path / name)) {
      fs::copy_file(path / name, outside);
    } else {
      io::write_file(outside, "x");
    }
    const std::string before = fs::is_directory(outside) ? file_text(outside / "s00") : file_text(outside);
    fs::remove(path / name);
    fs::create_symlink(outside, path / name);
    EXPECT_ERROR(RunDir::resume(path, kRunInfo), DataError, "a link");
    EXPECT_THROW(RunDir::create(path, true, kRunInfo), Error) << name;
    EXPECT_EQ(fs::is_directory(outside) ? file_text(outside / "s00") : file_text(outside), before) << name;
  }
}

TEST(RunDir, StandardOutputIsNoFolder) {
  EXPECT_ERROR(RunDir::check_new("-", false), UsageError, "expected a folder to create, got -, which means standard");
}

TEST(RunDir, ResumingNamesWhatChanged) {
  TempFolder folder;
  const fs::path path = folder / "run";
  RunInfo info = info_with("{\"lr\": 0.1, \"data\": \"here\"}");
  io::write_file(folder / "data", "abc");
  info.add_input("data", folder / "data");
  RunDir::create(path, false, info);
  { RunDir same = RunDir::resume(path, info); }
  RunInfo other = info;
  other.configuration = "{\"lr\": 0.2, \"data\": \"there\"}";
  EXPECT_ERROR(RunDir::resume(path, other), DataError, "lr 0.2 (the run: 0.1)");
  other = info;
  other.threads = 3;
  EXPECT_ERROR(RunDir::resume(path, other), DataError, "expected the 2 threads");
  io::write_file(folder / "data", "abd");
  other = info;
  other.hashes.clear();
  other.add_input("data", folder / "data");
  EXPECT_ERROR(RunDir::resume(path, other), DataError, "got data of other content in ");
  io::write_file(folder / "data", "abc");
  io::write_file(folder / "key", "k");
  other = info;
  other.add_input("key", folder / "key");
  EXPECT_ERROR(RunDir::resume(path, other), DataError, "got key, of which the manifest has no hash");
  io::write_file(path / "config.json", "{\"lr\": 0.2}");
  EXPECT_ERROR(RunDir::resume(path, info), DataError, "got an edited one");
  fs::remove(path / "config.json");
  EXPECT_ERROR(RunDir::resume(path, info), DataError, "[run] expected the config.json that the run was started with");
}

TEST(RunDir, AResumedRunMayHaveAnotherLimitOfMemory) {
  TempFolder folder;
  const fs::path path = folder / "run";
  RunDir::create(path, false, info_with("{\"lr\": 0.1, \"memory_limit\": 8.0}"));
  { RunDir more = RunDir::resume(path, info_with("{\"lr\": 0.1, \"memory_limit\": 64.0}")); }
  EXPECT_ERROR(RunDir::resume(path, info_with("{\"lr\": 0.2, \"memory_limit\": 64.0}")), DataError,
               "got lr 0.2 (the run: 0.1); hint");
}

TEST(RunDir, AManifestWithMembersOfOtherTypesIsRefused) {
  TempFolder folder;
  const fs::path path = folder / "run";
  { RunDir::create(path, false, kRunInfo); }
  const Json good = manifest(path);
  for (const char* name : {"program", "status", "config_sha256", "hashes", "inputs", "files", "facts", "threads"}) {
    for (const Json& bad : {Json(1.5), Json::array({1, 2}), Json{{"data", 3}}, Json()}) {
      Json m = good;
      m[name] = bad;
      if (std::string(name) == "facts" && bad.is_object()) continue;
      io::write_file(path / "manifest.json", m.dump());
      EXPECT_ERROR(RunDir::resume(path, kRunInfo), DataError, "members of other types");
    }
  }
}

TEST(RunDir, AFullDiskLeavesTheOldManifest) {
  TempFolder folder;
  RunDir run = RunDir::create(folder / "run", false, kRunInfo);
  const std::string before = file_text(folder / "run/manifest.json");
  {
    test::FileSizeLimit limit(64);
    EXPECT_THROW(run.set_fact("accuracy", 0.5), IoError);
  }
  EXPECT_EQ(file_text(folder / "run/manifest.json"), before);
}

}  // namespace
}  // namespace engram::apps
