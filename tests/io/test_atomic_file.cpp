/// Atomic writes leave the old file or the whole new one; reads keep to their limit.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "engine/io/atomic_file.h"
#include "engine/io/live_temporaries.h"
#include "kernels/common/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/temp_folder.h"

namespace engram::io {
namespace {

using test::file_text;
using test::FileSizeLimit;
using test::TempFolder;

TEST(AtomicFile, WritesPiecesInOrder) {
  TempFolder folder;
  const std::string large(200000, 'x');
  AtomicFile file(folder / "a");
  file.write("one ");
  file.write(large);
  file.write(" two");
  EXPECT_FALSE(std::filesystem::exists(folder / "a")) << "nothing may appear before commit";
  file.commit();
  EXPECT_EQ(file_text(folder / "a"), "one " + large + " two");
  EXPECT_EQ(folder.count(), 1);
  EXPECT_THROW(file.write("more"), UsageError);
  EXPECT_THROW(file.commit(), UsageError);
}

TEST(AtomicFile, WritesAnEmptyFile) {
  TempFolder folder;
  write_file(folder / "a", "");
  EXPECT_EQ(file_text(folder / "a"), "");
}

TEST(AtomicFile, ReplacesAFileAndKeepsItsPermissions) {
  TempFolder folder;
  write_file(folder / "a", "old");
  std::filesystem::permissions(folder / "a", std::filesystem::perms(0640));
  write_file(folder / "a", "new");
  EXPECT_EQ(file_text(folder / "a"), "new");
  EXPECT_EQ(std::filesystem::status(folder / "a").permissions(), std::filesystem::perms(0640));
}

TEST(AtomicFile, FollowsALink) {
  TempFolder folder;
  write_file(folder / "target", "old");
  std::filesystem::create_symlink("target", folder / "link");
  write_file(folder / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(file_text(folder / "target"), "new");
}

TEST(AtomicFile, AbandonedWriteLeavesTheOldFileAndNoTemporary) {
  TempFolder folder;
  write_file(folder / "a", "old");
  try {
    AtomicFile file(folder / "a");
    file.write(std::string(200000, 'x'));
    throw DataError("something else went wrong");
  } catch (const DataError&) {
  }
  EXPECT_EQ(file_text(folder / "a"), "old");
  EXPECT_EQ(folder.count(), 1);
}

TEST(AtomicFile, FailedWriteLeavesTheOldFileAndNoTemporary) {
  TempFolder folder;
  write_file(folder / "a", "old");
  for (const std::size_t size : {std::size_t{5000}, std::size_t{1000000}}) {
    const FileSizeLimit limit(4096);
    EXPECT_ERROR(write_file(folder / "a", std::string(size, 'x')), IoError, (folder / "a").string());
    EXPECT_EQ(file_text(folder / "a"), "old");
    EXPECT_EQ(folder.count(), 1);
  }
}

TEST(AtomicFile, FailedWriteOfANewFileLeavesNothing) {
  TempFolder folder;
  const FileSizeLimit limit(4096);
  EXPECT_THROW(write_file(folder / "a", std::string(5000, 'x')), IoError);
  EXPECT_EQ(folder.count(), 0);
}

TEST(AtomicFile, RefusesFoldersDevicesAndMissingFolders) {
  TempFolder folder;
  EXPECT_ERROR(write_file(folder.path(), "x"), IoError, "regular file");
  EXPECT_ERROR(write_file("/dev/full", "x"), IoError, "regular file");
  EXPECT_ERROR(write_file(folder / "missing" / "a", "x"), IoError, "No such file or directory");
  EXPECT_ERROR(write_file("", "x"), IoError, "expected the path of a file");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
  EXPECT_EQ(folder.count(), 0);
}

TEST(ReadFile, ReadsExactlyWhatIsThere) {
  TempFolder folder;
  for (const std::size_t size : {0, 1, 65535, 65536, 300001}) {
    write_file(folder / "a", std::string(size, 'y'));
    EXPECT_EQ(read_file(folder / "a").size(), size);
  }
}

TEST(AtomicFile, AProcessThatEndsAtOnceTakesItsTemporariesAway) {
  TempFolder folder;
  AtomicFile done(folder / "done"), open(folder / "open");
  done.write("whole");
  done.commit();
  open.write("half");
  EXPECT_TRUE(std::filesystem::exists(open.temporary_path()));
  unlink_live_temporaries();
  EXPECT_FALSE(std::filesystem::exists(open.temporary_path()));
  EXPECT_EQ(file_text(folder / "done"), "whole");
}

TEST(ReadFile, KeepsToItsLimit) {
  TempFolder folder;
  write_file(folder / "a", std::string(1000, 'y'));
  EXPECT_EQ(read_file(folder / "a", 1000).size(), 1000u);
  EXPECT_ERROR(read_file(folder / "a", 999), DataError, "expected at most 999 bytes, got 1000");
  EXPECT_ERROR(read_file("/dev/zero", 100000), DataError, "expected at most 100000 bytes");
}

TEST(ReadFile, NamesWhatCannotBeRead) {
  TempFolder folder;
  EXPECT_ERROR(read_file(folder / "missing"), IoError, (folder / "missing").string());
  EXPECT_ERROR(read_file(folder.path()), IoError, "directory");
}

TEST(QuotedName, EscapesAndCuts) {
  EXPECT_EQ(quoted_name("layer1.0.weight"), "\"layer1.0.weight\"");
  EXPECT_EQ(quoted_name("a\x1b[2J\"\\"), "\"a\\x1b[2J\\x22\\x5c\"");
  EXPECT_EQ(quoted_name(std::string(1000, 'a')).size(), 120u + 5u);
}

}  // namespace
}  // namespace engram::io
